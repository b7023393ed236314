"""What the running bot has its workers do for hosts of several nodes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from trainbot.bot.app import App
from trainbot.bot.events import Outcome
from trainbot.features.labs.host_view import HostView
from trainbot.model.host import HostConfig
from trainbot.model.lab_events import ProbeHost

POOL = HostConfig("pool", "xen:///system", door="trainbot-door@{node}:22")


def test_a_node_is_probed_by_way_of_its_host() -> None:
    """Its host is read again, and its own sshd and labs are listened to."""
    read: list[str] = []
    heard: list[ProbeHost] = []
    app: Any = SimpleNamespace(
        workers={"pool": SimpleNamespace(refresh=lambda: read.append("pool"))},
        listener=SimpleNamespace(listen=heard.append),
        irc=SimpleNamespace(send=lambda *_: None),
    )
    wanted = ProbeHost("pool/n2", (("10.77.0.2", 22),), "trainbot-door@n2:22")
    App._carry_out(app, Outcome(work=[wanted]))
    assert (read, heard) == (["pool"], [wanted])


async def test_each_node_is_asked_how_it_is() -> None:
    """At its own door, and only while it answers its host."""
    view, asked = HostView(POOL), []
    view.know_nodes(["n1", "n2"], ())
    view.nodes["n1"].up = True
    app: Any = SimpleNamespace(
        bot=SimpleNamespace(
            wiring=SimpleNamespace(scheduler=SimpleNamespace(machines={"a": view.nodes["n1"], "b": view.nodes["n2"]}))
        ),
        probes=SimpleNamespace(ask_hosts=asked.extend),
    )
    await App._ask_hosts(app)
    assert [(host.name, host.door) for host in asked] == [("pool/n1", "trainbot-door@n1:22")]
