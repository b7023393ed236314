"""ssh … xen-manage …: the bot does it, the console needs nobody, and everything else goes to the lab."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.gateway.conftest import keygen, until
from tests.gateway.serial_line import SerialLine
from tests.gateway.terminal import Terminal
from trainbot.gateway.learner.console import AT_ONCE, _RateLimit
from trainbot.gateway.routes import Guest, to_json


@pytest.fixture
def line():
    """A serial line; its path is short, as unix(7) wants it."""
    folder = Path(tempfile.mkdtemp(prefix="tb-"))
    made = SerialLine(folder / "line")
    yield made
    made.close()
    shutil.rmtree(folder)


@pytest.fixture
def quiet(world):
    """The bot of ``world`` answers what a test says, and nothing after it."""
    world.bot.asked.clear()
    yield world
    world.bot.answers = lambda request: {}
    world.bot.guests = []
    world.bot.publish()


def lab(world, line, **other):
    return world.lease(lab=str(uuid.uuid4()), console=str(line.path), **other)


def test_only_the_first_word_makes_it_ours(quiet):
    """Whatever does not begin with the word xen-manage goes to the lab, whatever it is called."""
    _, password = quiet.lease()
    assert quiet.ssh("echo xen-manage list", password=password).stdout == b"xen-manage list\n"
    for command in ("xen-manage-x", "./xen-manage", "xen-manage;(exit 127)", "XEN-MANAGE list"):
        assert quiet.ssh(command, password=password).returncode == 127
    assert quiet.bot.asked == []


@pytest.mark.parametrize(
    "command",
    [
        "xen-manage",
        "xen-manage frobnicate",
        "xen-manage 'open",
        "xen-manage list; id",
        "xen-manage create",
        "xen-manage " + "x" * 500,
        "xen-manage reset a b c",
    ],
)
def test_a_wrong_form_says_the_right_ones(quiet, command):
    """Exit code 2 and the help, on stderr; nothing reaches the lab or the bot."""
    _, password = quiet.lease()
    ran = quiet.ssh(command, password=password)
    assert (ran.returncode, ran.stdout) == (2, b"") and b"xen-manage console [IMAGE]" in ran.stderr
    assert quiet.bot.asked == []


def test_help_needs_no_bot(quiet):
    """The commands, on stdout."""
    _, password = quiet.lease()
    ran = quiet.ssh("xen-manage help", password=password)
    assert ran.returncode == 0 and ran.stdout.startswith(b"xen-manage create IMAGE [permissive]")


def test_what_the_bot_says_is_shown_clean(quiet):
    """Lines on stdout with exit code 0; a refusal on stderr with 1; no control characters of anybody's."""
    route, password = quiet.lease()
    quiet.bot.answers = lambda request: {"lines": ["debian on xen1: ready\x1b[31m"], "refused": False, "question": ""}
    ran = quiet.ssh("xen-manage list", password=password)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"debian on xen1: ready\n", b"")
    assert quiet.bot.asked == [
        {"op": "door", "person": route.person, "do": "manage", "words": ["list"], "confirmed": False}
    ]
    quiet.bot.answers = lambda request: {"lines": ["you have no debian lab"], "refused": True, "question": ""}
    ran = quiet.ssh("xen-manage reset debian", password=password)
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, b"", b"you have no debian lab\n")
    quiet.bot.answers = lambda request: {"error": "you no longer have access: ask on IRC"}
    ran = quiet.ssh("xen-manage list", password=password)
    assert (ran.returncode, ran.stderr) == (1, b"you no longer have access: ask on IRC\n")


def asks_first(request):
    if request["confirmed"]:
        return {"lines": ["given back"], "refused": False, "question": ""}
    return {"lines": [], "refused": False, "question": "all that is in it will be gone."}


def test_what_destroys_asks_first(quiet):
    """yes on a terminal or a pipe does it; no, nothing, and ^C do nothing; --yes is not asked."""
    _, password = quiet.lease()
    quiet.bot.answers = asks_first
    for answer, code in ((b"yes\n", 0), (b"no\n", 1), (b"", 1), (b"\n", 1), (b"yes", 1)):
        ran = quiet.ssh("xen-manage destroy", password=password, input=answer)
        assert (ran.returncode, b"given back" in ran.stdout) == (code, code == 0), ran
        assert b"all that is in it will be gone. Type yes to confirm: " in ran.stderr
    ran = quiet.ssh("xen-manage destroy debian --yes", password=password)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"given back\n", b"")
    terminal = Terminal(quiet, password, words=("xen-manage", "destroy"))
    terminal.until(b"Type yes to confirm: ")
    terminal.type(b"nox\x7f\x7f\x7fyes\r")
    terminal.until(b"given back\r\n")
    assert terminal.close() == 0
    terminal = Terminal(quiet, password, words=("xen-manage", "destroy"))
    terminal.until(b"Type yes to confirm: ")
    terminal.type(b"\x03")
    terminal.until(b"cancelled")
    assert terminal.close() == 1


