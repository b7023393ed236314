"""A login with a terminal lands in tmux, and finds the same screen again."""

from __future__ import annotations

import os
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.test_text import harmful
from tests.gateway.conftest import Lab, until
from tests.gateway.terminal import Terminal
from tests.gateway.test_gateway_jump_hosts import AT
from trainbot.gateway.learner import tmux as screen
from trainbot.gateway.learner.status_line import read_lines

NASTY = "50% #{host} #(touch /tmp/trainbot-bad) %H $(id) `id` \"'\\ [#[fg=red]x] step 3;"


@pytest.fixture
def tmux_world(own_world):
    """A gateway that uses tmux, whose lab leaves no server behind."""
    world = own_world(tmux=True)
    yield world
    end_tmux(world.lab)


def end_tmux(lab):
    subprocess.run(
        ["tmux", "kill-server"], env={**os.environ, "TMUX_TMPDIR": str(lab.folder)}, check=False, capture_output=True
    )


def in_tmux(world, *words):
    """What tmux in the lab says."""
    ran = subprocess.run(
        ["tmux", *words],
        env={**os.environ, "TMUX_TMPDIR": str(world.lab.folder)},
        check=False,
        capture_output=True,
        text=True,
    )
    return ran.stdout.strip()


def test_a_dropped_link_loses_nothing(tmux_world):
    """The shell of before is there at the next login, with the line above it; what is to be said is said there."""
    world = tmux_world
    route, password = world.lease()
    world.bot.lines = {route.lease: {"line": "SE Linux: step 3 of 9", "word": ""}}
    world.bot.publish()
    first = Terminal(world, password)
    first.until(b"SE Linux: step 3 of 9")
    first.type(b"kept=mine$((40+2))\n")
    first.type(b"echo is:$kept\n")
    first.until(b"is:mine42")
    world.bot.lines[route.lease] = {"line": "SE Linux: step 4 of 9", "word": "your lab ends in 15 min"}
    world.bot.publish()
    first.until(b"your lab ends in 15 min")
    until(lambda: "step 4 of 9" in in_tmux(world, "show-options", "-v", "-t", "lab", "status-left"))
    first.process.kill()
    first.close()
    again = Terminal(world, password)
    again.until(b"step 4 of 9")
    again.type(b"echo still:$kept\n")
    again.until(b"still:mine42")
    again.type(b"exit\n")
    assert again.close() == 0


def test_a_seat_on_another_host_has_the_screen_and_the_line(tmux_world, tmp_path):
    """The host of a lab dies with somebody at the screen; seated on another, the same command lands in tmux there, with the
    line above it, and what was typed before is not there."""
    world, second = tmux_world, Lab(tmp_path / "second", tmux_world.lab_public).start()
    xen1, xen2 = world.jump_host(), world.jump_host(port=second.port)
    route, password = world.lease(endpoint=AT, via=xen1.via, lab="one", boots=1)
    world.bot.lines = {route.lease: {"line": "SE Linux: step 3 of 9"}}
    world.bot.publish()
    first = Terminal(world, password)
    first.until(b"SE Linux: step 3 of 9")
    first.type(b"kept=mine$((40+2)); echo is:$kept\n")
    first.until(b"is:mine42")
    xen1.kill()
    world.lab.kill()
    first.until(b"the connection to your lab was lost")
    assert first.close() == 255
    world.tell(route, via="", lab="", boots=0, endpoint=None, why="host xen1 is lost, your lab is made on another")
    again = Terminal(world, password)
    again.until(b"host xen1 is lost, your lab is made on another")
    world.tell(route, via=xen2.via, lab="two", endpoint=AT, host_key=second.host_key)
    try:
        again.until(b"SE Linux: step 3 of 9")
        again.type(b"echo new:$kept: $(tmux display-message -p '#S')\n")
        again.until(b"new:: lab")
        again.type(b"exit\n")
        assert again.close() == 0
    finally:
        end_tmux(second)
        second.kill()


