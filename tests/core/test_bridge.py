"""Reading what a relay repeats: who said what, whatever the relay looks like, and what names are made of."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainbot.core.access import Role, Roles, parse_rule
from trainbot.core.bridge import Relays, author, parse_relay
from trainbot.core.messages import Incoming, Sender

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
RELAY = Sender("discordbot", "bot", "bridge.example.org", "discordbot")


def line(text: str, sender: Sender = RELAY, channel: str | None = "#class") -> Incoming:
    return Incoming(sender, channel, text, NOW)


@pytest.mark.parametrize(
    ("said", "name", "text"),
    [
        ("<alice> !ask why?", "alice", "!ask why?"),
        ("<alice>   !ask why?  ", "alice", "!ask why?"),
        ("<@alice> hi", "alice", "hi"),
        ("<+alice> hi", "alice", "hi"),
        ("<~&@alice> hi", "alice", "hi"),
        ("<alice/discord> !done", "alice/discord", "!done"),
        ("[discord] <alice> !done", "alice/discord", "!done"),
        ("[Discord]<alice> !done", "alice/discord", "!done"),
        ("(telegram) <alice> !done", "alice/telegram", "!done"),
        ("[discord] <alice/x> !done", "alice/x", "!done"),
        ("[alice] !done", "alice", "!done"),
        ("[alice] bob: !done", "alice", "bob: !done"),
        ("(alice) !done", "alice", "!done"),
        ("{alice} !done", "alice", "!done"),
        ("alice: !done", "alice", "!done"),
        ("alice> !done", "alice", "!done"),
        ("alice | !done", "alice", "!done"),
        ("<alice smith> !done", "alice_smith", "!done"),
        ("<  alice  smith > !done", "alice_smith", "!done"),
        ("<a\u200blice> !done", "alice", "!done"),
        ("<al\u2060i\ufeffce\u200d> !done", "alice", "!done"),
        ("<al\u202eice> !done", "alice", "!done"),
        ("<cafe\u0301> !done", "café", "!done"),
        ("<a>b> !done", "a>b", "!done"),
        ("<[alice]> !done", "[alice]", "!done"),
        ("<alice#1234> !done", "alice#1234", "!done"),
        ("<алиса> !done", "алиса", "!done"),
        ("<🦊> !done", "🦊", "!done"),
        (f"<{'x' * 90}> !done", "x" * 32, "!done"),
        ("<alice> <bob> !done", "alice", "<bob> !done"),
        ("<alice>!done", "alice", "!done"),
        ("<alice>: !done", "alice", "!done"),
        ("[discord] <alice>: !done", "alice/discord", "!done"),
        ("<alice>!ask is a < b?", "alice", "!ask is a < b?"),
        ("**alice**: !done", "alice", "!done"),
        ("`alice`: !done", "alice", "!done"),
        ("<alice> a\nb", "alice", "a\nb"),
    ],
)
def test_who_said_what(said: str, name: str, text: str) -> None:
    """The usual forms of relays, and names as people choose them."""
    assert author(said) == (name, text)


@pytest.mark.parametrize(
    "said",
    [
        "!ask why?",
        "hello all",
        "/me <alice> waves",
        "* alice waves",
        "<alice>",
        "<alice> ",
        "<> !done",
        "<@> !done",
        "<\u200b> !done",
        "[] !done",
        "https://example.org/ !done",
        f"<{'x' * 200}> !done",
        "",
        "   ",
    ],
)
def test_what_names_nobody_is_the_relays_own_talk(said: str) -> None:
    """No command is ever run for it."""
    assert author(said) is None
    assert Relays((parse_relay("discordbot"),)).unwrapped(line(said), "trainbot") is None


@given(st.text(max_size=300))
@example("<a\ud7fcb> hello").via("half of a character")
@example("<a\ue000b> hello").via("for private use")
def test_any_text_has_an_author_or_none(said: str) -> None:
    """A name is one visible word of bounded length, and nothing is added to what was said."""
    found = author(said)
    if found is not None:
        name, text = found
        assert name and len(name) <= 57 and len(name.split()) == 1 and name.isprintable()
        assert text and text in said


@given(st.text(min_size=1, max_size=40), st.sampled_from(["#class", "#Class", "#x y"]))
def test_nobody_behind_a_relay_is_anybody_on_irc(name: str, channel: str) -> None:
    """Whatever name they take: no nick and no account is the same, and no role can be theirs."""
    said = Relays((parse_relay("account:discordbot"),)).unwrapped(line(f"<{name}> !done", channel=channel), "trainbot")
    if said is None:
        return
    who = said.sender
    assert "/" in who.nick and " " in (who.account or "")  # neither is possible in a nick, or in an account
    everybody = Roles({Role.ORGANISER: (parse_rule("mask:*!*@*.org"), parse_rule("account:discordbot"))})
    assert everybody.role_of(who) is Role.LEARNER


def test_identity_is_name_relay_and_channel() -> None:
    """It stays when the relay's nick changes, and differs from the same name elsewhere."""
    relays = Relays(
        (parse_relay("account:discordbot"), parse_relay("mask:tele!*@tg.example.org"), parse_relay("slack"))
    )

    def account(said: Incoming) -> str | None:
        found = relays.unwrapped(said, "trainbot")
        return found.sender.account if found else None

    mine = account(line("<Alice> !done"))
    assert mine == "alice/discordbot discordbot #class"
    assert account(line("<alice> hi", Sender("discordbot_", "bot", "other.example.org", "DiscordBot"))) == mine
    others = {
        account(line("<alice> hi", channel="#other")),
        account(line("<alice> hi", Sender("tele", "t", "tg.example.org"))),
        account(line("<alice> hi", Sender("Slack", "s", "example.net"))),
        account(line("[discord] <alice> hi")),
    }
    assert len(others | {mine}) == 5 and None not in others
    assert account(line("<alice> hi", Sender("discordbot", "bot", "h"))) is None  # the nick without the account
    assert account(line("<alice> hi", channel=None)) is None  # private


def test_the_bots_own_lines_do_not_come_back() -> None:
    """A relay that repeats us, or somebody elsewhere who takes our name; a mention is like our name with a colon."""
    relays = Relays((parse_relay("discordbot"),))
    for said in ("<trainbot> alice: !done", "<TrainBot> !done", "[irc] <trainbot> !done"):
        assert relays.unwrapped(line(said), "trainbot") is None
    for said in ("<alice> @trainbot ask why", "<alice> @Trainbot: ask why", "<alice> @trainbot, ask why"):
        found = relays.unwrapped(line(said), "trainbot")
        assert found is not None and found.text == "trainbot: ask why"


@pytest.mark.parametrize("wrong", ["4you", "#class", "a b", "account:", "mask:relay!*@*", "nick:relay", ""])
def test_what_is_no_relay_in_bot_ini(wrong: str) -> None:
    """Roles' grammar, or a nick."""
    with pytest.raises(ValueError, match=r".|^$"):
        parse_relay(wrong)
