"""The running bot's report on itself (over the control socket: the operation ``status``), as JSON."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
import time
from collections import Counter
from dataclasses import asdict, replace
from datetime import datetime
from importlib import metadata
from typing import Any

from trainbot import __version__
from trainbot.adapters.db.health import size
from trainbot.adapters.irc.connection_status import ConnectionStatus
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.bot.turn_times import TurnTimes
from trainbot.bot.wiring import Wiring
from trainbot.features.labs.host_view import HostView
from trainbot.features.labs.placement import HostRoom
from trainbot.gateway.supervisor import GatewayStatus
from trainbot.model.config import Config
from trainbot.model.copies import CopyStatus
from trainbot.model.database_url import database_path

LIBRARIES = ("irc", "libvirt-python", "asyncssh", "sqlalchemy", "cryptography")


class BotStatus:
    """Made at the bot's start, because an upgrade may replace the files of the libraries that it has loaded."""

    def __init__(self, config: Config, wiring: Wiring, irc: IrcConnection, turns: TurnTimes) -> None:
        self._config, self._wiring, self._irc, self._turns = config, wiring, irc, turns
        self._began = time.monotonic()
        self._libraries = {name: _version(name) for name in LIBRARIES} | {"sqlite": sqlite3.sqlite_version}

    def summary(self) -> str:
        """One line for ``systemctl status``."""
        there, hosts = self._irc.connection_status(), self._wiring.scheduler.hosts.values()
        joined = sum(channel.joined for channel in there.channels.values())
        return (
            f"{'connected' if there.connected else 'not connected'} to {there.host}, in {joined} of "
            f"{len(there.channels)} channels; {sum(view.up for view in hosts)} of {len(hosts)} hosts up"
        )

    def _connection_status(self) -> ConnectionStatus:
        """With what lets us set topics that we may not set now."""
        there, topics = self._irc.connection_status(), self._wiring.sessions.channel_state.topics
        fixes = {name: topics.fix(name, there.nick, there.account) for name in there.channels}
        return replace(
            there,
            channels={name: replace(each, topic_fix=fixes[name]) for name, each in there.channels.items()},
        )

    def report(self, gateway: GatewayStatus | None, now: datetime, copies: CopyStatus | None = None) -> dict[str, Any]:
        """To be called within a transaction.  ``gateway``: None if the bot needs none; ``copies``: None if it makes none.

        ``uptime``, ``turns`` (TurnFigures) and ``lag`` in ``irc`` (ConnectionStatus) are in seconds; ``outbox``: messages
        waiting, by lane; hosts come out by name, with times in ISO 8601, and memory and disk in MiB; ``database`` is in
        bytes; ``waiting`` for a lab: people; ``clock_steps``: when and by how much the clock was set, the latest last.
        """
        store, irc, scheduler = self._wiring.store, self._irc, self._wiring.scheduler
        steps = self._wiring.clock_steps
        present, notices, leases = store.labs.present(), store.notices.waiting(), store.leases.open()
        hosts = zip(scheduler.hosts.values(), scheduler.rooms(present, now), strict=True)
        kinds = Counter((lab.machine, lab.image, str(lab.state)) for lab in present)
        return {
            "version": __version__,
            "python": platform.python_version(),
            "libraries": self._libraries,
            "pid": os.getpid(),
            "uptime": time.monotonic() - self._began,
            "nick": irc.nick,
            "connected": irc.connected,
            "irc": asdict(self._connection_status()),
            "outbox": irc.waiting(),
            "turns": asdict(self._turns.figures()),
            "clock_steps": {
                "count": steps.count,
                "recent": [{"at": _time(at), "seconds": by.total_seconds()} for at, by in steps.recent],
            },
            "hosts": {
                room.host: _host(view, room)
                for host, whole in hosts
                for view, room in ((host, whole), *zip(host.nodes.values(), whole.nodes, strict=True))
            },
            "channels": {channel: len(irc.members(channel)) for channel in self._config.irc.channels},
            "labs": {lab.name: str(lab.state) for lab in present},
            "lab_counts": [
                {"host": host, "image": image, "state": state, "labs": labs}
                for (host, image, state), labs in sorted(kinds.items())
            ],
            "leases": {
                "open": sum(lease.lab_id is not None for lease in leases),
                "waiting": sum(lease.lab_id is None for lease in leases),
            },
            "classes": len(store.classes.running()),
            "questions": sum(len(store.questions.turns(channel)[1]) for channel in self._config.irc.class_channels),
            "notices": {"waiting": len(notices), "due": sum(notice.due_at <= now for notice in notices)},
            "gateway": None if gateway is None else asdict(gateway),
            "database": _database(self._config.store.url),
            "copies": None if copies is None else _copies(copies, now),
        }


def _database(url: str) -> dict[str, int] | None:
    """None if it is in memory only."""
    path = database_path(url)
    if path is None:
        return None
    database, ahead = size(url)
    return {"bytes": database, "wal_bytes": ahead, "disk_free_bytes": shutil.disk_usage(path.parent).free}


def _copies(copies: CopyStatus, now: datetime) -> dict[str, Any]:
    """``age``: seconds for which what is stored may not be there yet; None if there is no copy."""
    age = None if copies.kept_at is None else (now - copies.kept_at).total_seconds()
    return asdict(copies) | {"made_at": _time(copies.made_at), "kept_at": _time(copies.kept_at), "age": age}


def _host(view: HostView, room: HostRoom) -> dict[str, Any]:
    """A host, or a node of one (HOST/NODE).  Numbers are told once: those of a host that has several nodes with them."""
    report = view.report if not view.nodes else None
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
        "most_labs": room.most if view.whole is None else None,
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


def _version(library: str) -> str:
    """As its metadata says it, which importlib.metadata would read with a whole mail parser."""
    text = metadata.distribution(library).read_text("METADATA") or ""
    found = re.search(r"^Version: *(\S+)", text, re.MULTILINE)
    return found[1] if found else metadata.version(library)
