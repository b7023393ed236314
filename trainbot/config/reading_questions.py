"""[questions] and [channel.#NAME] of bot.ini."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from trainbot.config.model import QuestionsConfig
from trainbot.config.section import Section


def read_questions(sections: Mapping[str, Section], ours: Collection[str]) -> QuestionsConfig:
    """``ours``: the channels that the bot is in."""
    s, d = sections["questions"], QuestionsConfig()
    channels = {name.partition(".")[2]: section for name, section in sections.items() if name.startswith("channel.")}
    for name, section in channels.items():
        if name not in ours:
            section.fault("(name)", f"{name!r} is none of [irc] channels")
    return QuestionsConfig(
        words=_words(s, "words", d.words),
        channel_words={name: _words(section, "question", d.words) for name, section in channels.items()},
        length=s.whole("length", d.length, 40, 1000),
        a_person=s.whole("a_person", d.a_person, 1, 1000),
        a_minute=s.whole("a_minute", d.a_minute, 1, 1000),
        many=s.whole("many", d.many, 1, 1000),
        long=s.span("long", d.long),
    )


def _words(s: Section, option: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """What a line begins with, as ``QUESTION:``: two signs and more, a letter among them."""
    found = s.words(option, default)
    for word in found:
        if len(word) < 2 or len(word) > 30 or not any(sign.isalpha() for sign in word):
            s.fault(option, f"{word!r} cannot begin a question, say QUESTION: or FRAGE:")
    return found
