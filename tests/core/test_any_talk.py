"""Whatever is said, by whomever: an answer or nothing, never an exception, never a secret in a channel."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stage import CHANNEL, Stage
from trainbot.adapters.irc.wire_text import sanitise
from trainbot.core.messages import AskChanServ, Line, Modes, Outgoing, Sender, Topic, Withdraw

COMMANDS = (
    "help",
    "yes",
    "lab",
    "lab create",
    "lab list",
    "lab reboot",
    "lab reset",
    "lab extend",
    "lab return",
    "lab destroy",
    "lab claim",
    "lab snapshot",
    "lab rollback",
    "lab for",
    "lab revoke",
    "lab capacity",
    "labs",
    "key",
    "key forget",
    "step",
    "hint",
    "solution",
    "done",
    "stuck",
    "ask",
    "q",
    "sessions",
    "tz",
    "progress",
    "take",
    "answer",
    "skip",
    "info",
    "link",
    "action",
    "start",
    "end",
    "next",
    "prev",
    "goto",
    "repeat",
    "hosts",
    "QUESTION:",
    "trainbot:",
    "#class",
    "#class !next",
)
ODD = st.sampled_from(
    [
        "",
        "debian",
        "debian permissive",
        "alice",
        "alice debian",
        "1",
        "0",
        "-1",
        "9" * 30,
        "²",
        "٣",
        "\u202eabc",
        "\x00",
        "a\rb\nc",
        "\x1b[31m",
        "é" * 300,
        "x" * 5000,
        "%s{}",
        "'; drop table lab;--",
        "\ud800",
        "#2",
        "\u200b",
        "\xa0",
        "!yes",
        "__proto__",
        "../../etc/passwd",
        "<b>",
        "`rm`",
        "selinux",
        "UTC",
        "ssh-ed25519 " + "A" * 68,
    ]
)
ARGUMENT = st.one_of(ODD, st.text(max_size=40))
COMMAND = st.builds(
    lambda prefix, word, rest: f"{prefix}{word} {rest}",
    st.sampled_from(["!", "", "! "]),
    st.sampled_from(COMMANDS),
    ARGUMENT,
)
TEXT = st.one_of(COMMAND, COMMAND, st.text(max_size=80), ARGUMENT)
NICK = st.one_of(
    st.sampled_from(["alice", "bob", "russell", "olga", "hannah", "stranger"]),
    st.sampled_from(["alice", "russell"]),
    st.text(min_size=1, max_size=12),
)
LINE = st.tuples(NICK, st.booleans(), TEXT)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """One bot that lives through all of it; talk is logged, strangers may have labs."""
    made = Stage(tmp_path_factory.mktemp("any"), require_account="no", log="yes")
    made.host_up()
    return made


def shown(out: Outgoing) -> str:
    """What people can read of it."""
    match out:
        case Modes():
            return " ".join([out.change, *out.nicks])
        case AskChanServ():
            return f"{out.request} {out.channel} {out.text}"
        case Withdraw():
            return out.instead.text if out.instead else ""
        case Line() | Topic():
            return out.text


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINE, min_size=1, max_size=12), pause=st.sampled_from([0, 0, 1, 7, 400, 20000]))
def test_any_lines_from_anybody(
    crowd: Stage, caplog: pytest.LogCaptureFixture, lines: list[tuple[str, bool, str]], pause: int
) -> None:
    """A few thousand arbitrary lines and real commands with arbitrary arguments: the bot answers on."""
    caplog.clear()
    for nick, private, text in lines:
        if nick.lower() not in crowd.net.people:
            crowd.net.people[nick.lower()] = Sender(nick, "u", "h", None)
            crowd.net.channels[CHANNEL].add(nick.lower())
        crowd.hear(nick, text, None if private else CHANNEL)
        for out in crowd.said:
            said = sanitise(shown(out))
            assert not isinstance(out, Line) or re.fullmatch(r"((ssh|scp) [\w@./:-][\w@./: -]*)?", out.command)
            assert isinstance(out, Topic | Withdraw) or said.strip()
            assert all(sign.isprintable() or sign in "\x02\x0f\x11\x1d\x1f" or ord(sign) > 0x9F for sign in said)
            if isinstance(out, Line) and out.secret:
                assert out.target == nick and not out.target.startswith("#")
            if isinstance(out, Line) and out.command and "password" in said:
                assert out.secret
        crowd.hosts_work()
    crowd.wait(seconds=pause)
    crowd.hosts_work()
    wrong = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert wrong == [] or all("surrogates not allowed" in str(record.exc_info) for record in wrong)
    assert crowd.talk("carol", "!help")[0].endswith("!help topics lists the rest.")


def test_what_goes_wrong_inside_is_told_by_a_reference(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug of ours: the asker gets a reference that is in the log, which does not repeat what was said."""

    def fail(*_values: object, **_named: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(stage.wiring.labs.requests, "answer", fail)
    before = stage.dump()
    (line,) = stage.whisper("alice", "lab debian")
    assert line.startswith("something went wrong on my side, and nothing was changed (reference ")
    reference = line.split("reference ")[1].split(")")[0]
    assert reference in caplog.text and "lab debian" not in caplog.text and "a bug" in caplog.text
    assert stage.dump() == before
    monkeypatch.undo()
    assert stage.whisper("alice", "lab debian")[0].startswith("your debian lab: password ")


def test_a_line_of_one_person_does_not_undo_anothers(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that waits is handled in one transaction: what fails in it fails alone."""
    from trainbot.core.messages import Incoming

    answer = stage.wiring.labs.requests.answer

    def sometimes(lease: object, *values: object, **more: object) -> object:
        if len(stage.store.leases.open()) == 2:
            raise RuntimeError("for bob")
        return answer(lease, *values, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(stage.wiring.labs.requests, "answer", sometimes)
    said = stage.happens(
        *(Incoming(stage.net.people[nick], None, "lab debian", stage.now) for nick in ("alice", "bob"))
    )
    assert said[0][1].startswith("your debian lab") and said[-1][1].startswith("something went wrong on my side")
    assert [stage.name_of(lease.person_id) for lease in stage.leases()] == ["alice"]


def test_the_folder_of_tests_is_not_written_to(crowd: Stage) -> None:
    """Minutes of whatever class was held above are in their folder, under names of our own making."""
    folder: Path = crowd.folder / "public" / "minutes"
    assert all(path.name.endswith(".md") and path.name.startswith("2026-") for path in folder.glob("*"))
