"""The control socket: requests, topics, and clients that mean harm."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.adapters.control.client import ask, subscribe
from trainbot.adapters.control.lines import REQUEST_LIMIT, BadLine, decode, encode
from trainbot.adapters.control.server import ControlServer, refuse_second
from trainbot.core.errors import BackendError, UserError


async def echo(request):
    if request.get("op") == "bug":
        raise RuntimeError("a secret detail")
    if request.get("op") == "wrong":
        raise UserError("say it like this: right")
    if request.get("op") == "odd":
        return {"odd": object()}
    return {"you said": request}


@pytest.fixture
async def server(tmp_path):
    made = ControlServer(tmp_path / "run" / "control", echo)
    await made.start()
    yield made
    await made.close()


async def asking(server, request, timeout=10.0):
    return await asyncio.to_thread(ask, server.path, request, timeout)


async def test_a_request_is_answered(server):
    """One object in, one object out, any characters in it."""
    request = {"op": "say", "text": "ünï \u2028 \ud800 \n"}
    assert await asking(server, request) == {"you said": request}


async def test_the_socket_is_the_owners_only(server):
    """Socket 0600 in a folder 0700."""
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700


async def test_errors_for_people_are_told_and_bugs_are_a_reference(server, caplog):
    """A UserError is told as it is; a bug's details stay in the log, under the reference that the asker gets."""
    assert await asking(server, {"op": "wrong"}) == {"error": "say it like this: right"}
    for op in ("bug", "odd"):
        error = (await asking(server, {"op": op}))["error"]
        assert "secret" not in error
        assert error.split()[-1] in caplog.text


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"garbage\n",
        b"[1]\n",
        b"null\n",
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b'{"op":"subscribe"}\n',
        b'{"op":"subscribe","topic":[]}\n',
        b"\0\0\n",
        b"{}}\n",
    ],
)
async def test_a_bad_line_gets_an_error_and_the_next_is_answered(server, line):
    """Garbage costs its sender one error line, no more."""
    reader, writer = await asyncio.open_unix_connection(str(server.path))
    writer.write(line + encode({"op": "after"}))
    assert "error" in json.loads(await reader.readline())
    assert json.loads(await reader.readline()) == {"you said": {"op": "after"}}
    writer.close()


async def test_an_oversized_line_ends_only_its_own_connection(server):
    """Over 1 MiB without an end of line: an error line, and that connection is closed; others go on."""
    reader, writer = await asyncio.open_unix_connection(str(server.path))
    writer.write(b"x" * (REQUEST_LIMIT + 2))
    assert "longer than" in json.loads(await reader.readline())["error"]
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
    assert await asking(server, {"op": "x"}) == {"you said": {"op": "x"}}


async def test_a_client_that_leaves_early_harms_nobody(server):
    """Half a line, or gone before the answer: the next client is served."""
    for said in (b"", b'{"op"', encode({"op": "x"}), encode({"op": "subscribe", "topic": "t"})):
        _, writer = await asyncio.open_unix_connection(str(server.path))
        writer.write(said)
        writer.transport.abort()
    assert "you said" in await asking(server, {"op": "x"})


