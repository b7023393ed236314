"""What the demo's prompt shows, and what it sends."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.test_text import harmful
from trainbot.ops.demo import prompt
from trainbot.ops.demo.prompt import HELP, ROOM, SGR, Prompt, coloured, folded
from trainbot.ops.demo.world import CHANNEL

ANY_TEXT = st.text(st.characters())


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain", "plain\x1b[0m"),
        ("a \x02bold\x02 word", "a \x1b[0m\x1b[1mbold\x1b[0m word\x1b[0m"),
        ("\x11code\x0f prose", "\x1b[0m\x1b[36mcode\x1b[0m prose\x1b[0m"),
        ("\x02both \x1funder\x02 one", "\x1b[0m\x1b[1mboth \x1b[0m\x1b[1m\x1b[4munder\x1b[0m\x1b[4m one\x1b[0m"),
        ("\x0304,01red\x03 none", "red none\x1b[0m"),
    ],
)
def test_irc_formatting_becomes_a_terminals(said: str, shown: str) -> None:
    """Bold, code and underline are shown, colours are not, and nothing stays switched on."""
    assert coloured(said) == shown


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[2J",
        "\x1b]0;title\x07",
        "\x9b31m",
        "\x1b[6n",
        "\x08\x7f",
        "\r\n",
        "\u202e",
        "\x00",
        "\ud800",
        "\x01ACTION\x01",
    ],
)
def test_no_sequence_from_outside_reaches_the_terminal(hostile: str) -> None:
    """Whatever somebody says on IRC, the only escape sequences shown are our own colours."""
    shown = SGR.sub("", coloured(f"before {hostile} after"))
    assert shown.isprintable() and shown.startswith("before ") and shown.endswith(" after")


@given(ANY_TEXT)
def test_coloured_is_harmless_for_any_text(text: str) -> None:
    """No text at all gets a control character through."""
    shown = coloured(text)
    assert not harmful(SGR.sub("", shown)) and shown.endswith("\x1b[0m")


@given(st.lists(st.text("abcxyz \x02\x11", max_size=12)).map(" ".join), st.integers(10, 120))
def test_folding_keeps_every_word_and_its_order(text: str, width: int) -> None:
    """Folded, a text says what it said, and only a word that is too long by itself is longer than the screen."""
    shown = coloured(text)
    lines = folded(shown, width).split("\n")
    assert "".join(lines).replace(" ", "") == shown.replace(" ", "")
    for line in lines:
        assert len(SGR.sub("", line)) <= width or len(SGR.sub("", line).split()) == 1


def test_help_fits_a_terminal_of_eighty_columns() -> None:
    """The first screen is not broken on the smallest usual terminal."""
    lines = HELP.format(channel=CHANNEL, port=60123).split("\n")
    assert max(map(len, lines)) <= 79 and len(lines) <= 12


class Person:
    """Stands for a connected client."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def say(self, target: str, text: str) -> None:
        self.said.append((target, text))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the prompt prints, without colours."""
    lines: list[str] = []
    monkeypatch.setattr(prompt, "show", lambda text, said="": lines.append(SGR.sub("", text)))
    return lines


@pytest.fixture
def at_prompt(shown: list[str]) -> Prompt:
    """A prompt whose two people speak to nobody."""
    found = Prompt(SimpleNamespace(ircd=SimpleNamespace(port=6667)))  # type: ignore[arg-type]
    found.people = {"learner": Person(), "presenter": Person()}  # type: ignore[dict-item]
    return found


def test_a_line_goes_to_the_channel_as_who_one_is(at_prompt: Prompt) -> None:
    """/presenter changes who speaks, and with words lets the presenter say one line only."""
    for line in ("!help", "/presenter !start", "!done", "/presenter", "!next", "/learner", "!q"):
        assert at_prompt._obey(line)
    heard = [(CHANNEL, line) for line in ("!help", "!done", "!q")]
    assert at_prompt.people["learner"].said == heard  # type: ignore[attr-defined]
    assert at_prompt.people["presenter"].said == [(CHANNEL, "!start"), (CHANNEL, "!next")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("line", ["/msg !help", "/msg trainbot !help", "/msg   !help"])
def test_msg_speaks_to_the_bot_alone(at_prompt: Prompt, line: str) -> None:
    """/msg takes the bot's name or leaves it out."""
    at_prompt._obey(line)
    assert at_prompt.people["learner"].said == [("trainbot", "!help")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("line", ["/foo", "/msg", "/"])
def test_an_unknown_slash_command_says_what_there_is(at_prompt: Prompt, shown: list[str], line: str) -> None:
    """Nothing is sent, and one sentence says what to type."""
    assert at_prompt._obey(line)
    assert len(shown) == 1 and "say /" in shown[0]
    assert not at_prompt.people["learner"].said  # type: ignore[attr-defined]


def test_quit_ends(at_prompt: Prompt) -> None:
    """/quit is the way out."""
    assert not at_prompt._obey("/quit")


@given(words=ANY_TEXT.map(lambda text: "x" + text * 40))
def test_no_line_is_longer_than_the_server_takes(words: str) -> None:
    """ngircd throws out who sends more than 512 octets, so a long line goes in several."""
    person = Person()
    found = Prompt(SimpleNamespace(ircd=SimpleNamespace(port=6667)))  # type: ignore[arg-type]
    found.people = {"learner": person}  # type: ignore[dict-item]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prompt, "show", lambda text, said="": None)
        found._say("learner", CHANNEL, words)
    assert person.said
    assert all(0 < len(text.encode()) <= ROOM and not re.search("[\r\n\0]", text) for _, text in person.said)


@pytest.mark.parametrize(
    ("raw", "role", "line"),
    [
        (":trainbot!~t@h PRIVMSG #class :hello", "learner", "<trainbot> hello"),
        (":trainbot!~t@h PRIVMSG learner :your lab", "learner", "<trainbot -> learner> your lab"),
        (":trainbot!~t@h PRIVMSG presenter :stuck: 1", "presenter", "<trainbot -> presenter> stuck: 1"),
        (":bob!~b@h JOIN #class", "learner", "* bob comes"),
        (":bob!~b@h PART #class :bye", "learner", "* bob goes"),
        (":bob!~b@h TOPIC #class :\x1b[2Jnew", "learner", "* bob sets the topic: [2Jnew"),
        (
            ":irc.test 404 learner #class :Cannot send to channel",
            "learner",
            "* learner: #class :Cannot send to channel",
        ),
    ],
)
def test_what_is_heard_is_shown_once(at_prompt: Prompt, shown: list[str], raw: str, role: str, line: str) -> None:
    """Each line on the wire is one line on the screen."""
    at_prompt._heard(raw, role)
    assert shown == [line]


@pytest.mark.parametrize(
    ("raw", "role"),
    [
        (":trainbot!~t@h PRIVMSG #class :hello", "presenter"),
        (":presenter!~p@h PRIVMSG #class :!next", "learner"),
        (":learner!~l@h JOIN #class", "learner"),
        ("", "learner"),
        (":", "learner"),
        ("PRIVMSG", "learner"),
        (":x PRIVMSG", "learner"),
    ],
)
def test_what_was_shown_already_is_not_heard_again(at_prompt: Prompt, shown: list[str], raw: str, role: str) -> None:
    """The channel is shown as the learner hears it, our own lines as they are typed; broken lines not at all."""
    at_prompt._heard(raw, role)
    assert shown == []