def test_giving_the_lab_back_from_within_is_answered(quiet):
    """The answer comes although the lease, and with it the login, is over by then; the lab's sessions are told."""
    route, password = quiet.lease()

    def end(request):
        del quiet.bot.table[route.lease]
        quiet.bot.server.publish("routes", to_json(quiet.bot.table.values()))
        return asks_first(request)

    quiet.bot.answers = end
    ran = quiet.ssh("xen-manage destroy --yes", password=password)
    assert (ran.returncode, ran.stdout) == (0, b"given back\n"), ran


def test_a_bot_that_is_away_is_said_and_the_console_works(own_world, line):
    """create and list say so at once with exit code 1; the own console is there."""
    world = own_world()
    _, password = lab(world, line)
    assert world.ssh("true", password=password).returncode == 0
    world.bot.die()
    ran = world.ssh("xen-manage create debian", password=password)
    assert ran.returncode == 1 and b"trainbot cannot be asked at the moment" in ran.stderr
    terminal = Terminal(world, password, words=("xen-manage", "console"))
    terminal.until(b"(automatic login)")
    terminal.type(b"\x1d")
    assert terminal.close() == 0


def test_the_console_goes_both_ways_and_is_left_with_the_usual_key(quiet, line):
    """What is typed gets there, what the lab says is shown as it is on a terminal, ctrl-] leaves, exit code 0; whoever
    comes next sees what was said."""
    _, password = lab(quiet, line)
    terminal = Terminal(quiet, password, words=("xen-manage", "console", "debian"))
    terminal.until(b"ctrl-] to leave")
    terminal.until(b"\x1b[1mroot")
    terminal.type(b"uptime")
    terminal.until(b"<uptime>")
    terminal.type(b"last\x1dnot this")
    assert terminal.close() == 0
    until(lambda: line.typed == b"uptimelast")
    again = Terminal(quiet, password, words=("xen-manage", "console"))
    again.until(b"<uptime>")  # the history
    again.type(b"\x1d")
    assert again.close() == 0 and line.calls == 1


def test_a_console_behind_a_door(quiet):
    """Of a lab on another host: the jump host is asked for that lab's console and nothing else, and it goes both ways; a lab that
    is off is waited for."""
    host = quiet.jump_host()
    asked = host.folder / "asked"
    host.put(
        "lab-door",
        f"""#!/bin/sh
echo "$SSH_ORIGINAL_COMMAND" >>{asked}
[ "$(wc -l <{asked})" -gt 1 ] || {{ echo "lab-door: that lab is off" >&2; exit 2; }}
printf 'login: root\\r\\n'
exec cat
""",
    )
    route, password = quiet.lease(endpoint=("127.0.0.1", 22), via=host.via, lab=str(uuid.uuid4()))
    terminal = Terminal(quiet, password, words=("xen-manage", "console"))
    terminal.until(b"the lab is off or starting")
    terminal.until(b"login: root")
    terminal.type(b"uptime")
    terminal.until(b"uptime")
    terminal.type(b"\x1d")
    assert terminal.close() == 0
    assert asked.read_text() == f"console {route.lab}\n" * 2


def test_what_is_typed_while_the_line_opens_is_not_lost(quiet):
    """The way to a console behind a jump host takes a moment: Enter, pressed at once, gets there."""
    host = quiet.jump_host()
    host.put(
        "lab-door",
        """#!/bin/sh
sleep 0.5
read -r words
echo "typed: $words"
exec cat
""",
    )
    _, password = quiet.lease(endpoint=("127.0.0.1", 22), via=host.via, lab=str(uuid.uuid4()))
    terminal = Terminal(quiet, password, words=("xen-manage", "console"))
    terminal.until(b"ctrl-] to leave")
    terminal.type(b"early\n")
    terminal.until(b"typed: early")
    terminal.type(b"\x1d")
    assert terminal.close() == 0


def test_without_a_terminal_nothing_is_shown_that_a_terminal_obeys(quiet, line):
    """A console into a pipe is text; its end leaves."""
    _, password = lab(quiet, line)
    opened = quiet.open("xen-manage", "console", password=password)
    assert opened.stdout.readline() + opened.stdout.readline() == b"\nlab login: root (automatic login)\n"
    assert opened.communicate(b"")[0] == b"" and opened.returncode == 0


