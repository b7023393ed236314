"""Somebody at the terminal of somebody else's lab: the gateway lets them in, says so, and ends it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import replace

import pytest

from tests.gateway.conftest import HERE, Lab, keygen, until
from tests.gateway.terminal import Terminal
from tests.gateway.test_gateway_tmux import end_tmux, in_tmux
from trainbot.gateway.lab.lab_link import GONE
from trainbot.gateway.routes import Guest, Route, VisitRoute
from trainbot.gateway.visits import LEASE_ENDED, NOT_EXPECTED, UNRECORDED
from trainbot.gateway.worker.guest_session import ONLY
from trainbot.gateway.worker.ssh_connection import NOT_SHARED

HANNAH = 7
PROMPT = b"# " if os.geteuid() == 0 else b"$ "  # of the shell in the lab, which is whoever runs the tests
AT_ALICES = b"hannah (helper) is at your terminal"


class Desk:
    """A gateway that uses tmux, alice's lab, and hannah, a helper without a lab, who may come to it."""

    def __init__(self, world) -> None:
        self.world, self.bot = world, world.bot
        self.route, self.password = world.lease()
        self.key = world.folder / "hannah"
        self.guest = Guest(HANNAH, "hannah", (keygen(self.key),))
        self.bot.guests = [self.guest]
        self.recorded: list[dict] = []
        self.bot.answers = self.answer
        self.bot.lines = {self.route.lease: {"line": "SE Linux: step 3 of 9"}}
        self.agree("1")

    def answer(self, request):
        if request.get("do") == "visit":
            self.recorded.append(request)
            return {"visit": len(self.recorded), "by": "hannah (helper)", "name": "alice", "image": "debian"}
        return {"kept": True}

    def agree(self, word: str, **other) -> VisitRoute:
        visit = replace(VisitRoute(word, HANNAH, self.route.lease, time.time() + 3600), **other)
        self.bot.visits[word] = visit
        self.bot.publish()
        return visit

    def alone(self, word: str = "1", over: str = "alice has ended it") -> None:
        self.agree(word, over=over)

    def alice(self, **how) -> Terminal:
        terminal = Terminal(self.world, self.password, **how)
        terminal.until(PROMPT)
        return terminal

    def hannah(self, user: str = "desk+1", prompt: bytes = PROMPT, **how) -> Terminal:
        terminal = Terminal(self.world, "", key=self.key, user=user, **how)
        if prompt:
            terminal.until(prompt)
        return terminal

    def left(self) -> list[dict]:
        return [request for request in self.bot.asked if request.get("do") == "left"]

    def ssh(self, *words, user="desk+1", key=None, **how):
        return self.world.ssh(*words, key=key or self.key, user=user, **how)


@pytest.fixture
def desk(own_world):
    world = own_world(tmux=True)
    yield Desk(world)
    end_tmux(world.lab)


def end(*terminals: Terminal) -> None:
    for terminal in terminals:
        terminal.process.kill()
        terminal.close()


def test_both_are_at_the_same_terminal(desk):
    """What one types the other sees; whoever has the lab is told when somebody comes and goes, over whatever is shown there; the
    record comes first, and says when it ended."""
    alice = desk.alice()
    assert desk.recorded == []
    hannah = desk.hannah()
    (request,) = desk.recorded
    assert (request["person"], request["word"], request["address"]) == (HANNAH, "1", "127.0.0.1")
    alice.until(AT_ALICES)
    hannah.type(b"echo from:han$((1+1))nah\n")
    alice.until(b"from:han2nah")
    alice.type(b"echo from:al$((1+1))ice\n")
    hannah.until(b"from:al2ice")
    assert len(in_tmux(desk.world, "list-clients").splitlines()) == 2
    hannah.type(b"\x02d")
    assert hannah.close() == 0
    until(desk.left)
    assert desk.left()[0]["visit"] == 1
    alice.until(b"hannah (helper) has left your terminal")
    end(alice)


