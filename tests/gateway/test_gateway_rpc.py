"""What the bot and shell commands ask of the gateway: does a lab answer, run this in it, how is that host."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.test_text import harmful
from tests.gateway.conftest import keygen, until
from tests.gateway.test_gateway_jump_hosts import AT
from trainbot.core.errors import BackendError
from trainbot.gateway.lab.connect import LabUnreachable
from trainbot.gateway.rpc.gateway_client import GatewayAway, GatewayClient, GatewayRefused
from trainbot.gateway.rpc.host_status import read_status

STATUS = {"time": 1.5, "cores": 2, "cpu": [1, 2, 3, 4, 5, 6, 7, 8], "disk_free_mib": 9}


@pytest.fixture
def client(world):
    return GatewayClient(world.state)


def test_the_socket_is_its_owners_only(world):
    """Nobody else on the machine can ask for logins."""
    assert stat.S_IMODE((world.state / "gateway.sock").stat().st_mode) == 0o600


@pytest.mark.parametrize("through", [False, True])
async def test_a_command_in_a_lab(world, client, jump_host, through):
    """Input, both outputs and the exit status, directly and through a jump host."""
    way = (AT, jump_host.via) if through else (world.lab.endpoint, "")
    ran = await client.login(*way, host_key=world.lab.host_key, command="cat; echo b >&2; exit 3", stdin="a\n")
    assert (ran.exit, ran.stdout, ran.stderr, ran.signal, ran.cut) == (3, "a\n", "b\n", "", False)
    assert await client.speaks(*way) is True


def test_a_shell_command_may_ask_as_well(world, client):
    """The same from a program without an event loop."""
    assert asyncio.run(client.login(world.lab.endpoint, host_key=world.lab.host_key)).exit == 0


async def test_many_at_once(world, client, jump_host):
    """Thirty logins beside each other through one jump host are all done."""
    ran = await asyncio.gather(
        *(client.login(AT, jump_host.via, host_key=world.lab.host_key, command=f"echo {n}") for n in range(30))
    )
    assert [each.stdout for each in ran] == [f"{n}\n" for n in range(30)]


async def test_what_a_lab_says_is_bounded_and_harmless(world, client):
    """More than the limit is cut, escape and control characters are gone, output without end ends the command."""
    way = {"endpoint": world.lab.endpoint, "host_key": world.lab.host_key}
    ran = await client.login(**way, command="printf '\\033[31mred\\033[0m\\007\\r\\nx\\ty\\377\\n'")
    assert ran.stdout == "red\nx\ty\ufffd\n"
    ran = await client.login(**way, command="head -c 5000 /dev/zero | tr '\\0' x", limit=100)
    assert (ran.stdout, ran.cut) == ("x" * 100, True)
    for endless in ("exec yes", "exec yes >&2", "exec cat /dev/urandom"):
        with pytest.raises(GatewayRefused, match="printed over .* KiB and was stopped"):
            await client.login(**way, command=endless)
    ran = await client.login(**way, command="kill -9 $$")
    assert (ran.exit, ran.signal) == (-1, "KILL")


async def test_why_not_is_told_apart(world, client, tmp_path):
    """No ssh yet, another host key, not let in, too slow, no jump host: a sentence, and a word for programs."""
    key, lab = world.lab.host_key, world.lab.endpoint
    with socket.create_server(("127.0.0.1", 0)) as mute:
        closed = mute.getsockname()
    for wanted, reason, sentence in (
        (client.login(closed, host_key=key), "silent", "no ssh server answers there yet"),
        (client.login(lab, host_key=keygen(tmp_path / "other")), "host key", "ssh host key is not its image's"),
        (client.login(lab, host_key=""), "host key", "the lab's ssh host key is unknown or unreadable"),
        (
            client.login(lab, host_key=key, command="exec sleep 60", timeout=1.0),
            "timeout",
            "the command in the lab timed out after 1 s",
        ),
        (client.login(AT, "x@127.0.0.1:1", host_key=key), "door", "trainbot host prepare NAME"),
        (client.login(AT, "nonsense", host_key=key), "door", "is not a jump host"),
        (
            client.login(("10.0.0.1;reboot", 22), "x@127.0.0.1:1", host_key=key),
            "request",
            "invalid request to the gateway",
        ),
        (client.login(lab, host_key=key, stdin="x" * (1 << 20)), "request", "send less"),
    ):
        with pytest.raises(GatewayRefused, match=sentence) as caught:
            await wanted
        assert caught.value.reason == reason and isinstance(caught.value, BackendError)
    authorized = world.lab.folder.parent / "authorized"
    known = authorized.read_text()
    authorized.write_text((tmp_path / "other.pub").read_text())
    with pytest.raises(GatewayRefused, match="does not accept the installation's key") as caught:
        await client.login(lab, host_key=key)
    assert caught.value.reason == "refused"
    authorized.write_text(known)
    assert await client.speaks(closed) is False


async def test_a_lab_that_dies_in_the_middle_of_a_command(own_world):
    """The asker hears that it broke off, and does not wait for the time to be over."""
    world = own_world()
    client = GatewayClient(world.state)
    asked = asyncio.create_task(
        client.login(
            world.lab.endpoint, host_key=world.lab.host_key, timeout=600.0, command="touch began; exec sleep 60"
        )
    )
    await asyncio.to_thread(until, (world.lab.folder / "began").exists)
    world.lab.kill()
    with pytest.raises(GatewayRefused, match="the connection to the lab was lost"):
        await asked


async def test_no_gateway_is_one_sentence(tmp_path):
    """Where none runs, or it ends meanwhile, the asker hears that."""
    with pytest.raises(GatewayAway, match="trainbot run starts it"):
        await GatewayClient(tmp_path).speaks(("127.0.0.1", 22))


async def test_how_a_host_is(world, client, jump_host):
    """The line of lab-door as values, with our clock before and after."""
    before = time.time()
    reading = await client.status(jump_host.via)
    assert before <= reading.asked <= reading.told <= time.time()
    assert abs(reading.time - reading.told) < 60 and reading.cores >= 1 and len(reading.cpu) == 8
    assert reading.disk_free_mib > 0


@pytest.mark.parametrize(
    "script",
    [
        "echo rubbish",
        "exec yes",
        "exec cat /dev/zero",
        "exec sleep 60",
        "kill -9 $$",
        "echo '[]'",
        "echo no such thing >&2; exit 1",
        "exec yes no >&2",
        "echo '{}'",
    ],
)
async def test_a_host_that_says_rubbish_is_one_sentence(shared_world, script):
    """Garbage, output without end, silence: an error, soon, and the host's labs are reached all the same."""
    world = shared_world(jump_host_wait=1.0)
    jump_host = world.jump_host()
    shipped = (jump_host.folder / "lab-door").read_text()
    jump_host.put(
        "lab-door", f'#!/bin/sh\n[ "$SSH_ORIGINAL_COMMAND" = status ] || exec {jump_host.folder}/real\n{script}\n'
    )
    jump_host.put("real", shipped)
    client = GatewayClient(world.state)
    with pytest.raises(GatewayRefused) as caught:
        await client.status(jump_host.via)
    assert len(str(caught.value)) < 300 and not harmful(str(caught.value))
    assert (await client.login(AT, jump_host.via, host_key=world.lab.host_key)).exit == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=9), inner),
)


