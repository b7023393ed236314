"""Sentences about labs."""

from __future__ import annotations

from datetime import datetime, timedelta

from trainbot.core.wording import span
from trainbot.model.lab import Lab, LabState, Lease

STATES = {
    LabState.MAKING: "being made",
    LabState.BOOTING: "booting",
    LabState.READY: "ready",
    LabState.REBOOTING: "rebooting",
    LabState.RESETTING: "being reset",
    LabState.SAVING: "being saved",
    LabState.ROLLING_BACK: "being rolled back",
    LabState.PAUSING: "being paused",
    LabState.PAUSED: "paused, because its host's disk is nearly full",
    LabState.RESUMING: "being resumed",
    LabState.ENDING: "being removed",
}
LONG = timedelta(minutes=1)  # after this it is said for how long a lab has been booting
ROOM = 400  # bytes of one line


def a(noun: str) -> str:
    """The noun with its indefinite article."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def state_of(lab: Lab) -> str:
    return STATES.get(lab.state, str(lab.state))


def lab_line(lease: Lease, lab: Lab, host_up: bool, left: str, now: datetime) -> str:
    state = state_of(lab) if host_up else "its host does not answer"
    if host_up and lab.state is LabState.BOOTING and now - lab.state_at > LONG:
        state += f" for {span(now - lab.state_at)}"
    saved = f", snapshot {span(now - lab.saved_at)} ago" if lab.saved_at is not None else ""
    return f"{lease.image} ({lease.mode}) on {lab.machine}: {state}, {left}{saved}"


def noted(*notes: str) -> str:
    """The notes that are not empty, as `` (one; two)``; '' if all are empty."""
    said = "; ".join(note for note in notes if note)
    return f" ({said})" if said else ""
