"""What can be wrong when the bot starts: each is one sentence and an exit code, or the bot runs without it."""

from __future__ import annotations

import signal
import socket
import sqlite3

import pytest

from tests.whole.running import CHANNEL
from trainbot.ops.demo.ngircd import Ngircd


async def refused(bot, sentence, code=1):
    """It ends with that code, and the last thing it says is this one sentence; no traceback."""
    await bot.start()
    assert await bot.ended() == code
    assert sentence in bot.lines[-1] and bot.lines[-1].startswith("trainbot: "), bot.lines
    assert not [line for line in bot.lines if "Traceback" in line]


async def test_every_fault_of_bot_ini_at_once(bot):
    """Exit code 2; each fault with section, option and what would be right; nothing was made."""
    bot.change(
        irc={"port": "many", "channels": "class"},
        roles={"presenter": "mask:russell!*@*"},
        schedule={"zones": "Australia/Sidney"},
        labs={"leese": "4h"},
        image_list={},
        host_xen1={"uri": "vbox://"},
        gateway={"listen": "here"},
        recrods={},
    )
    await bot.start()
    assert await bot.ended() == 2
    for fault in (
        '[irc] port: "many"',
        '[irc] channels: "class" is not a channel: use for example #class',
        "[roles] presenter: ",
        '[schedule] zones: unknown time zone "Australia/Sidney"',
        "[labs] leese: unknown option",
        "[image.list] (name): !lab list is a command",
        '[host.xen1] uri: unsupported host uri "vbox://"',
        '[gateway] listen: "here"',
        "[recrods]: unknown section",
    ):
        assert len([line for line in bot.lines if fault in line]) == 1, (fault, bot.lines)
    assert all(line.startswith("trainbot: [") for line in bot.lines)
    assert not bot.state.exists() and not (bot.folder / "trainbot.db").exists()
    assert (await bot.shell("check")).code == 2


async def test_a_bot_ini_that_is_not_there(bot):
    """Exit code 2, and where it comes from."""
    bot.ini.rename(bot.folder / "elsewhere.ini")
    ran = await bot.shell("run")
    assert ran.code == 2 and ran.err.count("\n") == 1 and "trainbot init" in ran.err
    (bot.folder / "elsewhere.ini").rename(bot.ini)


