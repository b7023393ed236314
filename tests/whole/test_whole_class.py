"""A class from its announcement to its minutes, on a real IRC server, with the bot as an operator runs it."""

from __future__ import annotations

import re
import signal

from tests.whole.running import CHANNEL, HELPER, NICK, plan
from trainbot.gateway import process
from trainbot.ops.demo.ngircd import free_port

SAID = re.compile(rf"^PRIVMSG (?:{CHANNEL} :!|{NICK} :)(.*)", re.MULTILINE)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5vYm9keSdzIGtleSwgYW5kIDMyIG9jdGV0cyBsb25n"


async def test_a_class_from_announcement_to_minutes(bot, ngircd, people, russell, alice, bob, stages):
    """Two learners, a helper and a presenter use every command once; the minutes hold all of it."""
    plan(bot)
    hannah = await people(ngircd.port, "hannah", source=HELPER)
    await bot.arrive(alice)
    await alice.hear(r"new session: .* UTC \| .*Melbourne \| .*Berlin", CHANNEL)
    await bot.logs("host xen1 answers")
    await russell.ask("!start", "SE Linux, hands on begins, with russell", CHANNEL)
    await alice.hear("What SE Linux", CHANNEL)
    await alice.expect(rf"TOPIC {CHANNEL} :SE Linux, hands on")

    # labs
    await alice.ask(
        "!help", r"!step shows it, .*!lab debian gives you a machine of your own. !help topics lists the rest", ""
    )
    await alice.ask("!help topics", r"The class: .*!done", "")
    await alice.whisper("help lab", r"!lab .*a machine of your own")
    line = await alice.lab("debian", r" \(.*the server's key fingerprint is SHA256:")
    await alice.ask("!lab list", r"debian \(enforcing\) on xen1: .*left", "")
    await alice.ask("!lab reboot", r"rebooting your debian lab, about \d+ (s|min); its disk is kept", "")
    await alice.lab_is_ready()
    await alice.ask("!lab reset", "Type !yes within 60 s")
    await alice.ask("!yes", "debian lab", "")
    await alice.ask("!lab extend", r"no need to: you keep your lab until \d+ min after the class")
    await bob.ask("!lab debian permissive", r"debian lab: password \S+ \(permissive", "")
    await bob.ask("!lab return", "everything in it will be deleted. Type !yes within 60 s")
    await bob.ask("!yes", "you gave back your debian lab", "")
    await bob.whisper("lab claim aaaa-bbbb-cccc-dddd", "no lab has that password")
    await bob.whisper(f"key {KEY}", "key saved")
    await russell.whisper("hosts", r"xen1 up, \d of 8 labs")

    # steps
    await russell.ask("!next", "Step 1 of 3", CHANNEL)
    await alice.whisper("step", "Step 1 of 3")
    await alice.whisper("hint", "Look .*more: !hint")
    await alice.whisper("solution", "the solution will be shown in|Solution of step 1")
    await alice.whisper("done", "step 1 is done")
    await bob.ask("!stuck it says no", "noted, you are next", "")
    await russell.ask("!progress", r"step 1 of 3 .*: 1 done, 0 working, 1 stuck, 0 silent; stuck: bob \(it says no\)")
    await russell.ask("!next", "the class has only just gone to step 1, so I'm staying there", CHANNEL)
    await russell.ask("!goto 2", "Step 2 of 3", CHANNEL)
    await russell.ask("!prev", "Step 1 of 3", CHANNEL)
    await russell.ask("!repeat", "Step 1 of 3", CHANNEL)
    await bob.whisper("done", "step 1 is done")
    await russell.ask("!goto 3", "Step 3 of 3", CHANNEL)

    # questions
    await alice.ask("!ask why is 11371 taken?", r"alice: question 1\b", CHANNEL)
    await bob.ask("QUESTION: does it scale?", r"bob: question 2\b", CHANNEL)
    await bob.ask("!ask is this on?", "question 3", CHANNEL)
    await hannah.ask("!q", "3 open: 1 alice: why is 11371 taken", CHANNEL)
    await russell.ask("!take", r"question 1 from alice: why is 11371 taken\?", CHANNEL)
    await russell.ask("!answer 1 gpg has it", r"alice: answer to question 1: gpg has it \(russell\)", CHANNEL)
    await hannah.ask("!answer 2 it does", r"bob: answer to question 2: it does \(hannah\)", CHANNEL)
    hannah.say(CHANNEL, "!skip 3 a joke")
    await bob.hear("question 3 .* was skipped by hannah: a joke", "")

    # sessions, the log
    await alice.ask("!sessions", "SE Linux, hands on")
    await alice.whisper("tz Melbourne", r"your time is .*(AEDT|AEST|Melbourne)")
    for words in ("info the info", "link https://example.org/the-link", "action the action"):
        russell.say(CHANNEL, f"!{words}")
    alice.say(CHANNEL, "[nolog] not for the log")
    alice.say(CHANNEL, "thanks all")
    await alice.synced()
    await russell.ask("!end", "this ends SE Linux, hands on for everybody. Type !yes within 60 s", CHANNEL)
    await russell.ask("!yes", r"is over after .*; \d took part. Thank you! Minutes: trainbot log show 1", CHANNEL)

    shown = await bot.shell("log", "show", "1")
    assert shown.code == 0 and shown.err == ""
    minutes = shown.out
    for words in (
        "# SE Linux, hands on",
        "presenter: russell",
        "why is 11371 taken?",
        "gpg has it",
        "it does",
        "skipped",
        "the info",
        "example.org/the-link",
        "the action",
        "step 3",
    ):
        assert words in minutes.replace("\\", ""), words
    assert "not for the log" not in minutes
    published = [path.read_text() for path in (bot.folder / "public" / "minutes").iterdir()]
    assert minutes in published and any("thanks all" in text for text in published)
    assert not any("not for the log" in text for text in published)

    assert bot.leaks(line[1]) == []


