"""A class of thirty on InspIRCd with Atheme, at twice the pace of a real network: what the channel gets to read, and who gets
what.

The transcript is in the file that the test names; ``TRANSCRIPT=FILE make test-class`` writes it there.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path

import pytest

from tests.peers.inspircd import network_with
from tests.thirty.people import PATIENCE, STEPS, Bridge, Learner
from tests.thirty.transcript import Transcript
from tests.whole.fixtures import Arrive, BotMaker
from tests.whole.running import CHANNEL, NICK, Participant, make_image, plan
from trainbot.core.other_bots import WORDS

STEP = (
    60.0  # seconds that the class has for each step: two minutes, since everything here is twice as fast as it would be
)
PACE = 1.0  # seconds between two lines of the bot, instead of 2
STAFF = ("russell", "olga", "hannah")
LEARNERS = [f"learner{n}" for n in range(1, 31)]
STRANGERS = LEARNERS[:5]  # of those, who have no account
PASSWORD = "a-long_password"
TEXT = """{title} is what this step is about. Look first, before you change anything:

```
{command}
```

The output shows what the kernel thinks of it. Read the first line twice.

```
{command} --all | less
```

If it says *denied*, look into the log:

```
ausearch -m avc -ts recent
```

When you know why, go on.
"""
COMMANDS = ("getenforce", "semanage port -l", "getsebool -a", "restorecon -Rv /srv")


def write_exercise(folder: Path) -> None:
    """Steps as long as those of most public exercises."""
    steps = []
    for n, command in enumerate(COMMANDS, 1):
        (folder / f"{n}.md").write_text(TEXT.format(title=f"Part {n}", command=command))
        (folder / f"{n}-solution.md").write_text(f"```\n{command}\n```\n")
        steps.append(
            {"title": f"Part {n}", "text": f"{n}.md", "hints": ["Look closer."], "solution": f"{n}-solution.md"}
        )
    index = json.loads((folder / "index.json").read_text())
    index["details"]["steps"] = steps
    (folder / "index.json").write_text(json.dumps(index))


class Staff:
    """The presenter, the organiser and a helper, who do what staff do in a class."""

    def __init__(self, transcript: Transcript, *people: Participant) -> None:
        self.transcript = transcript
        self.russell, self.olga, self.hannah = people
        for person in people:
            person.heard = transcript.listener(person.nick, channel=person is self.russell)

    def whisper(self, who: Participant, text: str) -> None:
        who.say(NICK, text)
        self.transcript.add(who.nick, NICK, text)

    async def present(self, step: int) -> None:
        self.russell.say(CHANNEL, "!next")
        await self.russell.hear(f"Step {step} of {STEPS}", CHANNEL, PATIENCE)
        await asyncio.sleep(STEP * 0.6)
        self.russell.say(CHANNEL, "!progress")
        await self.russell.hear("russell: step", CHANNEL, PATIENCE)
        await asyncio.sleep(STEP * 0.1)
        self.russell.say(CHANNEL, "!take")
        await asyncio.sleep(STEP * 0.1)
        self.russell.say(CHANNEL, "the policy decides that, and semanage changes the policy")
        self.whisper(self.russell, "answered")
        await asyncio.sleep(STEP * 0.2)

    async def help(self) -> None:
        """Goes to whoever has waited longest, and answers what the presenter does not get to."""
        helped = 0
        while True:
            await asyncio.sleep(STEP * 0.4)
            self.whisper(self.hannah, "hands")
            found = await self.hannah.hear(r"(?:stuck: (?:.*?, )?(\w+) \(|nobody)", "", PATIENCE)
            if found[1]:
                self.hannah.say(CHANNEL, f"!helping {found[1]}")
            self.whisper(self.hannah, "q")
            listed = await self.hannah.hear(r"(?:\d+ open: (\d+) |no open)", "", PATIENCE)
            if listed[1] and helped < 4:
                helped += 1
                self.whisper(self.hannah, f"answer {listed[1]} man semanage says how")


@pytest.mark.thirty
async def test_a_class_of_thirty(tmp_path: Path, make_bot: BotMaker, people: Arrive) -> None:
    """Nobody's question is lost, nothing private is public, other bots' commands are left alone, and the channel can be read."""
    (tmp_path / "network").mkdir()
    accounts = {name: PASSWORD for name in (NICK, "bridge", *STAFF, *LEARNERS) if name not in STRANGERS}
    transcript = Transcript()
    with network_with(tmp_path / "network", accounts) as network:
        bot = make_bot(
            network.port,
            irc={
                "sasl": "plain",
                "account": NICK,
                "password": PASSWORD,
                "allow_plaintext": "yes",
                "flood_burst": 4,
                "flood_interval": PACE,
                "relays": "account:bridge",
            },
            roles={
                "organiser": "account:olga",
                "presenter": "account:russell",
                "helper": "account:hannah",
                "require_account": "yes",
            },
            labs={"spare": 0},
            host_xen1={"labs": 40},
            image_debian={"folder": make_image(tmp_path / "debian", memory=64)},
        )
        write_exercise(bot.folder / "exercises" / "selinux")
        plan(bot)
        there = [await people(network.port, nick, source="127.0.0.9", channel=None) for nick in (*STAFF, "bridge")]
        for person in there:
            await person.identify(person.nick, PASSWORD)
            await person.join(CHANNEL)
        staff, bridge = Staff(transcript, *there[:3]), Bridge(there[3])
        await bot.start()
        await staff.russell.expect(rf"^:{NICK}!\S+ JOIN", PATIENCE)
        await bot.logs("host xen1 answers", PATIENCE)
        learners = [Learner(nick, network.port, transcript, "" if nick in STRANGERS else PASSWORD) for nick in LEARNERS]
        late, *early = learners
        try:
            await the_class(staff, bridge, early, late)
        finally:
            path = Path(os.environ.get("TRANSCRIPT") or tmp_path / "transcript.txt")
            transcript.write(path)
            print(
                f"\ntranscript: {path}",
                *(f"{count:5} {kind}" for kind, count in transcript.kinds().most_common()),
                sep="\n",
            )
            print(f"{transcript.busiest():5} in the busiest minute, {len(transcript.of_bot(public=False))} private")
            for learner in learners:
                await learner.go()
        questions = {words for (words,) in bot.rows("select words from question")}
        errors = [line for line in bot.lines if "ERROR" in line or "Traceback" in line]

    asked = {words for learner in learners for words in learner.asked} | set(bridge.asked)
    assert asked - questions == set()
    assert errors == []
    public = [said.text for said in transcript.of_bot(public=True)]
    assert [text for text in public if "password" in text.lower() or "your debian lab" in text] == []
    strange = re.compile(r'unknown command "(\w+)"')
    assert [text for text in public if (found := strange.search(text)) and found[1] in WORDS] == []
    lab = re.compile(r"your debian lab: password (\S+)")
    told = [(said.to, found[1]) for said in transcript.of_bot(public=False) if (found := lab.search(said.text))]
    assert {nick for nick, _password in told} == {learner.nick for learner in learners if learner.password}
    assert len({password for _nick, password in told}) == len(told)
    kinds = transcript.kinds()
    assert kinds["lines of steps"] <= 10 * (STEPS + 2)
    assert transcript.busiest() <= 0.75 * 60 / PACE  # a quarter at least is left for answers in private
    assert sum(kinds.values()) <= 10 * (STEPS + 2) + 3 * len(asked) + 40


async def the_class(staff: Staff, bridge: Bridge, early: list[Learner], late: Learner) -> None:
    """From the first who comes to the end."""
    await asyncio.gather(*(learner.arrive() for learner in early))
    helping = asyncio.ensure_future(staff.help())
    try:
        staff.russell.say(CHANNEL, "!start")
        await staff.russell.hear("begins, with russell", CHANNEL, PATIENCE)
        await asyncio.gather(*(learner.take_lab() for learner in early))
        staff.whisper(staff.olga, "hosts")
        for step in range(1, STEPS + 1):
            working = [learner.work(step, STEP) for learner in early if learner.client is not None]
            await asyncio.gather(staff.present(step), bridge.work(step, STEP), *working)
            if step == 1:
                await late.come()
                late.type("!lab debian", privately=True)
                early.append(late)
            if step == 2:
                staff.whisper(staff.russell, "quiz which port do keyservers use? = 11371")
                await staff.russell.hear("which port do keyservers use", CHANNEL, PATIENCE)
                for learner in early[:8]:
                    learner.type("11371")
            if step == 3:
                staff.whisper(staff.olga, "labs")
                staff.russell.say(CHANNEL, "!q")
        staff.russell.say(CHANNEL, "!end")
        await staff.russell.hear("Type !yes", CHANNEL, PATIENCE)
        staff.russell.say(CHANNEL, "!yes")
        await staff.russell.hear("is over after", CHANNEL, PATIENCE)
    finally:
        helping.cancel()
        await asyncio.gather(helping, return_exceptions=True)