class Heard:
    """A subscriber that can be waited for."""

    def __init__(self, path, topic="t"):
        self.values, self.states = asyncio.Queue(), asyncio.Queue()
        self.task = asyncio.create_task(subscribe(path, topic, self.values.put_nowait, self.states.put_nowait))

    async def stop(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_subscribers_hear_the_latest_and_each_change(server):
    """First the latest value, then each new one; the same value again is no news, other topics are not told."""
    server.publish("t", 1)
    server.publish("t", 2)
    heard, late = Heard(server.path), Heard(server.path, "later")
    assert await heard.values.get() == 2
    server.publish("other", "x")
    server.publish("t", 2)
    server.publish("t", {"a": [3]})
    assert await heard.values.get() == {"a": [3]}
    assert heard.values.empty() and late.values.empty()
    server.publish("later", None)
    assert await late.values.get() is None
    await heard.stop()
    await late.stop()


async def test_a_slow_subscriber_gets_the_latest_and_costs_nothing(server):
    """Somebody who does not read holds up neither publisher nor others, and later gets the last value."""
    reader, writer = await asyncio.open_unix_connection(str(server.path), limit=4 << 20)
    writer.write(encode({"op": "subscribe", "topic": "t"}))
    server.publish("t", "first")
    assert b"first" in await reader.readline()
    heard = Heard(server.path)
    for number in range(50):
        server.publish("t", [number, "x" * 1_000_000])
        while (await heard.values.get())[0] != number:
            pass
    server.publish("t", "last")
    lines = 0
    while b'"last"' not in await reader.readline():
        lines += 1
    assert lines < 40
    writer.close()
    await heard.stop()


async def test_a_subscriber_outlives_the_bot(tmp_path):
    """It waits for a bot that is not there yet, says when it goes, and hears the new one's value."""
    path = tmp_path / "control"
    heard = Heard(path)
    assert await heard.states.get() is False
    for value in ("one", "two"):
        server = ControlServer(path, echo)
        await server.start()
        server.publish("t", value)
        assert await heard.values.get() == value
        assert await heard.states.get() is True
        await server.close()
        assert await heard.states.get() is False
    await heard.stop()


async def test_a_value_that_the_subscriber_cannot_use_is_not_its_end(server):
    """An exception in on_value is logged, and the next value arrives."""
    got = asyncio.Queue()

    def fussy(value):
        if value == "bad":
            raise ValueError(value)
        got.put_nowait(value)

    task = asyncio.create_task(subscribe(server.path, "t", fussy))
    server.publish("t", "good")
    assert await got.get() == "good"
    server.publish("t", "bad")
    await asking(server, {})
    server.publish("t", "better")
    assert await got.get() == "better"
    task.cancel()


async def test_a_second_bot_is_refused_and_harms_nothing(server):
    """A living bot's socket stays: the second one is told that another trainbot is already running here."""
    with pytest.raises(BackendError, match="another trainbot is already running here"):
        await ControlServer(server.path, echo).start()
    assert "you said" in await asking(server, {"op": "x"})


async def test_a_dead_bots_socket_is_replaced(tmp_path):
    """What kill -9 leaves behind is in nobody's way."""
    path = tmp_path / "control"
    code = (
        "import asyncio, os, sys\nfrom pathlib import Path\nfrom trainbot.adapters.control.server import ControlServer\n"
        "async def main():\n await ControlServer(Path(sys.argv[1]), None).start()\n os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())"
    )
    subprocess.run([sys.executable, "-c", code, path])
    assert stat.S_ISSOCK(path.stat().st_mode)
    server = ControlServer(path, echo)
    await server.start()
    assert "you said" in await asking(server, {})
    await server.close()
    assert not path.exists()


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path):
    """Somebody's file at that path is not removed, but named."""
    (tmp_path / "control").write_text("precious")
    with pytest.raises(BackendError, match="is not a socket"):
        await ControlServer(tmp_path / "control", echo).start()
    assert (tmp_path / "control").read_text() == "precious"


async def test_a_path_that_is_too_long_is_one_sentence(tmp_path):
    """unix(7) allows 107 bytes."""
    with pytest.raises(BackendError, match="cannot create the control socket"):
        await ControlServer(tmp_path / ("x" * 120), echo).start()


async def test_asking_where_no_bot_is_or_one_is_mute(tmp_path):
    """One sentence for: no bot, a bot that does not answer in time, one that goes away."""
    with pytest.raises(BackendError, match="trainbot is not running here"):
        ask(tmp_path / "control", {})
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute"))
        mute.listen()
        with pytest.raises(BackendError, match="did not answer within"):
            ask(tmp_path / "mute", {}, timeout=0.1)

        def leave():
            with pytest.raises(BackendError, match="went away"):
                ask(tmp_path / "mute", {}, timeout=10)

        leaving = asyncio.create_task(asyncio.to_thread(leave))
        mute.accept()[0].close()
        connection = await asyncio.to_thread(lambda: mute.accept()[0])
        connection.close()
        await leaving


@given(st.binary(max_size=200))
def test_any_line_is_an_object_or_bad(line):
    """Nothing a client sends raises anything but BadLine."""
    with suppress(BadLine):
        assert isinstance(decode(line), dict)


def test_values_without_json_form_are_refused(tmp_path):
    """publish refuses what cannot be said, at once and in the bot."""
    server = ControlServer(tmp_path / "c", echo)
    for value in (object(), float("nan"), {os}):
        with pytest.raises((TypeError, ValueError)):
            server.publish("t", value)