def test_alone_ends_it_at_once(desk):
    """With a sentence that says why; nothing that is typed after it gets there, and the word opens nothing any more."""
    alice, hannah = desk.alice(), desk.hannah()
    alice.until(AT_ALICES)
    desk.alone()
    hannah.until(b"trainbot: the visit is over: alice has ended it")
    assert hannah.close() == 255
    until(lambda: len(in_tmux(desk.world, "list-clients").splitlines()) == 1)
    again = desk.hannah(prompt=b"trainbot: the visit is over: alice has ended it")
    assert again.close() == 255
    assert len(desk.recorded) == 1
    end(alice)


def test_without_a_record_there_is_no_visit(desk):
    """While the bot is away, or refuses: one sentence, and nothing reaches the lab."""
    desk.bot.answers = lambda request: {"error": "nobody expects you at that terminal\x1b[31m"}
    terminal = desk.hannah(prompt=b"trainbot: nobody expects you at that terminal")
    assert terminal.close() == 255
    desk.bot.die()
    terminal = desk.hannah(prompt=UNRECORDED.encode())
    assert terminal.close() == 255
    assert in_tmux(desk.world, "list-sessions") == ""
    desk.bot.start()


def test_nobody_else_comes_with_that_word(desk):
    """Neither somebody else, nor with another word or none, nor to a lab of their own by mistake."""
    _, password = desk.world.lease(name="bob")
    for user in ("desk+1", "DESK+1"):
        terminal = Terminal(desk.world, password, user=user)
        terminal.until(NOT_EXPECTED.encode())
        assert terminal.close() == 255
    for user in ("desk", "desk+", "desk+2", "desk+1+1", "desk+debian"):
        terminal = desk.hannah(user=user, prompt=NOT_EXPECTED.encode())
        assert terminal.close() == 255
    desk.agree("3", lease="lease-none")
    desk.hannah(user="desk+3", prompt=b"the visit is over").close()
    desk.agree("4", until=time.time() - 1)
    desk.hannah(user="desk+4", prompt=b"the visit is over: its time is over").close()
    assert {request["word"] for request in desk.recorded} <= {"3"}
    assert in_tmux(desk.world, "list-sessions") == ""


@pytest.mark.parametrize("words", [("touch", "there"), ("xen-manage", "list"), ("xen-manage", "console")])
def test_a_terminal_and_nothing_else(desk, words):
    """No command, with or without a terminal, and none of xen-manage."""
    for options in ((), ("-tt",)):
        ran = desk.ssh(*words, options=options)
        assert ran.returncode == 255 and ONLY.encode() in ran.stderr + ran.stdout, ran
    assert not (desk.world.lab.folder / "there").exists()


def test_no_files_forwards_or_agents(desk):
    """sftp, scp, -L, -R, -A, -X, and a shell without a terminal."""
    world = desk.world
    ran = desk.ssh("-s", "sftp")
    assert ran.returncode == 255 and b"subsystem request failed" in ran.stderr
    where = [*world.options(desk.key), "-P", str(world.port)]
    (world.folder / "file").write_text("x")
    for more in ([], ["-O"]):
        ran = subprocess.run(
            ["scp", *more, *where, str(world.folder / "file"), "desk+1@127.0.0.1:there"],
            capture_output=True,
            env=world.environment(),
            check=False,
            timeout=60,
        )
        assert ran.returncode != 0
    assert not (world.lab.folder / "there").exists()
    ran = desk.ssh(options=["-T"], input=b"touch there\n")
    assert ran.returncode == 255 and ONLY.encode() in ran.stderr
    assert not (world.lab.folder / "there").exists()
    ran = desk.ssh(options=["-W", f"localhost:{world.lab.port}"])
    assert ran.returncode != 0 and b"forwarding failed" in ran.stderr
    ran = desk.ssh(options=["-N", "-R", "0:localhost:1", "-o", "ExitOnForwardFailure=yes"])
    assert ran.returncode == 255


