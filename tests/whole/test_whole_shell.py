"""Shell commands beside the running bot: what they print, their exit codes, and their one-line errors."""

from __future__ import annotations

import asyncio
import csv
import io
import json

from tests.whole.running import CHANNEL, parsed


async def test_commands_beside_the_running_bot(bot, russell, alice):
    """lab, host, log, check and image say what is, for people and as JSON, and disturb nothing."""
    await bot.arrive(alice)
    await bot.logs("lab tb-debian-\\S+ on xen1 is ready")
    await russell.ask("!start", "begins", CHANNEL)
    await alice.ask("!lab debian", "password", "")
    await alice.ask("!ask why?", "question 1", CHANNEL)
    await russell.ask("!goto 2", "Step 2", CHANNEL)

    labs = await bot.shell("lab", "list")
    assert labs.code == 0 and labs.err == "" and labs.out.startswith("tb-debian-")
    assert {lab["lab"] for lab in parsed(await bot.shell("lab", "list", "--json"))} >= {labs.out.split()[0]}
    capacity = await bot.shell("lab", "capacity")
    assert capacity.code == 0 and " labs fit: " in capacity.out and "debian on xen1: " in capacity.out
    assert parsed(await bot.shell("lab", "capacity", "--json"))["more"]["debian"].keys() == {"xen1"}
    hosts = await bot.shell("host", "list")
    assert (hosts.code, hosts.err) == (0, "") and "xen1 up" in hosts.out and "of 8 labs" in hosts.out
    assert parsed(await bot.shell("host", "list", "--json"))["xen1"]["up"] is True
    checked = await bot.shell("check")
    assert checked.code == 0, checked.out
    images = await bot.shell("image", "list")
    assert images.code == 0 and images.out.startswith("debian: bookworm, 384 MiB per lab")

    status = await bot.shell("status")
    assert (status.code, status.err) == (0, "") and "ok host xen1: up" in status.out, status
    assert f"ok irc: in {CHANNEL}, people: 2" in status.out and "ok gateway: process " in status.out
    report = parsed(await bot.shell("status", "--json"))
    assert report["turns"]["count"] > 0 and report["gateway"]["inside"] == 0 and report["classes"] == 1
    assert report["pid"] == bot.process.pid and report["database"]["bytes"] > 0

    listed = await bot.shell("log", "list")
    assert listed.code == 0 and "1 " in listed.out and "(running)" in listed.out
    assert parsed(await bot.shell("log", "list", "--json"))[0]["number"] == 1
    assert "why?" in (await bot.shell("log", "show", "1")).out.replace("\\", "")
    rows = [json.loads(line) for line in (await bot.shell("log", "export")).out.splitlines()]
    assert {"start", "step", "lab", "asked"} <= {row["kind"] for row in rows}
    table = list(csv.DictReader(io.StringIO((await bot.shell("log", "export", "1", "--format", "csv")).out)))
    assert [row["text"] for row in table if row["kind"] == "asked"] == ["why?"]
    assert (await bot.shell("log", "export", "--format", "markdown")).out.startswith("# SE Linux for beginners")
    await alice.whisper("help lab", "a machine of your own")


async def test_errors_in_a_shell_are_one_line(bot):
    """Without a bot, with a number that is none, with an unknown word: one line on stderr; 1, or 2 for wrong usage."""
    for words, code, said in (
        (("lab", "list"), 1, "trainbot is not running here"),
        (("status",), 2, "trainbot is not running here"),
        (("host", "list", "--json"), 1, "trainbot is not running here"),
        (("log", "list"), 1, "database"),
        (("image", "build", "centos"), 1, "[image.centos]"),
        (("image", "try", "centos"), 1, "[image.centos]"),
        (("gateway", "--stop"), 0, ""),
        (("exercise", "show", "nothing"), 1, "no exercise with that name"),
    ):
        ran = await bot.shell(*words)
        assert ran.code == code and said in ran.err, (words, ran)
        assert ran.err.count("\n") == (1 if code else 0) and "Traceback" not in ran.err, (words, ran)
    for words in (
        ("log", "show", "one"),
        ("log", "show", "9" * 30),
        ("log", "show"),
        ("lab", "make"),
        ("log", "list", "-x"),
        ("log", "export", "--format", "xml"),
    ):
        ran = await bot.shell(*words)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1) and "--help" in ran.err, (words, ran)
    assert (await bot.shell("db", "upgrade")).code == 0
    ran = await bot.shell("log", "show", "7")
    assert ran.code == 1 and ran.err == "trainbot: there is no class 7; trainbot log list shows all classes\n"
    assert (await bot.shell("log", "list")).out == "no classes yet\n"


async def test_nothing_heavy_for_a_question(bot, alice):
    """Ten commands at once are all answered, while the bot talks on."""
    await bot.arrive(alice)
    await bot.logs("host xen1 answers")
    ran = await asyncio.gather(*(bot.shell("host", "list") for _ in range(10)), alice.whisper("help lab", "machine"))
    assert [one.code for one in ran[:10]] == [0] * 10
