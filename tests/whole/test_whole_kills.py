"""kill -9 in the middle: whatever was acknowledged is there afterwards, and the channel hears one line."""

from __future__ import annotations

import random
import re

import pytest

from tests.peers.libvirtd import Libvirtd
from tests.whole.running import CHANNEL, PRESENTER, plan

AWAY = "I'm back after a restart"


async def back(bot, *people):
    """The bot again, and what each of them hears of it until it has settled: the line in the channel alone."""
    await bot.start()
    for person in people:
        await person.hear(f"{AWAY}: SE Linux for beginners is at (.*?);", CHANNEL)


def said_since(person, mark):
    """What the bot told the channel since its lines were ``mark`` long."""
    return [
        line for line in person.lines[mark:] if re.match(rf"^:trainbot!\S+ (PRIVMSG|TOPIC|NOTICE) {CHANNEL} ", line)
    ]


async def test_a_class_stands_where_it_stood(ngircd, libvirtd, make_bot, people, russell, alice, bob):
    """Step, queue, progress, lab, password, time left, reminders to come: all as before; one line in the channel."""
    bot = make_bot(ngircd.port, host_xen1={"uri": libvirtd.uri})
    await bot.arrive(alice)
    await bot.logs("host xen1 answers")
    await russell.ask("!start", "begins", CHANNEL)
    await alice.ask("!lab debian", "password", "")
    await alice.lab_is_ready()
    await bob.ask("!lab debian", "password", "")
    await bob.lab_is_ready()
    await russell.ask("!goto 2", "Step 2 of 3", CHANNEL)
    await alice.whisper("done", "step 1 is done; the class is at step 2 of 3")
    await alice.whisper("done", "step 2 is done")
    await bob.ask("!stuck nothing works", "noted", "")
    await alice.ask("!ask first?", "question 1", CHANNEL)
    await bob.ask("!ask second?", "question 2", CHANNEL)
    await russell.ask("!take", "question 1 from alice", CHANNEL)
    before = {
        name: bot.rows(f"select * from {name}")
        for name in (
            "class",
            "attendance",
            "done",
            "question",
            "question_event",
            "lease",
            "person",
            "public_key",
            "session",
        )
    }
    domains = libvirtd.domains()
    await bot.kill()
    await russell.bot_goes()
    mark = len(russell.lines)
    await back(bot, alice, russell, bob)
    await bot.logs("host xen1 answers: .* of ours")
    await russell.ask("!progress", r"step 2 of 3 .*; stuck: bob \(nothing works\)", CHANNEL)
    await russell.ask("!q", r"2 open: 1 alice: first\? \(taken\) \| 2 bob: second\?", CHANNEL)
    for name, rows in before.items():
        assert bot.rows(f"select * from {name}") == rows, name
    assert len(said_since(russell, mark)) == 3  # it is back, and two answers
    await alice.ask("!lab debian", r"your debian lab: password \S+ \(any earlier password no longer works\)$", "")
    await alice.ask("!lab list", "on xen1: ready, 4 h left", "")
    assert libvirtd.domains().items() >= domains.items()  # the same machines, never turned off


async def test_the_class_goes_on_without_its_host(ngircd, libvirtd, make_bot, russell, alice):
    """The host dies: the class steps on, !lab says so; a restarted bot says the same."""
    bot = make_bot(ngircd.port, host_xen1={"uri": libvirtd.uri}, labs={"lost_after": "10m"})
    await bot.arrive(alice)
    await bot.logs("host xen1 answers")
    await russell.ask("!start", "begins", CHANNEL)
    await alice.ask("!lab debian", "password", "")
    libvirtd.kill()
    await bot.logs("host xen1 does not answer")
    await alice.ask("!lab", "on xen1: its host does not answer", "")
    await alice.ask("!lab debian", "its host xen1 does not answer right now; your work on it is safe", "")
    await russell.ask("!goto 1", "Step 1 of 3", CHANNEL)
    await alice.whisper("done", "step 1 is done")
    await bot.kill()
    await back(bot, alice, russell)
    await alice.ask("!lab", "on xen1: its host does not answer", "")
    await russell.whisper("hosts", r"xen1 DOWN .*\(.*, 2 of 8 labs")
    await russell.ask("!goto 2", "Step 2 of 3", CHANNEL)


async def test_a_lost_host_moves_its_people(ngircd, libvirtd, make_bot, russell, alice, bob):
    """kill -9 of one of two hosts: one line to the class, everybody on the other, with the password they had; and the
    bot killed after that remembers."""
    other = Libvirtd()
    other.start()
    try:
        bot = make_bot(
            ngircd.port,
            host_xen1={"uri": libvirtd.uri},
            host_xen2={"uri": other.uri},
            labs={"lost_after": "2s", "spare": "1"},
        )
        await bot.arrive(alice)
        for _host in range(2):  # in any order
            await bot.logs("host xen[12] answers")
        await russell.ask("!start", "begins", CHANNEL)
        for learner in (alice, bob):
            await learner.ask("!lab debian", "password", "")
            await learner.lab_is_ready()
        digests = bot.rows("select person_id, digest from lease order by id")
        hosts = {row[0] for row in bot.rows("select lab.host from lease join lab on lab.id = lease.lab_id")}
        assert hosts == {"xen1", "xen2"}  # spread, so that one loss hurts least
        libvirtd.kill()
        await russell.hear(
            "host xen1 is lost: one person moves to another host; the same ssh command and password work again", CHANNEL
        )
        for learner in (alice, bob):
            await learner.lab_is_ready()
        query = "select lab.host from lease join lab on lab.id = lease.lab_id"
        assert [row[0] for row in bot.rows(query)] == ["xen2", "xen2"]
        assert bot.rows("select person_id, digest from lease order by id") == digests
        await bot.kill()
        await back(bot, russell)
        assert [row[0] for row in bot.rows(query)] == ["xen2", "xen2"]
    finally:
        other.stop()


