"""What everybody saw and typed in a class, in order, as one text that a person can read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.whole.running import CHANNEL, NICK
from trainbot.adapters.irc.wire_text import plain

SAID = re.compile(r"^(?:@\S+ )?:([^!\s]+)\S* (PRIVMSG|NOTICE|TOPIC) (\S+) :(.*)")

#: Kind of a line that the bot says in the channel -> what it looks like; the first that matches counts.
KINDS = {
    "answer to a question": r"answer to question \d+",
    "question taken": r"question \d+ from ",
    "question queued": r"^\S+: question \d+(?:: \d+ before it| is next)",
    "question like another": r"^\S+: .*Ask anyway\?",
    "help is coming": r"^\S+: \S+ is helping you now",
    "numbers": r"^Step \d+: \d+ of \d+ done",
    "newcomers": r"^[^:]+: .* is at (?:step|the intro)",
    "answer to staff": r"^(?:russell|olga|hannah): ",
    "refused": r"^\S+: (?:unknown command|.*usage:|.* is for |log in|that's|no |there )",
    "answer to a learner": r"^[a-z]+[0-9]*(?:/\w+)?: ",
    "quiz": r"^(?:Quiz|the answer)",
    "begin and end": r"begins, with|is over after",
    "announcement": r"^(?:new session|reminder|\d+ people|everyone)",
}


@dataclass(frozen=True, slots=True)
class Said:
    """``seconds`` since the beginning; ``to``: a channel, or a nick."""

    seconds: float
    who: str
    to: str
    text: str

    @property
    def public(self) -> bool:
        return self.to == CHANNEL


@dataclass
class Transcript:
    lines: list[Said] = field(default_factory=list)
    began: float = field(default_factory=monotonic)

    def listener(self, nick: str, *, channel: bool = False) -> Callable[[str], None]:
        """What ``nick`` hears from the bot privately; with ``channel``, also all that is said there."""

        def heard(raw: str) -> None:
            found = SAID.match(raw)
            if found and ((found[3] == nick and found[1] == NICK) or (channel and found[3] == CHANNEL)):
                text = plain(found[4]) if found[2] != "TOPIC" else f"(topic) {plain(found[4])}"
                self.add(found[1], found[3], text)

        return heard

    def add(self, who: str, to: str, text: str) -> None:
        self.lines.append(Said(monotonic() - self.began, who, to, text))

    def of_bot(self, *, public: bool) -> list[Said]:
        return [said for said in self.lines if said.who == NICK and said.public == public]

    def kinds(self) -> Counter[str]:
        """How many lines of each kind the bot has said in the channel; what is like nothing else is a line of a step."""
        return Counter(
            next((kind for kind, like in KINDS.items() if re.search(like, said.text)), "lines of steps")
            for said in self.of_bot(public=True)
            if not said.text.startswith("(topic)")
        )

    def busiest(self, seconds: float = 60.0) -> int:
        """The most lines of the bot in the channel within so many seconds."""
        times = [said.seconds for said in self.of_bot(public=True) if not said.text.startswith("(topic)")]
        return max((sum(at <= other < at + seconds for other in times) for at in times), default=0)

    def shown(self) -> Iterator[str]:
        for said in self.lines:
            where = "" if said.public else f" -> {said.to}"
            yield f"{said.seconds:6.1f} <{said.who}{where}> {said.text}"

    def write(self, path: Path) -> None:
        path.write_text("\n".join(self.shown()) + "\n", encoding="utf-8")