def test_two_see_the_same(quiet, line):
    """Two who look at one console see both what is said, over one line to the lab."""
    _, password = lab(quiet, line)
    both = [Terminal(quiet, password, words=("xen-manage", "console")) for _ in range(2)]
    for each in both:
        each.until(b"(automatic login)")
    both[0].type(b"hello")
    for each in both:
        each.until(b"<hello>")
        each.type(b"\x1d")
        each.close()
    assert line.calls == 1


def test_a_console_comes_back_with_its_machine(quiet, line):
    """A lab that goes off and on is seen to come back; one whose lease ends, to end."""
    route, password = lab(quiet, line)
    terminal = Terminal(quiet, password, words=("xen-manage", "console"))
    terminal.until(b"(automatic login)")
    line.cut()
    terminal.until(b"the lab is off or starting")
    terminal.until(b"(automatic login)")
    quiet.end(route)
    terminal.until(b"your lease has ended")
    assert terminal.close() == 1


def test_a_lab_without_a_console_says_what_gives_it_one(quiet, tmp_path):
    """One that runs and was made before labs had consoles; one that is off, with no socket either, is waited for."""
    route, password = quiet.lease(lab=str(uuid.uuid4()), console=str(tmp_path / "none"))
    opened = quiet.open("xen-manage", "console", password=password)
    assert b"ctrl-] to leave" in opened.stderr.readline()
    assert (
        b"!lab reset recreates it from its image, with a console" in opened.stderr.readline() and opened.wait(30) == 1
    )
    opened.communicate()
    quiet.tell(route, endpoint=None, why="your lab is rebooting")
    opened = quiet.open("xen-manage", "console", password=password)
    assert b"ctrl-] to leave" in opened.stderr.readline()
    assert b"the lab is off or starting" in opened.stderr.readline()
    quiet.end(route)
    assert b"your lease has ended" in opened.stderr.readline() and opened.wait(30) == 1
    opened.communicate()


def test_create_leaves_one_at_the_console(quiet, line):
    """The access line, then the console of that lease, which may come some time later."""
    route, password = quiet.lease()
    quiet.bot.answers = lambda request: {
        "lines": ["your centos lab: ssh …"],
        "refused": False,
        "question": "",
        "lease": "new-one",
    }
    quiet.tell(route, lease="new-one", image="centos", lab="", endpoint=None, digest="")
    terminal = Terminal(quiet, password, words=("xen-manage", "create", "centos", "permissive"))
    terminal.until(b"your centos lab: ssh \xe2\x80\xa6\r\n")
    terminal.until(b"the lab is off or starting")
    quiet.tell(route, lease="new-one", image="centos", lab=str(uuid.uuid4()), console=str(line.path), digest="")
    terminal.until(b"(automatic login)")
    terminal.type(b"\x1d")
    assert terminal.close() == 0
    assert quiet.bot.asked[-1]["words"] == ["create", "centos", "permissive"]


def test_somebody_without_a_lab_may_manage_and_nothing_else(quiet, tmp_path):
    """Whoever's key is known gets in to ask for a lab; a shell, a command, sftp and -L get a sentence or a refusal."""
    public = keygen(tmp_path / "id")
    quiet.bot.guests = [Guest(77, "gina", (" ".join(public.split()[:2]),))]
    quiet.bot.publish()
    quiet.bot.answers = lambda request: {"lines": ["you have no lab"], "refused": False, "question": ""}
    key = tmp_path / "id"
    until(lambda: quiet.ssh("xen-manage help", key=key).returncode == 0)
    assert quiet.ssh("xen-manage list", key=key).stdout == b"you have no lab\n"
    assert quiet.bot.asked[-1]["person"] == 77
    for words in ((), ("id",)):
        ran = quiet.ssh(*words, key=key)
        assert ran.returncode == 255 and b"you have no lab: create one with ssh" in ran.stderr and ran.stdout == b""
    assert b"create one with xen-manage create IMAGE" in quiet.ssh("xen-manage console", key=key).stderr
    forwarding = quiet.ssh(key=key, options=["-W", "localhost:22"])
    assert forwarding.returncode != 0 and forwarding.stdout == b""