async def test_the_gateways_port_is_taken(bot):
    """No learner could get into a lab: the bot does not begin, and says which port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        bot.change(gateway={"listen": f"127.0.0.1:{port}"})
        await refused(bot, f"the gateway cannot listen on 127.0.0.1 port {port}: address already in use")
    assert not (bot.state / "control.sock").exists()


async def test_two_bots_on_one_database(ngircd, bot, make_bot, alice):
    """The second is refused before it touches anything; the first does not notice."""
    await bot.arrive(alice)
    second = make_bot(ngircd.port, irc={"nick": "second"}, store={"url": f"sqlite:///{bot.folder}/trainbot.db"})
    await refused(second, "another trainbot already uses sqlite:///")
    third = make_bot(ngircd.port, irc={"nick": "third"}, store={"state": bot.state}, host_xen1=None, image_debian=None)
    await refused(third, "another trainbot is already running here")
    ran = await bot.shell("db", "upgrade")
    assert ran.code == 1 and ran.err.count("\n") == 1 and "already uses" in ran.err
    await alice.whisper("help lab", "a machine of your own")
    assert not [line for line in alice.lines if "JOIN" in line and ("second" in line or "third" in line)]


async def test_what_a_dead_bot_left_is_no_obstacle(bot, alice):
    """Socket, locks and pid files of a killed bot, or of one whose machine lost power, are taken over."""
    await bot.arrive(alice)
    await bot.kill()
    assert (bot.state / "control.sock").exists()
    assert (await bot.shell("lab", "list")).err.startswith("trainbot: trainbot is not running here")
    await bot.arrive(alice)
    await bot.logs("host xen1 answers")
    assert (await bot.shell("host", "list")).code == 0
    await bot.signal(signal.SIGTERM)
    (bot.state / "control.sock").write_text("not a socket")
    await refused(bot, "exists and is not a socket: move it away")


@pytest.mark.parametrize("case", ["newer", "rubbish", "nowhere"])
async def test_a_database_that_will_not_do(bot, case):
    """Newer than the program, no database at all, or in no folder: one sentence, and nothing is changed."""
    path = bot.folder / "trainbot.db"
    sentence = {"newer": "is from a newer trainbot", "rubbish": "is not a database", "nowhere": "cannot be"}[case]
    if case == "newer":
        assert (await bot.shell("db", "upgrade")).code == 0
        with sqlite3.connect(path) as database:
            database.execute("update alembic_version set version_num = '9999_future'")
        database.close()
    elif case == "rubbish":
        path.write_bytes(b"not a database, but something that somebody may want back" * 100)
    else:
        bot.change(store={"url": "sqlite:///there/is/no/such.db"})
    before = path.read_bytes() if path.exists() else None
    await refused(bot, sentence)
    checked = await bot.shell("check")
    assert checked.code == 1 and [line for line in checked.out.splitlines() if line[0] == "!" and sentence in line]
    assert (path.read_bytes() if path.exists() else None) == before
    if case != "newer":
        ran = await bot.shell("log", "list")
        assert ran.code == 1 and ran.err.count("\n") == 1, ran


async def test_the_irc_server_comes_later(tmp_path, make_bot, people):
    """Down at start: the bot says so, keeps trying, serves the shell meanwhile, and is there when the server is."""
    server = Ngircd(tmp_path / "later")
    bot = make_bot(server.port)
    await bot.start()
    await bot.logs("host xen1 answers")
    await bot.logs(f"no IRC connection to 127.0.0.1 port {server.port}: connection refused; next try in")
    assert (await bot.shell("lab", "list")).code == 0
    looked = await bot.shell("doctor", "irc")
    assert looked.code == 1 and f"127.0.0.1 port {server.port}: nothing listens on that port" in looked.out
    async with server:
        alice = await people(server.port, "alice")
        await alice.bot_joins()
        await alice.ask("!lab debian", "your debian lab: password", "")
        await bot.close()


@pytest.mark.parametrize("how", ["refuses", "mute"])
async def test_a_host_that_does_not_answer(bot, ngircd, russell, alice, how):
    """The bot runs, !lab says so and keeps a place, a class begins and steps on."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1] if how == "mute" else 1
        bot.change(host_xen1={"uri": f"test+tcp://127.0.0.1:{port}/default", "deadline": 1})
        await bot.arrive(alice)
        await bot.logs("xen1: lost|host xen1 does not answer")
        await alice.ask(
            "!lab debian", "no lab host answers right now. You're number 1 in the queue for a debian lab", ""
        )
        await russell.whisper("hosts", r"xen1 DOWN .*\(")
        await russell.ask("!start", "begins", CHANNEL)
        await russell.ask("!next", "Step 1 of 3", CHANNEL)
        bot.change(host_xen1={"uri": "test:///default"})
        await bot.kill()
        await alice.bot_goes()
        await bot.arrive(alice)
        await alice.hear("your debian lab: password .*it is your turn", "")


async def test_what_is_not_ready_is_said_and_the_rest_runs(bot, alice, russell):
    """No image, an exercise that does not parse, a calendar with a floating time: each is named by check; the rest
    runs."""
    (bot.folder / "images" / "debian" / "vmlinuz").unlink()
    (bot.folder / "exercises" / "broken").mkdir()
    (bot.folder / "exercises" / "broken" / "index.json").write_text('{"title": ')
    (bot.folder / "schedules" / "course.ics").write_text(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
        "DTSTART:20991127T080000\r\nSUMMARY:floats\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    checked = await bot.shell("check")
    assert checked.code == 1 and checked.err == ""
    wrong = [line for line in checked.out.splitlines() if line.startswith("!")]
    assert [line for line in wrong if "debian" in line and "trainbot image build debian" in line], checked.out
    assert [line for line in wrong if "broken" in line] and [line for line in wrong if "course.ics" in line], (
        checked.out
    )
    await bot.arrive(alice)
    await bot.logs("course.ics")
    await alice.ask("!lab debian", "the debian image is not ready")
    await russell.ask("!start", "SE Linux for beginners begins", CHANNEL)
    for command in ("schedule", "exercise"):
        ran = await bot.shell(command, "check")
        assert ran.code == 1 and ran.err == "" and "1 problems" in ran.out.replace("problem\n", "problems\n"), ran


@pytest.mark.parametrize("mib", [32, 48, 60, 90, 105])
async def test_an_address_space_that_is_too_small(bot, mib):
    """``ulimit -v``: one sentence that names the limit and what raises it."""
    plain = bot.command
    bot.command = lambda *words: ("sh", "-c", f'ulimit -v {mib << 10}; exec "$@"', "sh", *plain(*words))
    await refused(bot, f"not enough memory within the limit of {mib} MiB: raise it (ulimit -v unlimited, or LimitAS=")
