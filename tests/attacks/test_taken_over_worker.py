"""A stranger who has taken over a worker by a hole before login: the gateway and everybody on another worker go on."""

from __future__ import annotations

import threading

import pytest

from tests.gateway.conftest import HERE
from tests.gateway.test_gateway_life import echo, enter
from tests.gateway.test_gateway_workers import before_login, request

pytestmark = pytest.mark.attacks
HOLED = [str(HERE / "holed_worker.py")]


def test_a_taken_over_worker_harms_only_itself(own_world):
    """Whatever an honest worker would not send ends it: a lab, a session or an entry without a login, somebody else's
    connection, a request that is not known, half a message, one that is too large.  Those on another worker stay inside,
    and the next get in."""
    holed = own_world(worker=HOLED, connections=100)
    _, password = holed.lease()
    sent = [
        ("ask", "dial", {}),
        ("ask", "session", {}),
        ("ask", "enter", {}),
        ("ask", "sign", {"dial": 0, "data": request()}),
        ("ask", "manage", {"view": 1, "pty": False, "command": "xen-manage list"}),
        ("say", {"id": 1, "do": "gone"}),
        ("say", {"id": 1, "do": "enter", "n": 1}),
        ("say", {"id": "x", "do": "enter"}),
        ("say", {"do": "password", "n": 1, "user": 7, "password": "x"}),
        ("say", {"do": "reboot"}),
        ("raw", "{", 1),
        ("raw", "[]", 1),
        ("raw", "[", 60_000),
        ("raw", "x", 100_000),
        ("raw", "", 1),
    ]
    for attack in sent:
        holed.all_workers_are_ready()
        staying = enter(holed, password)
        assert before_login(holed, *attack) is None, attack
        assert echo(staying, b"still here\n") == b"still here\n", attack
        staying.communicate()
    holed.all_workers_are_ready(len(sent))
    assert holed.ssh("echo in", password=password).stdout == b"in\n"


def test_a_worker_that_floods_the_gateway(own_world):
    """Messages without end for five seconds: sessions on another worker answer meanwhile, and the log stays bounded."""
    world = own_world(worker=HOLED)
    _, password = world.lease()
    beside = enter(world, password)
    flood = threading.Thread(target=before_login, args=(world, "flood", 5))
    flood.start()
    answers = 0
    while flood.is_alive():
        assert echo(beside, b"here\n") == b"here\n"
        answers += 1
    assert answers >= 10  # two in each of its seconds
    assert world.ssh("echo in", password=password).stdout == b"in\n"
    sizes = [path.stat().st_size for path in world.state.glob("gateway.log*")]
    assert sum(sizes) < 3 << 20
    beside.communicate()
