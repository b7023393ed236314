"""Examines a host: its shell, libvirt, jump host, and the running bot's view of it, all at once."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainbot.adapters.hosts.confinement import confined
from trainbot.config import Config
from trainbot.core.errors import BackendError
from trainbot.core.files import nearest_existing
from trainbot.gateway import process
from trainbot.gateway.rpc.gateway_client import GatewayClient
from trainbot.model.host import HostConfig
from trainbot.model.host_address import host_address
from trainbot.model.jump_host import JumpHost
from trainbot.ops.doctor.examine import attempt, in_thread
from trainbot.ops.doctor.finding import Finding
from trainbot.ops.doctor.here import LocalFacts
from trainbot.ops.doctor.host_findings import HostSeen, host_findings
from trainbot.ops.doctor.host_shell import SCRIPT, HostShell
from trainbot.ops.doctor.host_shell import read as read_shell
from trainbot.ops.host_setup.desired import desired_state
from trainbot.ops.host_setup.facts import ask
from trainbot.ops.host_setup.hypervisors import hypervisor_of
from trainbot.ops.host_setup.probe_jump_host import connect_ssh
from trainbot.ops.host_setup.remote_shell import RemoteShell
from trainbot.ops.host_setup.state import DesiredState, HostFacts

SLACK = 25.0  # seconds for the ssh login, on top of the deadline in [host.NAME]
_TOOLS = ("qemu-img", "qemu-system-x86_64")


@dataclass(frozen=True, slots=True)
class ShellReport:
    """What the host's shell reported."""

    facts: HostFacts
    wanted: DesiredState
    shell: HostShell


def seconds(host: HostConfig) -> float:
    """The maximum time for a host: two calls over ssh, one after the other."""
    return 2 * (host.deadline + SLACK) + SLACK


async def examine_host(here: LocalFacts, host: HostConfig) -> list[Finding]:
    bot, address = await here.bot(), host_address(host.uri)
    view = bot.get("hosts", {}).get(host.name) if isinstance(bot, dict) else None
    if address.root is not None:
        return host_findings(here.config, _embedded(here, host, address.root, view))
    told, look, cores = await asyncio.gather(_shell(here, host), here.libvirt(host), _jump_host(here.config, host))
    return host_findings(
        here.config,
        HostSeen(
            host,
            view,
            look=look,
            jump_host=cores,
            owner=await here.owner(),
            images=here.images,
            told=(told.facts, told.wanted, told.shell) if isinstance(told, ShellReport) else told,
        ),
    )


async def _shell(here: LocalFacts, host: HostConfig) -> ShellReport | BackendError | None:
    """None if it has no shell to ask: a test host, QEMU on this machine."""
    if hypervisor_of(host.uri) is None:
        return None
    return await attempt(seconds(host) - SLACK, f"the shell of {host.name}", in_thread(_ask, here.config, host))


def _ask(config: Config, host: HostConfig) -> ShellReport:
    with RemoteShell(host.name, host.uri) as reach:
        facts, wanted = ask(reach, desired_state(config, host, True, lambda line: None), host.deadline + SLACK)
        more = reach.run(SCRIPT.read_text(encoding="utf-8"), host.deadline) if facts.user == 0 else ""
        return ShellReport(facts, wanted, read_shell(more))


async def _jump_host(config: Config, host: HostConfig) -> int | BackendError | None:
    """The number of CPUs that the jump host reports; None if the host has no jump host."""
    if not host.door:
        return None
    state, what = config.store.state, f"the jump host of {host.name}"
    if process.running(state) is not None:
        reading = await attempt(host.deadline + SLACK, what, GatewayClient(state).status(host.door))
        return reading if isinstance(reading, BackendError) else reading.cores
    account = JumpHost.parse(host.door)
    patience = host.deadline + SLACK
    return await attempt(
        patience, what, in_thread(connect_ssh, state, account.user, account.address, account.port, patience - 1)
    )


def _embedded(here: LocalFacts, host: HostConfig, root: Path, view: dict[str, Any] | None) -> HostSeen:
    """Only the bot opens an embedded host; here, only its programs and its folder are checked."""
    missing = tuple(tool for tool in _TOOLS if shutil.which(tool) is None)
    near = nearest_existing(root)
    return HostSeen(
        host,
        view,
        images=here.images,
        embedded=True,
        confined=confined(),
        missing=missing,
        writable=os.access(near, os.W_OK | os.X_OK),
        kvm=os.access("/dev/kvm", os.R_OK | os.W_OK),
    )