async def test_sigterm_says_goodbye(bot, alice, russell):
    """SIGTERM in a class: QUIT on IRC, exit code 0, no socket and no traceback are left; the gateway stays, and is
    the next bot's, also where it listens on a name."""
    bot.change(gateway={"listen": f"localhost:{free_port()}"})
    await bot.arrive(alice)
    await bot.logs("host xen1 answers")
    await russell.ask("!start", "begins", CHANNEL)
    gateway = int((bot.state / "gateway.pid").read_text().split()[0])
    assert await bot.signal(signal.SIGTERM) == 0
    assert "trainbot stops" in (await alice.bot_goes())[1]
    assert not (bot.state / "control.sock").exists()
    assert not [line for line in bot.lines if "Traceback" in line or "ERROR" in line or "WARNING" in line]
    await bot.arrive(alice)
    await alice.hear("I'm back after a restart: .* is at the introduction", CHANNEL)
    assert process.running(bot.state) == gateway
    assert await bot.signal(signal.SIGINT) == 0


async def test_an_operator_reads_in_the_log_what_happens(bot, alice, russell):
    """At the usual level the log says: connected, joined, host up, lab made, class begun and ended, stopped."""
    await bot.arrive(alice)
    await bot.logs(r"INFO trainbot\S*: .*connected to 127.0.0.1")
    await bot.logs(rf"in {CHANNEL} with 2 people")
    await russell.ask("!start", "begins", CHANNEL)
    await bot.logs(rf"russell began a class in {CHANNEL}: SE Linux")
    await alice.ask("!lab debian", "password", "")
    await bot.logs(r"alice has a lab \(#class\): debian enforcing")
    await russell.ask("!end", "!yes")
    await russell.ask("!yes", "is over", CHANNEL)
    await bot.logs(f"russell ended the class in {CHANNEL}")
    await bot.signal(signal.SIGTERM)
    assert any("host xen1 answers" in line for line in bot.lines)
    assert "trainbot is stopping" in bot.lines[-1]
