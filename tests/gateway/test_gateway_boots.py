"""A lab that is turned off and on, or made anew behind the same address, is another machine."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.gateway.conftest import Lab, keygen, last_words, until
from tests.gateway.test_gateway_life import echo, enter
from trainbot.gateway.lab.dial import DirectDialer
from trainbot.gateway.lab.jump_hosts import JumpHosts
from trainbot.gateway.lab.lab_link import GONE, RESTARTS, LabBoot, LabLink, LabUnavailable
from trainbot.gateway.routes import Route
from trainbot.gateway.settings import GatewayConfig

ROUTE = Route(
    lease="1",
    person=1,
    name="a",
    image="debian",
    user="root",
    endpoint=("10.0.0.2", 22),
    why="",
    host_key="",
    digest="",
    keys=(),
    since=0.0,
    via="",
    boots=3,
    lab="one",
)


def test_a_boot_ends_the_sessions_at_once_and_the_same_line_leads_to_the_new_one(world):
    """The number of boots goes up behind the same address: who is inside is told, who comes is let in."""
    route, password = world.lease(boots=1, lab="one")
    inside = enter(world, password)
    world.tell(route, boots=2)
    assert b"trainbot: your lab is restarting: run ssh again\r\n" in last_words(inside)
    assert inside.returncode == 255
    assert world.ssh("echo in", password=password).stdout == b"in\n"


def test_a_boot_that_is_known_before_the_address_ends_the_sessions_once(world):
    """The bot says first that the lab restarts, then where it is: told at once, and the next session stays."""
    route, password = world.lease(boots=1, lab="one")
    inside = enter(world, password)
    route = world.tell(route, boots=2, endpoint=None, why="your lab is rebooting")
    assert b"your lab is restarting: run ssh again" in last_words(inside)
    waiting = world.open("echo in; cat", password=password)
    assert b"your lab is rebooting" in waiting.stderr.readline()
    world.tell(route, endpoint=world.lab.endpoint, why="")
    assert waiting.stdout.readline() == b"in\n"
    world.tell(route, endpoint=None, why="the host is being asked")
    world.tell(route, endpoint=world.lab.endpoint, why="")
    assert echo(waiting, b"still\n") == b"still\n"
    waiting.communicate()


def test_another_lab_behind_the_same_address_ends_the_sessions(world):
    """A lab that was lost is replaced by one that got its address: that is not where the sessions lead."""
    route, password = world.lease(boots=1, lab="one")
    inside = enter(world, password)
    world.tell(route, lab="two")
    assert b"your lab is gone" in last_words(inside)


@pytest.mark.parametrize(
    ("now", "leads", "restarts"),
    [
        ({}, True, False),
        ({"endpoint": None, "why": "the host is being asked"}, True, False),
        ({"boots": 4}, False, True),
        ({"boots": 4, "endpoint": None}, False, True),
        ({"boots": 4, "endpoint": ("10.0.0.3", 22)}, False, False),
        ({"endpoint": ("10.0.0.3", 22)}, False, False),
        ({"via": "door@xen2:22"}, False, False),
        ({"lab": "two"}, False, False),
        ({"lab": "two", "endpoint": None}, False, False),
        ({"lab": "", "endpoint": None}, True, False),
        ({"lab": "", "boots": 0, "endpoint": None}, False, False),
    ],
)
def test_which_route_is_still_the_same_machine(now, leads, restarts):
    """Another lab, address, host or boot is another machine; an address that nobody knows for a while is not."""
    route = replace(ROUTE, **now)
    assert LabBoot.of(ROUTE).leads_to(route) is leads
    assert LabBoot.of(ROUTE).restarts(route) is restarts


class Slow:
    """The way to a lab that takes nobody further than its banner until it is told to."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.came = asyncio.Queue()

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()

    async def _serve(self, reader, writer):
        go = asyncio.Event()
        there, back = await asyncio.open_connection(*self.lab.endpoint)
        writer.write(await there.readline())  # the banner
        self.came.put_nowait(go)
        await go.wait()
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))

    async def _copy(self, reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()


class Table:
    def __init__(self, route):
        self.now = route
        self.change = asyncio.Event()

    def route(self, lease):
        return self.now

    async def changed(self, timeout):
        self.change.clear()
        await self.change.wait()

    def tell(self, link, **other):
        self.now = replace(self.now, **other)
        sentence = link.moved(self.now)
        self.change.set()
        return sentence


@pytest.fixture
async def slow(tmp_path):
    """A link to a lab that is slow, the table it follows, and the way in."""
    key = keygen(tmp_path / "key")
    lab = Lab(tmp_path / "lab", key).start()
    way = Slow(lab)
    config = GatewayConfig(listen=(), state=tmp_path, control=tmp_path, lab_key=tmp_path / "key", patience=60.0)
    table = Table(replace(ROUTE, endpoint=await way.start(), host_key=lab.host_key))
    link = LabLink(config, table, DirectDialer(config, JumpHosts(config)), "1")
    yield link, table, way
    link.close()
    way.server.close()
    lab.kill()


async def test_a_login_that_is_under_way_does_not_end_up_in_the_old_machine(slow):
    """The lab boots while somebody is being let in: that login is dropped, and the next goes to the new machine."""
    link, table, way = slow
    coming = asyncio.create_task(link.connection(lambda text: None))
    old = await way.came.get()
    assert table.tell(link, boots=4) == ""
    new = await way.came.get()
    old.set()
    new.set()
    connection = await coming
    assert link.machine == LabBoot.of(table.now)
    assert (await connection.run("echo in")).stdout == "in\n"
    assert table.tell(link, boots=5) == RESTARTS


async def test_a_login_that_was_let_in_while_the_address_was_taken_back_is_dropped(slow):
    """The bot takes the address back before the old machine goes: who was let in just then waits for the new one."""
    link, table, way = slow
    coming = asyncio.create_task(link.connection(lambda text: None))
    old = await way.came.get()
    endpoint = table.now.endpoint
    table.tell(link, endpoint=None, why="your lab is resetting")
    old.set()
    while link._attempt is not None and not link._attempt.done():  # it comes to its end, unseen from outside
        await asyncio.sleep(0.01)
    assert not coming.done()
    table.tell(link, endpoint=endpoint, boots=4)
    (await way.came.get()).set()
    assert (await (await coming).run("echo in")).stdout == "in\n"
    assert table.tell(link, endpoint=("127.0.0.1", 1)) == GONE


async def test_a_lease_that_ends_while_somebody_is_let_in(slow):
    """Whoever was just coming in is told that it is over."""
    link, table, way = slow
    coming = asyncio.create_task(link.connection(lambda text: None))
    (await way.came.get()).set()
    table.now = None
    with pytest.raises(LabUnavailable, match="your lease has ended"):
        await coming


def test_sessions_of_others_are_left_alone(world):
    """One person's boot ends nobody else's session in a lab of their own."""
    one, password = world.lease(boots=1)
    _, other = world.lease(boots=1)
    inside, beside = enter(world, password), enter(world, other)
    world.tell(one, boots=2)
    inside.communicate(timeout=30)
    assert echo(beside, b"here\n") == b"here\n"
    beside.communicate()
    until(lambda: world.log().count("logged out") >= 2)