@given(
    json_values | st.builds(lambda name, value: {**STATUS, name: value}, st.sampled_from(list(STATUS)), json_values),
    st.binary(max_size=300),
)
def test_any_status_is_one_or_an_error(value, words):
    """Whatever a host says is numbers within bounds, or one short sentence."""
    try:
        status = read_status(json.dumps(value).encode() + b"\nmore", words)
    except LabUnreachable as error:
        assert len(str(error)) < 300 and not harmful(str(error))
    else:
        assert all(isinstance(each, int) and each >= 0 for each in [status["cores"], *status["cpu"]])


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"op": 1},
        {"op": "login"},
        {"op": "speaks", "endpoint": ["a", 1]},
        {"op": "speaks", "endpoint": ["127.0.0.1", -1]},
        {"op": "status", "via": 3},
        {"op": "login", "endpoint": ["127.0.0.1", 22], "timeout": "x"},
        {"op": "login", "endpoint": ["127.0.0.1", 22], "limit": 1e400},
        {"op": "login", "endpoint": ["127.0.0.1", 22], "timeout": None},
        {"op": "login", "endpoint": ["127.0.0.1", True]},
    ],
)
async def test_any_request_is_answered(world, client, request_):
    """Nonsense on the socket is answered with a sentence, and nothing breaks."""
    reader, writer = await asyncio.open_unix_connection(str(world.state / "gateway.sock"))
    writer.write(json.dumps(request_).encode() + b"\n")
    answer = json.loads(await reader.readline())
    assert "error" in answer and "reference" not in answer["error"]
    writer.close()
    assert await client.speaks(world.lab.endpoint)