@pytest.mark.parametrize("kills", [10, pytest.param(50, marks=pytest.mark.kills)])
async def test_killed_right_after_any_acknowledgement(ngircd, make_bot, people, kills):
    """Many kills, each right after one of a series of commands was acknowledged: nothing acknowledged is lost, and
    each time the channel hears one line."""
    chance = random.Random(2007)
    bot = make_bot(
        ngircd.port, host_xen1=None, image_debian=None, questions={"a_person": 1000, "a_minute": 1000, "many": 1000}
    )
    russell = await people(ngircd.port, "russell", source=PRESENTER)
    learners = [await people(ngircd.port, nick) for nick in ("alice", "bob", "carol")]
    await bot.arrive(russell)
    await russell.ask("!start", "begins", CHANNEL)
    acknowledged = Acknowledged()
    for _kill in range(kills):
        for _ in range(chance.randint(1, 6)):
            await acknowledged.one_more(chance, russell, learners)
        await bot.kill()
        acknowledged.all_there(bot)
        await russell.bot_goes()
        mark = len(russell.lines)
        await back(bot, russell, *learners)
        assert await russell.ask("!q", f"{len(acknowledged.questions)} open|no open", CHANNEL)
        told = said_since(russell, mark)
        assert sum(AWAY in line for line in told) == 1 and len(told) <= 3, told  # and the answer, in one line or two
        assert f"is at {acknowledged.place}" in told[0]


class Acknowledged:
    """What the bot has said yes to."""

    def __init__(self):
        self.step, self.questions, self.done, self.stuck, self.zones = 0, {}, set(), {}, {}

    @property
    def place(self):
        return f"step {self.step} of 3" if self.step else "the introduction"

    async def one_more(self, chance, russell, learners):
        learner = chance.choice(learners)
        match chance.choice(("ask", "ask", "step", "done", "stuck", "tz")):
            case "ask":
                words = f"question of {learner.nick} {chance.random()}?"
                found = await learner.ask(f"!ask {words}", rf"{learner.nick}: question (\d+)", CHANNEL)
                self.questions[int(found[1])] = (learner.nick, words)
            case "step":
                self.step = chance.choice([step for step in (1, 2, 3) if step != self.step])
                await russell.ask(f"!goto {self.step}", f"Step {self.step} of 3", CHANNEL)
            case "done" if self.step:
                found = await learner.whisper("done", r"step (\d) is done|you have done all")
                if found[1]:
                    self.done.add((learner.nick, int(found[1])))
                self.stuck.pop(learner.nick, None)
            case "stuck":
                self.stuck[learner.nick] = f"at {chance.random()}"
                await learner.whisper(f"stuck {self.stuck[learner.nick]}", "noted")
            case "tz":
                self.zones[learner.nick] = chance.choice(("Europe/Berlin", "Australia/Melbourne", "Asia/Tokyo"))
                await learner.whisper(f"tz {self.zones[learner.nick]}", "your time is")

    def all_there(self, bot):
        """Read from the dead bot's database."""
        assert bot.rows("select step from class where ended_at is null") == [(self.step,)]
        assert {
            id: (nick, words) for id, nick, words in bot.rows("select id, nick, words from question")
        } == self.questions
        done = set(bot.rows("select nick, done.step from done join person on person.id = person_id"))
        assert done >= self.done
        stuck = dict(bot.rows("select nick, stuck_words from attendance where stuck_at is not null"))
        assert stuck == self.stuck
        assert dict(bot.rows("select nick, zone from person where zone != ''")) == self.zones
        assert bot.rows("pragma integrity_check") == [("ok",)]


async def test_a_reminder_is_said_once_however_often_the_bot_dies(bot, alice):
    """What fell due while the bot was dead is said when it is back, once; announcement and reminder never again."""
    plan(bot, minutes=10)
    bot.change(schedule={"reminders": "1m"})
    await bot.arrive(alice)
    await alice.hear("new session: SE Linux", CHANNEL)
    await alice.whisper("sessions", "SE Linux")  # by then what was said is marked
    await bot.kill()
    await alice.bot_goes()
    mark = len(alice.lines)
    bot.change(schedule={"reminders": "1m 30m"})
    await bot.arrive(alice)
    await alice.hear("SE Linux, hands on .*min", CHANNEL)
    for _ in range(2):
        await alice.whisper("sessions", "SE Linux")
        await bot.kill()
        await alice.bot_goes()
        await bot.arrive(alice)
    await alice.whisper("sessions", "SE Linux")
    assert len(said_since(alice, mark)) == 1
