"""Which times suit, with the bot as an operator runs it, on a real IRC server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.whole.running import CHANNEL


async def test_a_poll_from_question_to_published_session(bot, ngircd, people, russell, alice, bob):
    """Three people in three zones answer, the bot is killed in between, the session that serves most is published."""
    carol = await people(ngircd.port, "carol")
    await bot.arrive(alice)
    await alice.synced()
    first = datetime.now(UTC).date() + timedelta(days=20)
    first += timedelta(days=(5 - first.weekday()) % 7)  # a Saturday
    days = f"{first}..{first + timedelta(days=1)}"
    await russell.ask(
        f"!when open {days} 07:00-22:00 melbourne 2h max 2 for selinux",
        "#class will be asked which times suit .SE Linux for beginners.: Sat .* Melbourne .*Type !yes within 60 s",
    )
    await russell.ask("!yes", "When would suit you for SE Linux for beginners, 2 h, Sat", CHANNEL)
    await alice.hear("Tell me in private, in your own time: /msg trainbot when", CHANNEL)
    await alice.whisper(
        "when kathmandu sat 13:00-18:00", r"your time zone is now Kathmandu; saved: .*Sat \d+ \w+ 13:00-18:00"
    )
    await bob.whisper("when not sun", "saved, but I don't know your time zone yet")
    await bot.kill()
    await alice.bot_goes()
    await bot.arrive(alice)
    await bob.whisper("tz adelaide", "your answers count now: ")
    await carol.ask("!when fri 20:00-24:00 new york", "saved: Fri", "")
    await russell.whisper("when", "3 have answered, open until")
    line = await russell.ask(
        "!when close", r"(Best: Sat .* Melbourne, 2 of 3\. Adding Sat .* reaches 3; nobody is left out\..*)", ""
    )
    assert "Drafts d1 and d2: !session publish all." in line[1] and len(line[1].encode()) < 420
    await russell.ask("!session publish all", "2 sessions published|new session")
    await alice.hear(r"the result of the poll: SE Linux for beginners in #class is on .* \+0545 Kathmandu", "")
    await alice.hear("new session: SE Linux for beginners, Sat .* UTC .*Melbourne .*Berlin .*in ", CHANNEL)
    await alice.whisper("sessions", r"2: SE Linux for beginners.*Sat \d+ \w+ 1[34]:\d\d \+0545 Kathmandu")
