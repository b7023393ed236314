"""A host of several nodes behind the real worker and its threads."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.adapters.hosts.paper_cluster import PaperCluster
from trainbot.adapters.hosts.worker import HostWorker
from trainbot.core.errors import HostDown
from trainbot.model.host import HostConfig, HostDriver, HostLost, HostUp, HostWorkDone


async def test_a_class_on_three_nodes(lab_spec) -> None:
    """Forty-five labs, each on the node that it was meant for; a node that dies fails what is asked of it alone; when the
    manager is away, all that waits ends as down, and later the host is there again with all its labs."""
    cluster, events = PaperCluster("pool"), asyncio.Queue()
    driver: HostDriver = cluster  # it is one
    config = HostConfig("pool", "test:///default", labs=45, folder=Path("/"))
    worker = HostWorker(config, lambda changed: driver, events.put_nowait, backoff=(0.0,), reread=3600.0)

    async def until(kind, number):
        found = []
        while len(found) < number:
            event = await asyncio.wait_for(events.get(), 30)
            found += [event] if isinstance(event, kind) else []
        return found

    worker.start()
    (up,) = await until(HostUp, 1)
    assert [(part.name, part.up, part.labs) for part in up.report.parts] == [(f"n{n}", True, 0) for n in (1, 2, 3)]
    specs = [replace(lab_spec(number), node=f"n{number % 3 + 1}") for number in range(45)]
    for spec in specs:
        worker.submit("make", spec.id, spec)
    done = await until(HostWorkDone, 45)
    assert Counter(event.domain.node for event in done) == {"n1": 15, "n2": 15, "n3": 15}
    assert {event.lab: event.domain.node for event in done} == {spec.id: spec.node for spec in specs}

    cluster.dies("n2")
    for spec in specs:
        worker.submit("reboot", spec.id)
    failed = {event.lab: event for event in await until(HostWorkDone, 45) if event.error}
    assert set(failed) == set(cluster.on("n2")) and not any(event.down for event in failed.values())
    assert worker.up

    cluster.manager = False
    worker.submit("reboot", specs[0].id)
    assert (await until(HostWorkDone, 1))[0].down and len(await until(HostLost, 1)) == 1
    cluster.manager = True
    cluster.returns("n2")
    (up,) = await until(HostUp, 1)
    assert len(up.report.domains) == 45 and [part.labs for part in up.report.parts] == [15, 15, 15]
    await worker.close()


def test_a_manager_that_is_away_answers_nothing() -> None:
    """As a driver of any host that cannot be reached."""
    cluster = PaperCluster("pool")
    cluster.manager = False
    for call in (cluster.open, cluster.report, cluster.ping, lambda: cluster.destroy("x")):
        try:
            call()
        except HostDown:
            continue
        raise AssertionError(call)
