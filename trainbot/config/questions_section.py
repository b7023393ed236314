"""The sections [questions] and [channel.#NAME] of bot.ini (settings for one channel)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from trainbot.config.section import Section
from trainbot.model.config import QuestionsConfig


def read_questions(sections: Mapping[str, Section], ours: Collection[str]) -> QuestionsConfig:
    """``ours``: the channels that the bot is in."""
    s, d = sections["questions"], QuestionsConfig()
    channels = {name.partition(".")[2]: section for name, section in sections.items() if name.startswith("channel.")}
    for name, section in channels.items():
        if name not in ours:
            section.fault("(name)", f'"{name}" is not in [irc] channels')
    return QuestionsConfig(
        words=_words(s, "words", d.words),
        channel_words={name: _words(section, "question", d.words) for name, section in channels.items()},
        length=s.whole("length", d.length, 40, 1000),
        a_person=s.whole("a_person", d.a_person, 1, 1000),
        a_minute=s.whole("a_minute", d.a_minute, 1, 1000),
        many=s.whole("many", d.many, 1, 1000),
        long=s.span("long", d.long),
    )


def read_talk(sections: Mapping[str, Section], ours: Collection[str]) -> tuple[tuple[str, str], ...]:
    """(channel for talk, the channel of classes that it belongs to), of ``[channel.#NAME] talk``."""
    found: dict[str, str] = {}
    for name, section in sections.items():
        about, talk = name.partition(".")[2], section.text("talk") if name.startswith("channel.") else ""
        if not talk:
            continue
        if talk not in ours:
            section.fault("talk", f'"{talk}" is not in [irc] channels: add it there too')
        elif talk == about or talk in found or talk in found.values() or about in found:
            section.fault(
                "talk",
                f'"{talk}" is already used for another class: each class needs its own channel for talk, or none',
            )
        else:
            found[talk] = about
    return tuple(found.items())


def _words(s: Section, option: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Words that begin a question, such as ``QUESTION:``: at least two characters, at least one of them a letter."""
    found = s.words(option, default)
    for word in found:
        if len(word) < 2 or len(word) > 30 or not any(sign.isalpha() for sign in word):
            s.fault(option, f'"{word}" cannot begin a question: use a word such as QUESTION: or FRAGE:')
    return found
