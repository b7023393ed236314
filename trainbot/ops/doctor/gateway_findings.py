"""Findings about the gateway.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from trainbot.config import Config
from trainbot.core.errors import BackendError
from trainbot.ops.doctor.addresses import is_here
from trainbot.ops.doctor.finding import Finding, Findings

GATEWAY = Findings("gateway")
_NOBODY = "so nobody can get into a lab"


@dataclass(frozen=True, slots=True)
class GatewaySeen:
    """``pid``: None if none runs; ``program`` is the running version, ``wanted`` the installed one; ``asked``: the
    addresses it was told to listen on; ``answers``: None if its socket answers; ``outside``: the host key seen at the
    public address."""

    bot_runs: bool
    pid: int | None
    program: str
    wanted: str
    listens: tuple[tuple[str, int], ...]
    asked: tuple[tuple[str, int], ...]
    answers: BackendError | None
    own_key: str | BackendError
    lab_key: BackendError | None
    outside: str | BackendError | None


def gateway_findings(config: Config, seen: GatewaySeen | None) -> list[Finding]:
    """``seen``: None without hosts, since there is no gateway then."""
    if seen is None:
        return [GATEWAY.ok("not needed, bot.ini has no hosts")]
    found = [*_running(config, seen), *_lab_key(config, seen), *_address(config)]
    return found + (_outside(config, seen) if seen.pid is not None else [])


def _running(config: Config, seen: GatewaySeen) -> list[Finding]:
    if seen.pid is None:
        if seen.bot_runs:
            return [
                GATEWAY.wrong(
                    "is not running, although the bot is",
                    _NOBODY,
                    f"see the end of {config.store.state / 'gateway.log'}",
                )
            ]
        return [GATEWAY.note("is not running", "", "trainbot run starts it")]
    if not seen.listens:
        return [
            GATEWAY.wrong(
                f"is running (process {seen.pid}) but does not listen",
                _NOBODY,
                "run trainbot gateway --stop; the bot starts a new one",
            )
        ]
    if seen.answers is not None:
        return [
            GATEWAY.wrong(
                f"is running (process {seen.pid}) but does not answer ({seen.answers})",
                _NOBODY,
                f"see the end of {config.store.state / 'gateway.log'}; trainbot gateway --stop stops it, "
                "and cuts every session",
            )
        ]
    found = [
        GATEWAY.ok(
            f"is running (process {seen.pid}), listening on "
            + " ".join(f"{address}:{port}" for address, port in seen.listens)
        )
    ]
    if seen.asked and set(seen.asked) != set(config.gateway.listen):
        found.append(
            GATEWAY.wrong(
                "listens on addresses from an older bot.ini",
                "so learners are told the wrong port",
                "trainbot gateway --stop when nobody is in a lab: the bot starts a new one",
            )
        )
    if seen.program != seen.wanted:
        found.append(
            GATEWAY.note(
                "is another version than this program",
                "so later fixes are missing",
                "trainbot gateway --stop when nobody is in a lab: the bot starts a new one",
            )
        )
    return found


def _lab_key(config: Config, seen: GatewaySeen) -> list[Finding]:
    if seen.lab_key is None:
        return [GATEWAY.ok(f"the key for the labs, {config.gateway.lab_key}, is usable")]
    what = f"the key for the labs, {config.gateway.lab_key}, cannot be used"
    return [GATEWAY.failed(what, seen.lab_key, _NOBODY)]


def _address(config: Config) -> list[Finding]:
    address = config.labs.public_address
    if not is_here(address):
        return []
    if any(urlsplit(host.uri).hostname for host in config.hosts) or not is_here(config.irc.server):
        return [
            GATEWAY.wrong(
                f"learners are told ssh to {address}, which is their own machine",
                _NOBODY,
                "set [labs] public_address to the name at which they reach this machine",
            )
        ]
    return [
        GATEWAY.note(
            f"learners are told ssh to {address}",
            "which works only on this machine",
            "set [labs] public_address to the name at which others reach this machine",
        )
    ]


def _outside(config: Config, seen: GatewaySeen) -> list[Finding]:
    where = f"{config.labs.public_address} port {config.gateway.listen[0][1]}"
    if seen.outside is None:
        return []
    if isinstance(seen.outside, BackendError):
        return [
            GATEWAY.wrong(
                f"cannot be reached at {where} from here ({seen.outside})",
                "and that is where learners are told to go",
                "correct [labs] public_address, the DNS or the firewall; if a router blocks only this machine, try from "
                "elsewhere",
            )
        ]
    if isinstance(seen.own_key, BackendError):
        return [
            GATEWAY.failed("its host key cannot be compared", seen.own_key, "so it is unknown which server answers")
        ]
    if seen.outside != seen.own_key:
        return [
            GATEWAY.wrong(
                f"another ssh server answers at {where}",
                "so learners' ssh goes to somebody else",
                "correct [labs] public_address or the port that is forwarded",
            )
        ]
    return [GATEWAY.ok(f"can be reached at {where}, with its own host key")]