def test_what_commands_a_terminal_does_not_get_there(desk):
    """A lab's root who puts another program in tmux's place, too: text and colours come, clipboard and questions don't."""
    fake = desk.world.lab.folder / "tmux"
    hostile = r"\033[1mbold\033]52;c;cm0=\007\033[6n\302\2336n\033P$qm\033\\\033[?1000h\033[?2004h here\n"
    fake.write_text(
        f"#!/bin/sh\n[ $1 = -V ] && exec echo tmux 3.3a\nprintf '{hostile}'; printf '\\033[c' >&2; read line; echo got:$line\n"
    )
    fake.chmod(0o755)
    before = os.environ["PATH"]
    desk.world.lab.kill()
    os.environ["PATH"] = f"{desk.world.lab.folder}:{before}"
    try:
        desk.world.lab.start()
    finally:
        os.environ["PATH"] = before
    hannah = desk.hannah(prompt=b" here")
    hannah.type(b"typed\n")
    hannah.until(b"got:typed")
    hannah.close()
    shown = hannah.all.partition(b"ctrl-b d leaves")[2]
    assert b"\x1b[1mbold" in shown
    assert set(re.findall(rb"\x1b[^mA-Za-z]*.", shown)) == {b"\x1b[1m"} and b"\xc2\x9b" not in shown


def test_the_size_is_that_of_whoever_has_the_lab(desk):
    """From 20 x 5 to 400 x 120: a guest sees what fits."""

    def size():
        return in_tmux(desk.world, "display-message", "-p", "-t", "lab", "#{window_width}x#{window_height}")

    hannah = desk.hannah(rows=120, columns=400)
    hannah.type(b"echo alone:$((1+1))\n")
    hannah.until(b"alone:2")
    assert size() == "400x119"
    alice = Terminal(desk.world, desk.password, rows=30, columns=90)
    alice.until(PROMPT)
    until(lambda: size() == "90x29")
    hannah.type(b"echo with:$((1+1))\n")
    hannah.until(b"with:2")
    alice.until(b"with:2")
    assert size() == "90x29"
    end(hannah)
    small = desk.hannah(rows=5, columns=20, prompt=b"")
    small.type(b"echo s:$((1+1))\n")
    alice.until(b"s:2")
    assert size() == "90x29"
    end(alice, small)


def test_it_ends_with_the_lease_the_time_and_a_guest_who_is_gone(desk):
    """Each with a sentence; the record is closed."""
    hannah = desk.hannah()
    desk.agree("1", until=time.time() + 0.2)
    hannah.until(b"the visit is over: its time is over")
    hannah.close()
    desk.agree("1")
    hannah = desk.hannah()
    desk.world.end(desk.route)
    hannah.until(LEASE_ENDED.encode())
    hannah.close()
    until(lambda: len(desk.left()) == 2)
    desk.world.tell(desk.route)
    hannah = desk.hannah()
    desk.bot.visits.clear()
    desk.bot.publish()
    hannah.until(NOT_EXPECTED.encode())
    hannah.close()


def test_a_seat_on_another_host_and_the_visit_goes_on(desk, tmp_path):
    """The lab is made again elsewhere: both are told, and the same command leads there."""
    world, second = desk.world, Lab(tmp_path / "second", desk.world.lab_public).start()
    desk.route = world.tell(desk.route, lab="one", boots=1)
    hannah = desk.hannah()
    world.tell(desk.route, lab="two", boots=0, endpoint=second.endpoint, host_key=second.host_key)
    hannah.until(GONE.replace("your lab", "that lab").encode()[:40])
    assert hannah.close() == 255
    try:
        again = desk.hannah()
        again.type(b"echo new:$HOME\n")
        again.until(f"new:{second.folder}".encode())
        assert len(desk.recorded) == 2
        end(again)
    finally:
        end_tmux(second)
        second.kill()


def test_bot_and_gateway_may_be_killed(desk):
    """While the bot is away a visit goes on, until its time; a gateway that is back lets nobody in without consent."""
    hannah = desk.hannah()
    desk.bot.die()
    hannah.type(b"echo still:$((1+1))\n")
    hannah.until(b"still:2")
    os.kill(desk.world.pid, signal.SIGKILL)
    assert hannah.close() == 255
    desk.bot.visits["1"] = replace(desk.bot.visits["1"], over="alice has ended it")
    desk.bot.start()
    desk.world.start_gateway()
    desk.hannah(prompt=b"the visit is over: alice has ended it").close()
    desk.agree("2")
    again = desk.hannah(user="desk+2")
    again.type(b"echo back:$((1+1))\n")
    again.until(b"back:2")
    end(again)


