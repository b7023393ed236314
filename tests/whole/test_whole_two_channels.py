"""A class in two channels on a real IRC server: one where the presenter speaks, one where people talk."""

from __future__ import annotations

from tests.whole.running import CHANNEL, NICK

TALK = "#class-talk"


async def test_a_class_and_the_talk_about_it(ngircd, make_bot, russell, alice):
    """The class's channel is moderated from its beginning; what is said in the other is about that class; and after a kill -9 the
    next bot takes the moderation off again."""
    bot = make_bot(
        ngircd.port, irc={"channels": f"{CHANNEL} {TALK}"}, host_xen1=None, **{f"channel_{CHANNEL}": {"talk": TALK}}
    )
    await alice.join(TALK)
    await bot.arrive(alice)
    russell.send(f"MODE {CHANNEL} +o {NICK}")
    russell.say(CHANNEL, "!start selinux")
    await alice.hear("SE Linux for beginners begins", CHANNEL)
    await alice.hear(f"only presenters and helpers speak here; talk and ask in {TALK}", CHANNEL)
    await alice.expect(rf"^:{NICK}!\S+ MODE {CHANNEL} \+m")

    alice.say(CHANNEL, "can anybody hear me?")
    await alice.expect(rf" 404 alice {CHANNEL} ")
    alice.say(TALK, "QUESTION: why is port 11371 taken?")
    await alice.hear("question 1", TALK)
    await russell.ask("!q", "why is port 11371 taken", CHANNEL)
    russell.say(CHANNEL, "!next")
    await alice.hear("Step 1 of", CHANNEL)
    alice.say(TALK, "!done")
    await alice.synced()
    await russell.ask("!progress", "step 1 of 3 .*: 1 done", CHANNEL)

    await bot.kill()
    await alice.bot_goes()
    await bot.arrive(alice)
    russell.send(f"MODE {CHANNEL} +o {NICK}")
    await russell.ask("!end", "ends SE Linux for beginners", CHANNEL)
    russell.say(CHANNEL, "!yes")
    await alice.expect(rf"^:{NICK}!\S+ MODE {CHANNEL} -m")
    alice.say(CHANNEL, "now I may")
    await russell.expect(rf"^:alice!\S+ PRIVMSG {CHANNEL} :now I may")