@pytest.fixture
def watchful(monkeypatch):
    """Servers that look at their files more often than a person would wait for."""
    monkeypatch.setattr("trainbot.adapters.control.server.LOOK", 0.01)


@pytest.mark.parametrize("how", ["removed", "replaced by a file", "replaced by a dead socket"])
async def test_a_socket_file_that_goes_is_made_again(watchful, server, how, caplog):
    """Somebody tidies up, or restores an old folder: who is connected stays connected, and new ones find the way in."""
    heard = Heard(server.path)
    server.publish("t", 1)
    assert await heard.values.get() == 1
    server.path.unlink()
    if how == "replaced by a file":
        server.path.touch()
        while "exists and is not a socket: move it away" not in caplog.text:
            await asyncio.sleep(0)
        server.path.unlink()
    elif how == "replaced by a dead socket":
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(server.path))
    while "made again" not in caplog.text:
        await asyncio.sleep(0)
    assert await asking(server, {"op": "x"}) == {"you said": {"op": "x"}}
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
    server.publish("t", 2)
    assert await heard.values.get() == 2
    assert list(heard.states._queue) == [True]  # it was never away
    assert caplog.text.count("nobody can reach") == (how == "replaced by a file")
    await heard.stop()


async def test_a_folder_that_goes_is_made_again(watchful, server, caplog):
    """With its lock, so that no second process begins; who is connected stays connected."""
    heard = Heard(server.path)
    server.publish("t", 1)
    assert await heard.values.get() == 1
    shutil.rmtree(server.path.parent)
    while "made again" not in caplog.text:
        await asyncio.sleep(0)
    assert await asking(server, {"op": "x"}) == {"you said": {"op": "x"}}
    assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700
    with pytest.raises(BackendError, match="another trainbot is already running here"):
        refuse_second(server.path)
    server.publish("t", 2)
    assert await heard.values.get() == 2
    assert list(heard.states._queue) == [True]
    await heard.stop()


async def test_what_a_subscriber_has_taken_is_known(server):
    """Not what was sent: only what its on_value took counts, and a later value stands for those before."""
    first = server.publish("t", "good")
    assert not server.has_taken("t", first)
    got = asyncio.Queue()

    def fussy(value):
        got.put_nowait(value)
        if value == "bad":
            raise ValueError(value)

    task = asyncio.create_task(subscribe(server.path, "t", fussy))
    await server.taken("t", first)
    assert server.has_taken("t", first) and await got.get() == "good"
    bad = server.publish("t", "bad")
    assert await got.get() == "bad"
    await asking(server, {})
    assert not server.has_taken("t", bad)
    last = server.publish("t", "better")
    assert server.publish("t", "better") == last
    await server.taken("t", last)
    assert server.has_taken("t", bad) and not server.has_taken("other", 1)
    task.cancel()


async def test_a_subscriber_of_an_older_program_counts_when_it_was_told(server):
    """A gateway from before an upgrade acknowledges nothing: what was written to it has to do."""
    reader, writer = await asyncio.open_unix_connection(str(server.path))
    writer.write(encode({"op": "subscribe", "topic": "t"}))
    number = server.publish("t", [1])
    assert json.loads(await reader.readline())["value"] == [1]
    await server.taken("t", number)
    for lie in ({"took": 99}, {"took": "x"}, {"took": None}, {}, []):
        writer.write(json.dumps(lie).encode() + b"\n")
    writer.write(b"nonsense\n")
    server.publish("t", [2])
    assert json.loads(await reader.readline())["value"] == [2]
    assert not server.has_taken("t", 99)
    writer.close()


async def test_a_bot_without_its_socket_file_is_not_called_absent(server):
    """Until the file is there again: whoever asks is told to try again, not to start a second bot."""
    server.path.unlink()
    with pytest.raises(BackendError, match="trainbot is running but cannot be reached .* try again in a few seconds"):
        await asking(server, {})
    server.path.mkdir()
    with pytest.raises(BackendError, match="is not a socket, so move it away"):
        await asking(server, {})
    server.path.rmdir()
    await server.close()
    with pytest.raises(BackendError, match="trainbot is not running here"):
        await asking(server, {})
