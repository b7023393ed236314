"""Labs in words."""

from __future__ import annotations

from datetime import datetime

from trainbot.labs.model import Lab, LabState, Lease
from trainbot.spine.words import span

STATES = {LabState.MAKING: "being made", LabState.BOOTING: "booting", LabState.READY: "ready",
          LabState.REBOOTING: "rebooting", LabState.RESETTING: "being reset"}


def lab_line(lease: Lease, lab: Lab, host_up: bool, now: datetime) -> str:
    state = STATES.get(lab.state, str(lab.state)) if host_up else "its host does not answer"
    return f"{lease.image} ({lease.mode}) on {lab.host}: {state}, {span(lease.expires_at - now)} left"
