"""Labs in words."""

from __future__ import annotations

from datetime import datetime, timedelta

from trainbot.labs.model import Lab, LabState, Lease

STATES = {LabState.MAKING: "being made", LabState.BOOTING: "booting", LabState.READY: "ready",
          LabState.REBOOTING: "rebooting", LabState.RESETTING: "being reset"}


def span(length: timedelta) -> str:
    """``3 h 50 min``, ``12 min``, ``40 s``: the two largest units that matter."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes and not days)
    return " ".join(parts)


def lab_line(lease: Lease, lab: Lab, host_up: bool, now: datetime) -> str:
    state = STATES.get(lab.state, str(lab.state)) if host_up else "its host does not answer"
    return f"{lease.image} ({lease.mode}) on {lab.host}: {state}, {span(lease.expires_at - now)} left"
