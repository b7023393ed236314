"""Examines the ssh gateway: whether it runs, answers, and can be reached at its public address."""

from __future__ import annotations

import socket

from trainbot.adapters.state_folder import HOST_KEY
from trainbot.config import Config
from trainbot.core.errors import BackendError
from trainbot.gateway import process
from trainbot.gateway.program import program
from trainbot.gateway.rpc.gateway_client import GatewayAway, GatewayClient
from trainbot.gateway.ssh_probe import host_key_at, public_half
from trainbot.ops.doctor.examine import ExamineTimeout, attempt, in_thread
from trainbot.ops.doctor.finding import Finding
from trainbot.ops.doctor.gateway_findings import GatewaySeen, gateway_findings
from trainbot.ops.doctor.here import LocalFacts, bot_runs

REACH = 12.0  # seconds
ANSWER = 15.0


async def examine_gateway(here: LocalFacts) -> list[Finding]:
    config, state = here.config, here.config.store.state
    if not config.hosts:
        return gateway_findings(config, None)
    pid = process.running(state)
    seen = GatewaySeen(
        bot_runs=bot_runs(await here.bot()),
        pid=pid,
        program=process.version(state),
        wanted=program(),
        listens=process.listening(state),
        asked=process.asked(state),
        answers=await _answers(config) if pid is not None else None,
        own_key=await in_thread(_own_key, config),
        lab_key=await in_thread(_lab_key, config),
        outside=await _outside(config) if pid is not None else None,
    )
    return gateway_findings(config, seen)


async def _answers(config: Config) -> BackendError | None:
    """None if its socket answers; it does not matter whether anything listens at the requested address."""
    asked = GatewayClient(config.store.state).speaks(("127.0.0.1", config.gateway.listen[0][1]))
    found = await attempt(ANSWER, "its answer", asked)
    return found if isinstance(found, GatewayAway | ExamineTimeout) else None


async def _outside(config: Config) -> str | BackendError:
    """The host key of the ssh server at the public address."""
    address, port = config.labs.public_address, config.gateway.listen[0][1]
    known = await attempt(REACH, f"looking up {address}", in_thread(_resolve, address, port))
    if isinstance(known, BackendError):
        return known
    return await attempt(REACH, f"{address} port {port}", host_key_at(known, port))


def _resolve(address: str, port: int) -> str:
    try:
        return str(socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        raise BackendError(f"the name cannot be resolved, {getattr(error, 'strerror', None) or error}") from None


def _own_key(config: Config) -> str | BackendError:
    path = config.store.state / (HOST_KEY + ".pub")
    try:
        return " ".join(path.read_text("ascii").split()[:2])
    except (OSError, UnicodeDecodeError) as error:
        return BackendError(f"cannot read {path} ({getattr(error, 'strerror', None) or 'not a key'})")


def _lab_key(config: Config) -> BackendError | None:
    """None if the key for the labs can be read and its public half matches."""
    private = config.gateway.lab_key
    try:
        if not private.exists():
            return BackendError(
                f"{private} does not exist: trainbot image build creates it together with an image that accepts it"
            )
        public = private.with_name(private.name + ".pub")
        if public.exists() and public.read_text("ascii").split()[:2] != public_half(private).split():
            return BackendError(
                f"{public} belongs to another key: recreate it with ssh-keygen -y -f {private} > {public}"
            )
        public_half(private)
        return None
    except BackendError as error:
        return error
    except (OSError, UnicodeDecodeError) as error:
        return BackendError(f"cannot read {private} or its .pub ({getattr(error, 'strerror', None) or 'not a key'})")
