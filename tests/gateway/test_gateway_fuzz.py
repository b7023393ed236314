"""ssh names and requests of any kind: they end their own connection at most."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import asyncssh
from asyncssh.constants import MSG_CHANNEL_OPEN, MSG_GLOBAL_REQUEST
from asyncssh.packet import Boolean, String, UInt32
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.gateway.test_gateway_routes import route
from trainbot.features.labs import passwords
from trainbot.gateway.learner import login
from trainbot.gateway.learner import xen_manage as manage
from trainbot.gateway.routes import Routes
from trainbot.gateway.settings import GatewayConfig

NAMES = st.sampled_from(
    [
        b"exec",
        b"shell",
        b"subsystem",
        b"pty-req",
        b"env",
        b"window-change",
        b"signal",
        b"break",
        b"x11-req",
        b"auth-agent-req@openssh.com",
        b"exit-status",
        b"xon-xoff",
        b"eow@openssh.com",
        b"direct-tcpip",
        b"tcpip-forward",
        b"cancel-tcpip-forward",
        b"streamlocal-forward@openssh.com",
        b"session",
        b"forwarded-tcpip",
        b"tun@openssh.com",
        b"no-more-sessions@openssh.com",
        b"auth-agent@openssh.com",
        b"hostkeys-prove-00@openssh.com",
        b"keepalive@openssh.com",
    ]
) | st.binary(max_size=40)
PIECES = st.lists(
    st.binary(max_size=60).map(String)
    | st.integers(0, 2**32 - 1).map(UInt32)
    | st.booleans().map(Boolean)
    | st.binary(max_size=30),
    max_size=6,
).map(b"".join)
REQUESTS = st.lists(st.tuples(st.sampled_from(["channel", "global", "open"]), NAMES, PIECES), min_size=1, max_size=8)
ON_THE_WIRE = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def misbehave(world, password, requests):
    """Says all of it in one connection, which may be ended for it."""
    try:
        async with asyncssh.connect(
            "127.0.0.1",
            world.port,
            username="x",
            password=password,
            known_hosts=None,
            config=None,
            client_keys=None,
            agent_path=None,
        ) as connection:
            chan, _ = await connection.create_session(asyncssh.SSHClientSession, "cat", encoding=None)
            for number, (kind, name, rest) in enumerate(requests):
                if kind == "channel":
                    chan._send_request(name, rest)
                elif kind == "global":
                    connection.send_packet(MSG_GLOBAL_REQUEST, String(name), Boolean(True), rest)
                else:
                    connection.send_packet(
                        MSG_CHANNEL_OPEN, String(name), UInt32(1000 + number), UInt32(1 << 20), UInt32(1 << 15), rest
                    )
            chan.write_eof()
            async with asyncio.timeout(0.2):
                await chan.wait_closed()
    except (asyncssh.Error, OSError, TimeoutError):
        pass


@ON_THE_WIRE
@given(REQUESTS)
def test_requests_of_any_kind_harm_nobody(world, requests):
    """Channel requests, global requests and channels of any name with anything in them: nothing is asked of the lab that
    was not meant, and the gateway has no traceback to show (``world`` looks at its end)."""
    _, password = world.lease()
    asyncio.run(misbehave(world, password, requests))
    assert "Traceback" not in world.log()


def test_after_all_that_others_get_in(world):
    """The next learner finds the gateway as it was."""
    _, password = world.lease()
    assert world.ssh("echo in", password=password).stdout == b"in\n"


async def come(world, name, password):
    try:
        async with asyncssh.connect(
            "127.0.0.1",
            world.port,
            username=name,
            password=password,
            known_hosts=None,
            config=None,
            client_keys=None,
            agent_path=None,
        ):
            return True
    except (asyncssh.Error, OSError, ValueError):
        return False


@ON_THE_WIRE
@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
@example("0" * 33, "0")  # longer than what the log shows
def test_names_and_passwords_of_any_kind_on_the_wire(world, name, password):
    """No name and no guess is let in; the log stays one harmless line for each, with an ellipsis where a name was cut."""
    lines = len(world.log().splitlines())
    assert not asyncio.run(come(world, name, password))
    said = world.log().splitlines()[lines:]
    assert len(said) <= 3 and all(line.replace("…", "").isascii() and line.isprintable() for line in said)


class Owner:
    """Whoever says it."""

    person = 7

    def __init__(self) -> None:
        self.asked = []

    def labs(self):
        return []

    def own(self):
        return None

    async def ask(self, request):
        self.asked.append(request)
        return {"error": "no"}


@given(st.text(max_size=80), st.lists(st.binary(max_size=20), max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_words_of_xen_manage_have_an_exit_code(words, typed):
    """Whatever stands after xen-manage, and is typed meanwhile: an exit code, a bounded answer without control characters,
    and no question to the bot that is not one of ours."""

    async def run():
        said, owner = [], Owner()
        tool = manage.ManageCommand(
            owner, SimpleNamespace(), manage.ManageSession(False, lambda data, error: said.append(data), lambda: 0)
        )
        for data in typed:
            tool.heard(data)
        tool.ended()
        code = await tool.run("xen-manage " + words)
        return code, b"".join(said), owner.asked

    code, said, asked = asyncio.run(run())
    assert code in (0, 1, 2) and len(said) < 2000
    assert all(c == "\n" or c.isprintable() for c in said.decode())
    assert all(request["do"] in ("manage", "watch") and request["person"] == 7 for request in asked)


async def test_a_wrong_password_is_answered_slowly(tmp_path, monkeypatch):
    """Each wrong one costs config.wrong_delay before it is answered; a right one costs nothing."""
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    table = Routes([route("a", password="0000-1111-2222-3333")], b"p" * 32)

    async def routes():
        return table

    config = GatewayConfig(listen=(), state=tmp_path, control=tmp_path, lab_key=tmp_path, wrong_delay=3.5)
    hub = SimpleNamespace(config=config, routes=routes, failed=lambda address, user: None)
    monkeypatch.setattr(login.asyncio, "sleep", sleep)
    assert not await login.Login(hub, "127.0.0.1").password("x", "guess") and slept == [3.5]


def test_every_digest_is_compared_whoever_it_is():
    """The first, the last, and nobody's password take the same comparisons, each in constant time: with each lease's
    password and with the one that it replaces."""
    pepper, calls = b"p" * 32, []
    table = Routes([route(name, password=name * 16) for name in "abcde"], pepper)
    real = passwords.same
    try:
        passwords.same = lambda one, other: calls.append(1) or real(one, other)
        for tried in ("a" * 16, "e" * 16, "nobody's"):
            calls.clear()
            table.by_password("x", tried)
            assert len(calls) == 2 * 5
    finally:
        passwords.same = real
