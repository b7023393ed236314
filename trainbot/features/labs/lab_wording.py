"""Labs in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

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
    LabState.ENDING: "on its way out",
}
ROOM = 400  # octets of one line


def a(noun: str) -> str:
    """With its article."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def state_of(lab: Lab) -> str:
    return STATES.get(lab.state, str(lab.state))


def lab_line(lease: Lease, lab: Lab, host_up: bool, left: str, now: datetime) -> str:
    state = state_of(lab) if host_up else "its host does not answer"
    saved = f", snapshot {span(now - lab.saved_at)} ago" if lab.saved_at is not None else ""
    return f"{lease.image} ({lease.mode}) on {lab.host}: {state}, {left}{saved}"


def save_line(port: int, address: str, image: str, user: str) -> str:
    """What copies the home in a lab to where it is typed."""
    home = "/root" if user == "root" else f"/home/{user}"
    return f"scp -rp -P {port} {image}@{address}:{home} ."


def noted(*notes: str) -> str:
    """`` (one; two)``, of those that say something."""
    said = "; ".join(note for note in notes if note)
    return f" ({said})" if said else ""


def tame(text: str, most: int = 80) -> str:
    """What a host or a library said, for people: one line without control characters, at most so long."""
    line = "".join(sign if sign.isprintable() else " " for sign in text).strip()
    return line if len(line) <= most else line[: most - 1] + "…"


def packed(items: Sequence[str], between: str = "; ", room: int = ROOM) -> list[str]:
    """The items, in order, on as few lines of ``room`` octets as that takes."""
    lines: list[str] = []
    for item in items:
        if lines and len(f"{lines[-1]}{between}{item}".encode()) <= room:
            lines[-1] += between + item
        else:
            lines.append(item)
    return lines


def first_of(items: Sequence[str], more: str, room: int = ROOM) -> str:
    """As many items as one line holds (one at least), then ``and 23 more: …``."""
    for count in range(min(len(items), room), 1, -1):
        line = _some(items, count, more)
        if len(line.encode()) <= room:
            return line
    return _some(items, 1, more)


def _some(items: Sequence[str], count: int, more: str) -> str:
    rest = [f"and {len(items) - count} more: {more}"] if len(items) > count else []
    return "; ".join([*items[:count], *rest])
