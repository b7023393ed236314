"""HostWorker when a real Xen host, its libvirtd or the bot itself goes away under labs that run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from outside import domains, volumes
from watched import OWNER, Watched, greeting
from xen_host import XenHost, until

from trainbot.model.host import DomainState, GuestType, HostReport, HostWorkDone, LabSpec

pytestmark = pytest.mark.xen
NEVER = {"keepalive": 600, "keepalive_count": 10}  # so that it is not the keepalive which notices


def runs(spec: LabSpec):
    """A report that has the lab running."""
    return lambda report: any(domain.id == spec.id and domain.state is DomainState.RUNNING for domain in report.domains)


def states(report: HostReport) -> list[DomainState]:
    return [domain.state for domain in report.domains]


async def made(watched: Watched, spec: LabSpec) -> None:
    watched.worker.submit("make", spec.id, spec)
    finished = await watched.finished()
    assert finished.error is None and finished.domain and finished.domain.state is DomainState.RUNNING


@pytest.mark.parametrize("transport", ["tcp", "ssh_uri"])
async def test_libvirtd_restarts(first, watch, tiny, transport):
    """When libvirtd restarts, the host is lost and comes back by itself, and its labs never stopped."""
    rack, spec = watch("rack", getattr(first, transport), **NEVER), tiny(guest=GuestType.PV)
    await rack.up()
    await made(rack, spec)
    before = domains(first)
    await asyncio.to_thread(first.ssh, "systemctl restart libvirtd")
    await rack.lost()
    report = await rack.up()
    assert states(report) == [DomainState.RUNNING]
    assert domains(first) == before


@contextlib.contextmanager
def bot(uri: str, spec: LabSpec) -> Iterator[subprocess.Popen[str]]:
    """A process that makes this lab; killed at the end, as by kill -9."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("bot_process.py"), uri, OWNER, pickle.dumps(spec).hex()],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_bot_is_killed_while_a_lab_runs(first, drivers, tiny):
    """A lab whose bot was killed -9 runs on, and the next bot finds it by its report."""
    spec = tiny(guest=GuestType.PV)
    with bot(first.tcp, spec) as process:
        assert [process.stdout.readline() for _ in range(2)] == ["making\n", "made\n"]
    before = domains(first)
    driver = drivers(first.tcp)
    assert [(domain.id, domain.state) for domain in driver.report().domains] == [(spec.id, DomainState.RUNNING)]
    assert greeting(first, driver, spec.id).endswith("boots=1")
    assert domains(first) == before


def test_the_bot_is_killed_while_a_lab_is_made(first, drivers, tiny):
    """Killed in the middle of making a lab, the next bot's make gives one that runs, and destroy leaves nothing."""
    spec = tiny(guest=GuestType.PV)
    with bot(first.tcp, spec) as process:
        assert process.stdout.readline() == "making\n"
        until(lambda: spec.name in domains(first), "the lab is defined")
    driver = drivers(first.tcp)
    assert driver.make(spec).state is DomainState.RUNNING
    assert greeting(first, driver, spec.id).endswith("boots=1")
    driver.destroy(spec.id)
    assert domains(first) == {} and volumes(first) == []


async def test_a_host_is_unplugged(first, second, watch, tiny):
    """A host that went mute is lost once its keepalive is over, while a call that hangs in it holds up no other host;
    when it answers again it is back with its labs, which never stopped."""
    spec = tiny(guest=GuestType.PV)
    rack = watch("rack", first.tcp, keepalive=3, keepalive_count=2)
    hung, well = watch("hung", first.tcp, **NEVER), watch("well", second.tcp, **NEVER)
    for each in (rack, hung, well):
        await each.up()
    await made(rack, spec)
    await hung.up(runs(spec))
    before = domains(first)
    first.freeze()
    hung.worker.submit("make", tiny(2).id, tiny(2))
    lost = await rack.lost()
    assert lost.name == "rack" and "does not answer" in lost.reason
    rack.worker.submit("reboot", spec.id)  # at once: later it would wait for the next try to connect to a mute host
    assert (await rack.finished()).down
    await made(well, tiny(3))
    assert well.worker.up
    assert not any(isinstance(hung.events.get_nowait(), HostWorkDone) for _ in range(hung.events.qsize()))
    first.thaw()
    await rack.up(runs(spec))  # the other one may be there by now, and not run yet
    assert (await hung.finished()).error is None
    assert domains(first)[spec.name] == before[spec.name]


@pytest.mark.xenlong
async def test_a_host_dies(doomed: XenHost, watch, drivers, tiny):
    """A host that dies is lost at once, without waiting for a keepalive; after its next start it is back by itself
    with its lab off, and making the lab again starts it on the disk that it had."""
    spec, rack = tiny(guest=GuestType.PV), watch("rack", doomed.tcp, **NEVER)
    await rack.up()
    await made(rack, spec)
    assert (await asyncio.to_thread(greeting, doomed, drivers(doomed.tcp), spec.id)).endswith("boots=1")
    doomed.kill()
    assert "does not answer" in (await rack.lost()).reason
    doomed.boot()
    assert states(await rack.up()) == [DomainState.OFF]
    await made(rack, spec)
    assert (await asyncio.to_thread(greeting, doomed, drivers(doomed.tcp), spec.id)).endswith("boots=2")
