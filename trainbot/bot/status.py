"""The running bot's report on itself over the control socket, as JSON (the operation ``status``)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from trainbot import __version__
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.features.labs.host_view import HostView
from trainbot.features.labs.placement import HostRoom
from trainbot.model.lab import Lab


def status(
    irc: IrcConnection, channels: Iterable[str], hosts: Iterable[tuple[HostView, HostRoom]], labs: Iterable[Lab]
) -> dict[str, Any]:
    """The report.  ``irc``: a ConnectionStatus (adapters.irc.connection_status); ``hosts``: come out by
    name, with times in ISO 8601, and memory and disk in MiB."""
    return {
        "version": __version__,
        "pid": os.getpid(),
        "nick": irc.nick,
        "connected": irc.connected,
        "irc": asdict(irc.connection_status()),
        "hosts": {room.host: _host(view, room) for view, room in hosts},
        "channels": {channel: len(irc.members(channel)) for channel in channels},
        "labs": {lab.name: str(lab.state) for lab in labs},
    }


def _host(view: HostView, room: HostRoom) -> dict[str, Any]:
    report = view.report
    found = {
        "up": view.up,
        "trouble": view.trouble,
        "lost": view.lost,
        "drained": view.drained,
        "down_since": _time(view.down_since),
        "io_wait": view.io_wait,
        "clock_off": view.clock_off,
        "last_trouble": view.last_trouble,
        "last_trouble_at": _time(view.last_trouble_at),
    }
    if report is not None:
        found |= {
            "hypervisor": report.hypervisor,
            "memory_mib": report.memory_mib,
            "free_mib": report.free_mib,
            "cpus": report.cpus,
            "busy": report.busy,
            "disk_free_mib": report.disk_free_mib,
            "disk_for_labs_mib": room.disk_left_mib,
            "labs": len(report.domains),
            "images": None if report.images is None else sorted(report.images),
        }
    return found


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