def test_nobody_is_watched_unknowingly(quiet, line):
    """Whoever sits in the lab, or at its console, is told who looks; a refusal of the bot's shows nothing."""
    watched, password = lab(quiet, line)
    _, staff = quiet.lease()
    inside = Terminal(quiet, password)
    inside.until(b"lab# ")
    there = Terminal(quiet, password, words=("xen-manage", "console"))
    there.until(b"(automatic login)")
    quiet.bot.answers = lambda request: {"lease": watched.lease, "by": "hannah (helper)", "name": "alice"}
    helper = Terminal(quiet, staff, words=("xen-manage", "console", "alice"))
    helper.until(b"console of alice, who is notified; read-only")
    helper.until(b"(automatic login)")
    inside.until(b"hannah (helper) is now viewing your lab's console")
    there.until(b"hannah (helper) is now viewing your lab's console")
    line.caller.sendall(b"\x1b]52;c;cm0gLXJmIC8=\x07\x1b[6nlooks harmless\r\n")  # fills a clipboard, asks a terminal
    there.until(b"\x1b]52;c;cm0gLXJmIC8=\x07\x1b[6nlooks harmless")
    helper.until(b"looks harmless")
    assert b"\x1b[1mroot" in helper.all and not any(words in helper.all for words in (b"\x1b]", b"52;c", b"6n"))
    late = Terminal(quiet, password)
    late.until(b"hannah (helper) is viewing your lab's console")
    helper.type(bytes(byte for byte in range(256) if byte != 0x1D) * 9 + b"rm -rf /\r")
    helper.type(b"\x1d")
    assert helper.close() == 0
    there.type(b"mine\r")
    there.until(b"<mine")
    assert line.typed.strip() == b"mine"
    quiet.bot.answers = lambda request: {"error": "somebody else's console is for helpers"}
    ran = quiet.ssh("xen-manage console alice", password=staff)
    assert (ran.returncode, ran.stdout) == (1, b"") and b"for helpers" in ran.stderr
    for each in (inside, there, late):
        each.process.kill()
        each.close()


def test_the_key_that_came_with_the_password_is_told(quiet, tmp_path):
    """Keys that nobody has, and that signed, reach the bot after a login with the password, and only then."""
    route, password = quiet.lease()
    public = " ".join(keygen(tmp_path / "id").split()[:2])
    quiet.bot.answers = lambda request: {"kept": True}
    assert quiet.ssh("true", key=tmp_path / "id", password="aaaa-bbbb-cccc-dddd").returncode == 255
    assert quiet.bot.asked == []
    assert quiet.ssh("true", key=tmp_path / "id", password=password).returncode == 0
    until(lambda: quiet.bot.asked)
    assert quiet.bot.asked == [
        {"op": "door", "do": "signed", "person": route.person, "lease": route.lease, "keys": [public]}
    ]


async def test_a_console_that_floods_is_read_at_a_pace():
    """After so much at once a lab is not read for a moment, and then it is again."""
    resumed = asyncio.Event()
    source = SimpleNamespace(pause_reading=lambda: paused.append(1), resume_reading=resumed.set)
    paused, heard = [], []
    pace = _RateLimit(heard.append)
    pace.take(source, b"x" * 1000)
    assert paused == []
    pace.take(source, b"x" * AT_ONCE)
    pace.take(source, b"what was read already")
    assert paused == [1] and len(heard) == 3
    await resumed.wait()
    pace.take(source, b"x" * AT_ONCE)
    assert paused == [1]


def test_a_console_that_nobody_reads_fills_nothing(quiet, line):
    """Somebody who looks and does not read misses what is said meanwhile; the others are served."""
    _, password = lab(quiet, line)
    opened = quiet.open("xen-manage", "console", password=password)
    opened.stdout.readline()
    until(lambda: line.caller is not None)
    line.caller.sendall(b"x" * (1 << 20))
    assert quiet.ssh("echo in", password=password).stdout == b"in\n"
    opened.kill()
    opened.communicate()


def test_the_console_of_a_lab_that_moved_to_another_node(quiet):
    """It is taken from the node where the lab is now, and who looks at it stays."""
    first, second = quiet.jump_host(), quiet.jump_host()
    for host, name in ((first, "first"), (second, "second")):
        host.put("lab-door", f"#!/bin/sh\nprintf 'on the {name} node\\r\\n'\nexec cat\n")
    route, password = quiet.lease(endpoint=("127.0.0.1", 22), via=first.via, lab=str(uuid.uuid4()))
    terminal = Terminal(quiet, password, words=("xen-manage", "console"))
    terminal.until(b"on the first node")
    quiet.tell(route, via=second.via)
    terminal.until(b"on the second node")
    terminal.type(b"uptime")
    terminal.until(b"uptime")
    terminal.type(b"\x1d")
    assert terminal.close() == 0
