"""``trainbot rehearse`` beside the running bot: one that nobody can be let in to, and a real machine (make test-images)."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from dataclasses import astuple

import pytest

from tests.whole.running import CHANNEL, parsed

LONG = 300.0  # seconds at most for what boots an emulated machine
SMALL = {
    "index.json": """{"title": "A note", "image": "debian", "details": {
      "intro": {"title": "Welcome", "text": "intro.md", "background": "intro.sh"},
      "steps": [{"title": "Write", "text": "1.md", "background": "1-setup.sh", "verify": "1-verify.sh", "solve": "1-solve.sh"},
                {"title": "Twice", "text": "2.md", "verify": "2-verify.sh", "solve": "2-solve.sh"}]}}""",
    "intro.md": "Notes.",
    "1.md": "Write a note.",
    "2.md": "Another.",
    "intro.sh": "mkdir /root/notes\n",
    "1-setup.sh": "test -d /root/notes\n",
    "1-verify.sh": "test -s /root/notes/1 || { echo no note yet; exit 1; }\n",
    "1-solve.sh": "echo one > /root/notes/1\n",
    "2-verify.sh": "grep -q two /root/notes/2 || { echo no second note; exit 1; }\n",
    "2-solve.sh": "cat /root/notes/1 > /root/notes/2\necho {word} >> /root/notes/2\n",
}


def write(bot, word):
    """The small exercise; its last step works where ``word`` is two."""
    folder = bot.folder / "exercises" / "note"
    folder.mkdir(exist_ok=True)
    for name, text in SMALL.items():
        (folder / name).write_text(text.replace("{word}", word))


@pytest.mark.images
async def test_a_real_machine_is_rehearsed(ngircd, make_bot, lab_image, people):
    """Made, logged in to through the gateway, played from setup to the last check: go, with the figures; a solve that
    does not solve: no-go, and why; machine and disk are gone after it, nobody heard a word, no password is anywhere."""
    bot = make_bot(
        ngircd.port,
        host_xen1=None,
        labs={"spare": 0, "public_address": "127.0.0.1"},
        image_debian={"folder": lab_image.folder},
        gateway={"lab_key": lab_image.key},
    )
    bot.change(host_here={"uri": f"qemu:///embed?root={bot.folder}/v", "labs": 2, "kvm": "no"})
    write(bot, "two")
    alice = await people(ngircd.port, "alice")
    await bot.arrive(alice)
    await bot.logs("host here answers")

    code, out, err = astuple(await bot.shell("rehearse", "--exercise", "note", "--seats", "1", within=LONG))
    assert code == 0, (out, err)
    assert out.startswith("go: A note, login worked for 1 of 1 seats\n") and "! " not in out
    assert re.search(r"  a learner would wait [\d.]+ s from !lab to the first login\n", out)
    assert re.search(r"  A note works from the first to the last step in debian on here \(2 steps, \S+ s\)", out)
    assert re.search(
        r"  here: one seat, created in \S+ s, login in \S+ s\n  if here fails, none of 1 people still have a lab", out
    )
    assert "A note: preparing one seat" in err and "playing A note in debian on here" in err
    await bot.logs("lab tb-debian-\\S+ on here is gone")
    assert list(bot.folder.rglob("*.qcow2")) == []

    write(bot, "three")
    code, out, err = astuple(await bot.shell("rehearse", "--exercise", "note", "--seats", "1", "--json", within=LONG))
    found = json.loads(out)
    assert code == 1 and found["go"] is False and found["waits"]["max"] > 0, (out, err)
    assert found["played"][0]["fault"] == "step 2 (Twice): its check (after its solve) exited with 1: no second note"
    assert found["reasons"] == [f"{found['seats'][0]['lab']} on here, debian: {found['played'][0]['fault']}"]
    await bot.logs("lab tb-debian-\\S+ on here is gone")
    assert not [line for line in alice.lines if "PRIVMSG" in line and "labs" in line]
    assert bot.rows("select count(*) from notice") == [(0,)]
    said = (bot.folder / "bot.log").read_text() + (bot.state / "gateway.log").read_text() + out + err
    assert not re.search(r"\b[0-9a-z]{4}(-[0-9a-z]{4}){3}\b", said)


async def test_a_lab_that_lets_nobody_in(bot, alice):
    """libvirt's test driver makes domains that run nothing: no-go names each lab, its host, and what the learner hears;
    more seats than the host has: who would wait, and how long."""
    await bot.arrive(alice)
    await bot.logs("host xen1 answers")
    code, out, err = astuple(await bot.shell("rehearse", "--exercise", "selinux", "--seats", "9", "--patience", "2"))
    assert code == 1, (out, err)
    first, *lines = out.splitlines()
    assert first == "no-go: SE Linux for beginners, login worked for 0 of 9 seats"
    assert re.fullmatch(
        r"  ! cannot log in to tb-debian-\w{8} on xen1: timed out after 2 s: your lab is still booting: waiting up "
        r"to 240 s",
        lines[0],
    ), lines
    assert "  ! cannot log in to 3 more labs either" in lines
    assert any(
        line.startswith(
            "  ! 1 of 9 learners would wait in the queue until somebody returns a lab or the first leases end "
            "after 4 h: there is no room for more"
        )
        for line in lines
    ), lines
    assert "  no exercise was tried" in lines
    assert parsed(await bot.shell("host", "list", "--json"))["xen1"]["up"] is True


async def test_ended_with_a_key_or_killed(bot, alice, russell):
    """^C frees the seats at once; after kill -9 a learner has a lab all the same; the bot killed and started in the
    middle knows the rehearsal again, and it goes on."""
    bot.change(labs={"spare": 0})
    await bot.arrive(alice)
    await bot.logs("host xen1 answers")
    process = await begun(bot, "8")
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, out) == (130, b"") and err == b"cancelled; the labs have been freed\n"
    await bot.logs("the rehearsal is over .rehearsed., seats that are free: 8")

    process = await begun(bot, "8")
    await bot.kill()
    await alice.bot_goes()
    await bot.arrive(alice)
    await bot.logs("host xen1 answers")
    assert process.returncode is None
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    await alice.ask("!lab debian", "your debian lab: password ", "")
    await russell.ask("!start", "begins", CHANNEL)
    await bot.logs("the rehearsal is over .a class has begun., seats that are free: 8")
    ran_ = await bot.shell("rehearse", "--exercise", "selinux", "--seats", "1")
    assert ran_.code == 1 and "runs now" in ran_.err and ran_.err.count("\n") == 1


async def begun(bot, seats):
    """A rehearsal that has its seats, and waits to be let in."""
    process = await asyncio.create_subprocess_exec(
        *bot.command("rehearse", "--exercise", "selinux", "--seats", seats, "--patience", "100"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert (await process.stderr.readline()).decode() == f"SE Linux for beginners: preparing {seats} seats\n"
    await bot.logs("lab tb-debian-\\S+ on xen1 is ready")
    return process


async def test_wrong_usage_is_two(bot):
    """Neither a session nor an exercise, both, or seats that are none: one line; without a bot that is one too."""
    for words in (
        (),
        ("1", "--exercise", "x", "--seats", "1"),
        ("--exercise", "x"),
        ("1", "--seats", "0"),
        ("1", "-x"),
    ):
        found = await bot.shell("rehearse", *words)
        assert (found.code, found.out, found.err.count("\n")) == (2, "", 1), (words, found)
    found = await bot.shell("rehearse", "1")
    assert found.code == 1 and "trainbot is not running here" in found.err and found.err.count("\n") == 1
