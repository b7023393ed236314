"""A class asked for, planned, published, signed up for, moved, reminded, held and cancelled: on a real IRC server, with a
clock that the test moves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.peers.client import Client
from tests.whole.running import CHANNEL, DEADLINE, NICK
from trainbot.bot.app import App
from trainbot.bot.events import Tick
from trainbot.core.clock import Clock, ClockReading
from trainbot.features.sessions.publishing import CalendarPublished

ZONES = r"Sat 13 Mar 22:00 UTC \| Sun 14 Mar 09:00 \+1100 Melbourne \| Sat 13 Mar 23:00 \+0100 Berlin"


class MovedClock(Clock):
    """Stands where the test puts it: time passes, nobody sets it."""

    def __init__(self, now: datetime) -> None:
        self.at = now
        super().__init__()

    def reading(self) -> ClockReading:
        return ClockReading(self.at.timestamp(), self.at.timestamp())


class MovedApp(App):
    """A bot in this process whose clock stands where the test put it."""

    def __init__(self, config, now: datetime) -> None:
        self.printed: asyncio.Queue[CalendarPublished] = asyncio.Queue()
        self.moved = MovedClock(now)
        super().__init__(config, self.moved)

    def post(self, event) -> None:
        """What the door heard was heard at that time."""
        super().post(replace(event, at=self.moved.at) if hasattr(event, "at") else event)
        if isinstance(event, CalendarPublished):
            self.printed.put_nowait(event)

    async def prints(self, path: Path, text: str) -> str:
        """What the file holds, once ``text`` is in it."""
        async with asyncio.timeout(DEADLINE):
            while not path.exists() or text not in path.read_text():
                await self.printed.get()
        return path.read_text()

    def move(self, at: datetime) -> None:
        self.moved.at = at
        self.post(Tick())


@asynccontextmanager
async def living(app: MovedApp) -> AsyncIterator[MovedApp]:
    task = asyncio.create_task(app.run())
    try:
        yield app
    finally:
        app.stop()
        await task


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2027, month, day, hour, minute, tzinfo=UTC)


async def topic(person: Client, pattern: str) -> None:
    await person.expect(rf"^:{NICK}!\S+ TOPIC {CHANNEL} :{pattern}")


async def test_a_session_from_plan_to_end(ngircd, make_bot, people, russell, alice, bob):
    """Everybody knows when, in their own time: who has a seat, who waits, who comes late, who subscribes."""
    bot = make_bot(
        ngircd.port,
        host_xen1=None,
        schedule={"zones": "Australia/Melbourne Europe/Berlin"},
        roles={"require_account": "no"},
    )
    russell.send(f"TOPIC {CHANNEL} :Welcome")
    feed, page = bot.folder / "public" / "sessions.ics", bot.folder / "public" / "sessions.html"

    async def event(sequence: int, *names: str) -> list[str]:
        text = (await app.prints(feed, f"SEQUENCE:{sequence}")).partition("BEGIN:VEVENT")[2]
        return [re.search(rf"^{name}[;:](.*)$", text, re.MULTILINE)[1] for name in names]

    app = MovedApp(bot.config, utc(2, 20, 8))
    async with living(app):
        await alice.bot_joins()
        russell.send(f"MODE {CHANNEL} +o {NICK}")
        await russell.synced()

        # planned: shown back, kept, published
        await alice.whisper("tz berlin", r"your time is Sat 20 Feb 09:00 \+0100 Berlin")
        await russell.ask(
            '!session add selinux sun 14 mar 09:00 melbourne 2h "SE Linux for beginners" by russell seats 1 '
            "https://example.org/slides",
            rf'"SE Linux for beginners", {ZONES} \| in 21 d 14 h, lasts 2 h, exercise '
            "selinux, by russell, 1 seat, .*Save this as a draft",
            CHANNEL,
        )
        await russell.ask("!yes", "saved as d1", CHANNEL)
        await alice.ask("!sessions", "no sessions are planned")
        russell.say(CHANNEL, "!session publish")
        await topic(alice, r"Welcome \| next: SE Linux for beginners, Sat 13 Mar 22:00 UTC \| !sessions")
        await alice.hear(rf"new session: SE Linux for beginners, {ZONES}", CHANNEL)
        first = await event(0, "UID", "SEQUENCE", "DTSTART", "STATUS")
        assert first[1:] == ["0", "TZID=Australia/Melbourne:20270314T090000", "CONFIRMED"]

        # a seat, and a place among those who wait
        await alice.ask("!signup 1", r"you have a seat in SE Linux for beginners, Sat 13 Mar 23:00 \+0100 Berlin", "")
        await bob.ask("!signup 1", "is full, its only seat is taken; you are number 1 on the waiting list", "")

        # moved: the channel hears it, and each who is concerned in their own time
        await russell.ask(
            "!session move 1 mon 15 mar", r"Mon 15 Mar 09:00 \+1100 .*#class and 1 who signed up will be told", CHANNEL
        )
        russell.say(CHANNEL, "!yes")
        await bob.hear(r"moved: SE Linux for beginners, from Sat 13 Mar 22:00 UTC to Sun 14 Mar 22:00 UTC", CHANNEL)
        await alice.hear(
            r"moved from Sat 13 Mar 23:00 \+0100 Berlin to Sun 14 Mar 23:00 \+0100 Berlin .*you keep your seat", ""
        )
        assert await event(1, "UID", "SEQUENCE") == [first[0], "1"]

        # somebody drops, the next is told
        await alice.ask("!signup drop", "you have given up your seat in SE Linux for beginners", "")
        await bob.hear("a seat became free and you have it: SE Linux for beginners", "")

        # reminders; the one of a week comes while the server is away
        app.move(utc(3, 7, 21, 59))
        await alice.whisper("sessions", "SE Linux for beginners")
        app.move(utc(3, 7, 22))
        await alice.hear("SE Linux for beginners starts in 7 d:", CHANNEL)
        await bob.hear("you have a seat: SE Linux for beginners starts in 7 d", "")

    # the bot was away for the rest of the week, and says what is true then
    app = MovedApp(bot.config, utc(3, 14, 21, 53))
    async with living(app):
        await alice.bot_joins()
        russell.send(f"MODE {CHANNEL} +o {NICK}")
        russell.send(f"MODE {CHANNEL} +o alice")
        russell.send(f"MODE {CHANNEL} -o russell")  # an operator needs no voice
        await alice.hear("SE Linux for beginners starts in 7 min:", CHANNEL)
        await bob.hear("you have a seat: SE Linux for beginners starts in 7 min", "")

        # held: topic, voice, quiet
        app.move(utc(3, 14, 22))
        russell.say(CHANNEL, "!start")
        await alice.expect(rf"^:{NICK}!\S+ MODE {CHANNEL} \+v russell")
        await topic(
            alice,
            r"Welcome \| SE Linux for beginners \| a class runs here, with russell \| "
            r"slides: https://example\.org/slides \| !help",
        )
        russell.say(CHANNEL, "!quiet on")
        await alice.expect(rf"^:{NICK}!\S+ MODE {CHANNEL} \+m")
        await alice.whisper("ask is this on?", "question 1")

    # killed in a quiet class; the next bot ends what it began
    app = MovedApp(bot.config, utc(3, 14, 23))
    async with living(app):
        await alice.bot_joins()
        alice.send(f"MODE {CHANNEL} +o {NICK}")
        russell.say(CHANNEL, "!end")
        await russell.hear("this ends SE Linux for beginners", CHANNEL)
        russell.say(CHANNEL, "!yes")
        await alice.expect(rf"^:{NICK}!\S+ MODE {CHANNEL} -m")
        await topic(alice, "Welcome\r?$")

        # the next one is cancelled, and stays in the calendar as that
        russell.say(CHANNEL, '!session add sun 21 mar 09:00 melbourne "Another"')
        await russell.hear("Save this", CHANNEL)
        russell.say(CHANNEL, "!yes")
        russell.say(CHANNEL, "!session publish")
        await topic(alice, r"Welcome \| next: Another")
        await alice.ask("!signup another", "you have a seat in Another", "")
        await russell.ask(
            "!session cancel another", r"this cancels Another, .*\. #class and 1 who signed up will be told", CHANNEL
        )
        russell.say(CHANNEL, "!yes")
        await bob.hear("cancelled: Another, Sat 20 Mar 22:00 UTC", CHANNEL)
        await alice.hear("Another, Sat 20 Mar 23:00 .*, is cancelled, and so is your seat", "")
        text = await app.prints(feed, "STATUS:CANCELLED")
        assert text.count("STATUS:CANCELLED") == 1 and text.count("BEGIN:VEVENT") == 2
        await app.prints(page, "Cancelled")
        assert app.moved.at == utc(3, 14, 23)
