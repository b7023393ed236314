"""``trainbot status``: the running bot's report on itself, as findings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from trainbot import __version__
from trainbot.adapters.irc.connection_status import ConnectionStatus
from trainbot.core.clock import words
from trainbot.core.wording import span
from trainbot.ops.doctor.finding import Finding, Findings, Level

SLOW = 1.0  # seconds: p99 of turns above which commands are late
ENOUGH = 100  # turns: of fewer, p99 is the longest one alone, such as the first after a start
LAGGING = 10.0  # seconds
STALE = 30.0  # seconds after which a copy that should be brought up to date every second is too old
SCARCE = 1 << 30  # bytes free on the database's disk
LONG_WAL = 256 << 20  # bytes: SQLite starts over at 4 MiB unless a reader is in its way

BOT, IRC, CLASSES, LABS, GATEWAY, STORE = map(Findings, ("bot", "irc", "classes", "labs", "gateway", "store"))


def status(report: dict[str, Any], as_json: bool, say: Callable[[str], None]) -> int:
    """Prints ``report`` (bot.status); exit code 1 if something needs attention."""
    found = findings(report)
    if as_json:
        say(json.dumps({**report, "findings": [finding.as_json() for finding in found]}, ensure_ascii=False))
    else:
        for finding in found:
            say(finding.line)
    return 1 if any(finding.level is Level.WRONG for finding in found) else 0


def findings(report: dict[str, Any]) -> list[Finding]:
    return [
        *_bot(report),
        *_irc(ConnectionStatus.from_json(report["irc"]), report),
        *_classes(report),
        *_labs(report),
        *(finding for name, host in report["hosts"].items() for finding in _host(Findings(f"host {name}"), host)),
        *_gateway(report["gateway"]),
        *_store(report),
        *copy_findings(STORE, report.get("copies")),
    ]


def _bot(report: dict[str, Any]) -> Iterator[Finding]:
    libraries = ", ".join(f"{name} {version}" for name, version in report["libraries"].items())
    yield BOT.ok(
        f"trainbot {report['version']}, process {report['pid']}, up {span(timedelta(seconds=report['uptime']))}; "
        f"Python {report['python']}, {libraries}"
    )
    if report["version"] != __version__:
        yield BOT.wrong(
            f"trainbot {__version__} is installed",
            "but the old one still runs",
            "restart the bot, for example with systemctl restart trainbot (no session is interrupted)",
        )
    turns = report["turns"]
    text = f"turns: {turns['count']}, p50 {_ms(turns['p50'])}, p99 {_ms(turns['p99'])}, longest {_ms(turns['longest'])}"
    if turns["p99"] > SLOW and turns["count"] >= ENOUGH:
        yield BOT.wrong(text, "so commands are answered late", "run trainbot doctor store, and look at the disk's load")
    else:
        yield BOT.ok(text)
    for step in report["clock_steps"]["recent"][-1:]:
        yield BOT.note(
            f"this machine's clock was set {words(timedelta(seconds=step['seconds']))} at {step['at']}",
            "but leases and waiting times went on as before",
            "look at its time synchronisation: timedatectl",
        )
    if turns["failed"]:
        yield BOT.note(
            f"turns that failed since the start: {turns['failed']}",
            "so some commands were not done, and their people were told",
            "the log has the reasons (journalctl -u trainbot)",
        )


def _ms(seconds: float) -> str:
    """Never with an exponent."""
    if 0 < seconds < 1e-5:
        return "under 0.01 ms"
    return f"{seconds * 1000:.3g} ms" if seconds < 0.9995 else f"{seconds:.1f} s"


def _irc(there: ConnectionStatus, report: dict[str, Any]) -> Iterator[Finding]:
    where = f"{there.network} ({there.host})" if there.network else there.host
    if not there.connected:
        yield IRC.wrong(
            f"not connected to {where} ({there.trouble or 'connecting'})",
            "so nobody can reach the bot",
            "run trainbot doctor irc",
        )
        return
    lag = "" if there.lag is None else f", lag {_ms(there.lag)}"
    account = f"logged in as {there.account}" if there.account else "not logged in"
    text = f"{where} as {there.nick}, {account}, {there.tls or 'no TLS'}{lag}"
    if there.lag is not None and there.lag > LAGGING:
        yield IRC.wrong(
            text, "so answers are late", "look at the network's state, or use another server ([irc] server)"
        )
    else:
        yield IRC.ok(text)
    for name, channel in there.channels.items():
        if channel.joined:
            people = report["channels"].get(name, 0)
            yield IRC.ok(f"in {name}, people: {people}")
        else:
            yield IRC.wrong(
                f"not in {name} ({channel.refused or 'not joined yet'})",
                "so nobody there can reach the bot",
                "run trainbot doctor irc",
            )
    waiting = {lane: number for lane, number in report["outbox"].items() if number}
    lanes = ", ".join(f"{number} {lane}" for lane, number in waiting.items())
    yield IRC.ok(f"messages waiting to be sent: {sum(waiting.values())}" + (f" ({lanes})" if lanes else ""))


def _classes(report: dict[str, Any]) -> Iterator[Finding]:
    notices = report["notices"]
    yield CLASSES.ok(
        f"running: {report['classes']}, open questions: {report['questions']}, "
        f"notices waiting: {notices['waiting']} ({notices['due']} due)"
    )


def _labs(report: dict[str, Any]) -> Iterator[Finding]:
    states: Counter[str] = Counter()
    for row in report["lab_counts"]:
        states[row["state"]] += row["labs"]
    counted = ", ".join(f"{number} {state}" for state, number in states.most_common())
    leases = report["leases"]
    yield LABS.ok(f"in all: {states.total()}" + (f" ({counted})" if counted else "") + f", in use: {leases['open']}")
    if leases["waiting"]:
        yield LABS.note(
            f"people waiting for a lab: {leases['waiting']}", "", "trainbot lab capacity shows how many fit"
        )


def _host(about: Findings, host: dict[str, Any]) -> Iterator[Finding]:
    doctor = f"run trainbot doctor {about.subject}"
    if not host["up"]:
        if host["lost"]:
            yield about.wrong(f"lost ({host['trouble']})", "so its people have been moved to other hosts", doctor)
        else:
            yield about.wrong(f"down ({host['trouble']})", "so its labs may be out of reach", doctor)
        return
    text = "up"
    if "labs" in host:
        disk = host["disk_free_mib"]
        most = f" of {host['most_labs']}" if host["most_labs"] is not None else ""
        text += f", {host['labs']}{most} labs, {host['free_mib']} of {host['memory_mib']} MiB free"
        text += f", disk {disk / 1024:.0f} GiB free" if disk is not None else ""
    yield about.ok(text)
    if host["drained"]:
        name = about.subject.removeprefix("host ")
        yield about.note("drained", "so no new labs are placed on it", f"!undrain {name} on IRC ends this")


def _gateway(gateway: dict[str, Any] | None) -> Iterator[Finding]:
    if gateway is None:
        return
    if gateway["pid"] is None:
        yield GATEWAY.wrong("not running", "so nobody can log in to a lab", "run trainbot doctor gateway")
        return
    text = f"process {gateway['pid']}, {gateway['version'] or 'unknown version'}"
    if gateway["inside"] is None and gateway["current"]:
        yield GATEWAY.wrong(f"{text}: does not answer", "so logins may fail", "run trainbot doctor gateway")
    else:
        yield GATEWAY.ok(text + ("" if gateway["inside"] is None else f", logged in: {gateway['inside']}"))
    if not gateway["current"]:
        yield GATEWAY.note(
            "of another version than the bot",
            "so it is replaced when its last session ends",
            "trainbot gateway --stop replaces it now and cuts its sessions",
        )


def _store(report: dict[str, Any]) -> Iterator[Finding]:
    store = report["database"]
    if store is None:
        yield STORE.wrong(
            "the database is in memory only",
            "so everything is lost when the bot stops",
            "set a file: [store] url = sqlite:///trainbot.db",
        )
        return
    text = f"{_mib(store['bytes'])}, write-ahead log {_mib(store['wal_bytes'])}, {_mib(store['disk_free_bytes'])} free"
    if store["disk_free_bytes"] < SCARCE:
        yield STORE.wrong(text, "and with a full disk the bot can store nothing", "free some space on that disk")
    elif store["wal_bytes"] > LONG_WAL:
        yield STORE.wrong(
            text,
            "so some program has been reading the database for long",
            "end that program (fuser shows who has the file open); then the log is emptied by itself",
        )
    else:
        yield STORE.ok(text)


def copy_findings(subject: Findings, copies: dict[str, Any] | None) -> Iterator[Finding]:
    """About the running bot's copies of itself (bot.status); nothing if it makes none."""
    if copies is None:
        return
    age = copies["age"]
    if age is None:
        yield subject.wrong(
            f"there is no copy in {copies['where']} ({copies['trouble'] or 'the first one is being made'})",
            "so all is lost if this machine dies",
            "trainbot copy tries again and says why",
        )
        return
    text = f"copy {copies['name']} in {copies['where']}, {span(timedelta(seconds=age)) if age >= 60 else f'{max(age, 0):.0f} s'} old"
    if copies["trouble"] or age > STALE:
        yield subject.wrong(
            f"{text} ({copies['trouble'] or 'it falls behind'})",
            "so what has happened since is lost if this machine dies",
            "trainbot copy tries again and says why",
        )
    else:
        yield subject.ok(text)


def _mib(octets: int) -> str:
    return f"{octets / 2**20:.1f} MiB" if octets < 10 << 30 else f"{octets / 2**30:.0f} GiB"