def test_who_logs_in_later_is_told_who_is_there(desk):
    """A line at the login, before the screen, and the row over it."""
    hannah = desk.hannah()
    alice = Terminal(desk.world, desk.password)
    alice.until(b"trainbot: " + AT_ALICES)
    alice.until(b"\x1b[0;7m" + AT_ALICES)  # the gateway's, whatever tmux shows
    plain = Terminal(desk.world, desk.password, user="plain")
    plain.until(b"trainbot: " + AT_ALICES)
    end(hannah, alice, plain)


def test_a_guest_who_does_not_read_holds_nobody_back(desk):
    """The lab prints as fast as it can; whoever has it sees the end of it."""
    alice, hannah = desk.alice(), desk.hannah()
    hannah.type(b"clear; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo all:$((1+1))\n")
    alice.until(b"all:2")  # nobody reads what hannah is shown
    alice.type(b"echo quick:$((1+1))\n")
    alice.until(b"quick:2")
    hannah.until(b"quick:2")
    end(alice, hannah)


def test_an_old_bot_knows_no_visits():
    """A table without them is one, and nothing that is none gets in."""
    from trainbot.gateway.routes import Routes

    assert Routes.from_json({"routes": []}, b"p").visit("1") is None
    for wrong in (1, [1], [{}], [{"word": 1, "guest": 1, "lease": "1", "until": 1, "over": ""}], {"1": {}}):
        with pytest.raises(ValueError, match="not a"):
            Routes.from_json({"routes": [], "visits": wrong}, b"p")
    assert isinstance(
        Routes.from_json({"routes": [Route("1", 1, "a", "d", "root", None, "", "", "", (), 0.0).to_json()]}, b"p"),
        Routes,
    )


def test_a_worker_that_does_not_obey_loses_the_way(own_world):
    """One that somebody has taken over, and that ignores the end of a visit: its socket to the lab is closed by the gateway, and
    it gets no other; forwards and xen-manage were never open to it."""
    holed = Desk(own_world(worker=[str(HERE / "holed_worker.py")]))
    holed.agree("1", until=time.time() + 5)

    def played(*attack):
        return json.loads(holed.ssh(f"hole {json.dumps(attack)}").stdout or "null")

    assert played("ask", "forward", {}) == {"ok": False}
    assert played("stay", 30.0) == ["SSH-", False]
    for message in ({"do": "manage", "view": 1, "pty": False, "command": "xen-manage list"}, {"do": "enter", "n": 9}):
        holed.agree("2")
        assert not holed.ssh(f"hole {json.dumps(['say', message])}", user="desk+2").stdout
        until(lambda: "a message" in holed.world.log() or "after a login" in holed.world.log())


def test_without_tmux_no_terminal_is_shared(own_world):
    """Each login has a shell of its own then, so a guest would see nothing of what they came for."""
    plain = Desk(own_world(tmux=False))
    plain.hannah(prompt=NOT_SHARED.encode()[:40]).close()


def test_two_helpers_at_once(desk):
    """Each with a word of their own; what one types all see; the end of one is not the end of the other."""
    key = desk.world.folder / "gina"
    desk.bot.guests = [desk.guest, Guest(8, "gina", (keygen(key),))]
    desk.agree("2", guest=8)
    one = desk.hannah()
    two = Terminal(desk.world, "", key=key, user="desk+2")
    two.until(PROMPT)
    one.type(b"echo from:$((40+2))\n")
    two.until(b"from:42")
    assert {(request["person"], request["word"]) for request in desk.recorded} == {(HANNAH, "1"), (8, "2")}
    desk.alone("1")
    one.until(b"alice has ended it")
    one.close()
    two.type(b"echo still:$((40+2))\n")
    two.until(b"still:42")
    end(two)


def test_wide_and_combining_characters_are_what_tmux_has(desk):
    """What a guest is shown is what stands in the pane."""
    hannah = desk.hannah()
    hannah.type(b"printf '%b\\n' '\\xe6\\x97\\xa5\\xe6\\x9c\\xac e\\xcc\\x81 \\xc3\\xbc end'\n")
    wanted = "日本 e\u0301 ü end"
    until(lambda: wanted in in_tmux(desk.world, "capture-pane", "-p", "-t", "lab").splitlines())
    hannah.until("ü end".encode())
    assert wanted.encode() in re.sub(rb"[^\x08]\x08", b"", hannah.all)  # tmux goes back for what combines
    end(hannah)