def test_plain_is_a_plain_shell(tmux_world):
    """ssh plain@… starts no tmux, with any image said as well; commands and shells without a terminal never do."""
    world = tmux_world
    _, password = world.lease()
    for user in ("plain", "Plain+debian"):
        terminal = Terminal(world, password, user=user)
        terminal.until(b"lab# ")
        terminal.type(b"echo in:$TMUX:\nexit 3\n")
        terminal.until(b"in::")
        assert terminal.close() == 3
    assert world.ssh(password=password, input=b"echo in:$TMUX:\n").stdout == b"in::\n"
    assert world.ssh("echo in:$TMUX:", password=password).stdout == b"in::\n"


@pytest.mark.parametrize("term", ["no-such-terminal", ""])
def test_an_odd_terminal_gets_in(tmux_world, term):
    """A terminal that the lab has never heard of is taken for a usual one."""
    _, password = tmux_world.lease()
    tmux_world.environment = lambda word: {**type(tmux_world).environment(tmux_world, word), "TERM": term}
    terminal = Terminal(tmux_world, password)
    terminal.type(b"echo here:$((1+1))\n")
    terminal.until(b"here:2")
    terminal.type(b"exit\n")
    terminal.close()


def test_what_stands_above_is_text(tmux_world):
    """tmux and the shell take nothing in it for anything else, also where it is changed or said later."""
    world = tmux_world
    route, password = world.lease()
    world.bot.lines = {route.lease: {"line": NASTY}}
    world.bot.publish()
    terminal = Terminal(world, password, columns=200)
    terminal.until(NASTY.encode())
    world.bot.lines = {route.lease: {"line": "b" + NASTY}}
    world.bot.publish()
    terminal.until(b"b" + NASTY.encode())
    world.bot.lines = {route.lease: {"line": "b" + NASTY, "word": NASTY + " said"}}
    world.bot.publish()
    terminal.until(NASTY.encode() + b" said")
    assert not os.path.exists("/tmp/trainbot-bad")
    terminal.process.kill()
    terminal.close()


def test_without_tmux_there_is_a_login_shell(tmp_path):
    """A lab without tmux, which is said, or whose tmux does not work, gives a shell all the same."""
    (tmp_path / "sh").symlink_to("/bin/sh")
    shell = tmp_path / "shell"
    shell.write_text("#!/bin/sh\necho plain shell $1\n")
    shell.chmod(0o755)
    for broken in (False, True):
        if broken:
            (tmp_path / "tmux").write_text("#!/bin/sh\nexit 1\n")
            (tmp_path / "tmux").chmod(0o755)
        ran = subprocess.run(
            ["/bin/sh", "-c", screen.start("step 1")],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": str(tmp_path), "SHELL": str(shell), "TERM": "xterm"},
        )
        said = "" if broken else "This lab has no tmux: what runs in this shell ends when the connection drops.\n"
        assert (ran.stdout, ran.returncode) == (f"{said}plain shell -l\n", 0), ran


@given(st.text(max_size=400))
def test_any_line_is_one_word_of_bounded_length(text):
    """Whatever the bot says, the shell gets one word, without control characters, and tmux nothing to expand."""
    script = shlex.split(screen.change(text))[-1]
    assert "\n" not in script and not harmful(script)
    words = shlex.split(script.removesuffix(" >/dev/null 2>&1"))
    assert len(words) == 7 and len(words[-1]) <= 2 * screen.LONGEST + 2
    assert "#" not in words[-1].replace("##", "") and "%" not in words[-1].replace("%%", "")
    assert not words[-1].endswith(";")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("plain", ("", True)),
        ("PLAIN+debian", ("debian", True)),
        ("plainer", ("plainer", False)),
        ("old", ("old", False)),
        ("plain+old", ("old", True)),
        ("", ("", False)),
    ],
)
def test_who_wants_a_plain_shell(name, found):
    """plain, or plain+IMAGE; nothing else."""
    assert screen.read_user(name) == found


@given(
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("line"), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_rubbish_is_no_table_of_lines(value):
    """Whatever comes, it is a table of clean texts or a ValueError."""
    try:
        found = read_lines(value)
    except ValueError:
        return
    assert not any(harmful(above.line + above.word) for above in found.values())
