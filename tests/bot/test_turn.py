"""A turn of the bot: all or nothing, told to whoever asked; what must be said is said once, and not forgotten."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from tests.stage import CHANNEL, START, Stage
from trainbot.adapters.db import NOT_STORED, DatabaseLocked
from trainbot.bot.events import ShellCommand, Tick
from trainbot.core.messages import (
    ChannelMembers,
    Disconnected,
    Incoming,
    Line,
    LineSent,
    LineUndelivered,
    RecipientUnreachable,
)
from trainbot.model.host import HostLost, HostWorkDone
from trainbot.model.notice import Notice, due, stale


@pytest.fixture
def full_disk(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Until it is called, no commit works."""

    def full(_connection: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(stage.store._engine.dialect, "do_commit", full)
    yield monkeypatch.undo
    monkeypatch.undo()


ASKED = [
    ("!lab debian", CHANNEL, (CHANNEL, f"alice: {NOT_STORED}")),
    ("lab debian", None, ("alice", NOT_STORED)),
    ("QUESTION: why?", CHANNEL, (CHANNEL, f"alice: {NOT_STORED}")),
    ("trainbot: help", CHANNEL, (CHANNEL, f"alice: {NOT_STORED}")),
]


@pytest.mark.parametrize(("said", "where", "answer"), ASKED)
def test_a_full_disk_is_told_to_every_asker(
    stage: Stage, full_disk: Callable[[], None], said: str, where: str | None, answer: tuple[str, str]
) -> None:
    """However the command was said; nothing was done, and when there is room it works."""
    assert not stage.turn(Tick()).stored
    assert stage.hear("alice", said, where) == [answer]
    assert stage.began == []
    full_disk()
    assert all(rows == [] for rows in stage.dump().values())
    assert stage.hear("alice", said, where) != [answer]


def test_a_full_disk_is_not_told_to_who_only_talks(stage: Stage, full_disk: Callable[[], None]) -> None:
    """Talk, and commands of other bots, are no commands of ours."""
    assert stage.hear("alice", "hello") == [] and stage.hear("alice", "!weather") == []


def test_all_who_ask_at_once_are_told(stage: Stage, full_disk: Callable[[], None]) -> None:
    """One commit for all that waits: if it fails, each hears of it, and what worked for one did not happen either."""
    people = stage.net.people
    said = stage.happens(*(Incoming(people[nick], None, "lab debian", stage.now) for nick in ("alice", "bob", "carol")))
    assert said == [(nick, NOT_STORED) for nick in ("alice", "bob", "carol")]
    full_disk()
    assert stage.leases() == [] and stage.labs() == []


def test_the_class_goes_on_when_there_is_room_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts' work, reminders and steps that could not be stored are done later, from the rows."""
    stage.talk("russell", "!start")
    stage.talk("alice", "!lab debian")
    work = list(stage.began)

    def full(_connection: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(stage.store._engine.dialect, "do_commit", full)
    stage.hosts_work()  # the lab is made, and nobody can write that down
    assert stage.talk("russell", "!next") == [f"russell: {NOT_STORED}"]
    stage.wait(seconds=2)
    monkeypatch.undo()
    stage.wait(seconds=2)
    stage.hosts_work()
    assert [item.lab for item in work] == [lab.id for lab in stage.labs()] == list(stage.hosts["xen1"])
    assert "ready" in stage.talk("alice", "!lab")[0]
    assert stage.talk("russell", "!next")[0] == "Step 1 of 3: Look"


def test_a_read_only_database(stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """People hear one sentence without the bot's insides; the log names the file and what to do."""
    before = stage.dump()
    raw = stage.store.connection.connection.dbapi_connection
    raw.execute("PRAGMA query_only=ON")
    assert stage.talk("alice", "!lab debian") == [f"alice: {NOT_STORED}"]
    assert stage.whisper("alice", "!ask why?") == [NOT_STORED]
    assert stage.wait(seconds=2) == []
    assert "is read-only: make the file and its folder writable" in caplog.text
    raw.execute("PRAGMA query_only=OFF")
    assert stage.dump() == before
    assert stage.whisper("alice", "ask why?") == ["question 1 in #class is next"]


@pytest.fixture
def held(stage: Stage) -> Iterator[sqlite3.Connection]:
    """Somebody's SQLite shell in the middle of a transaction."""
    with closing(sqlite3.connect(stage.folder / "trainbot.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_locked_database_changes_nothing(stage: Stage, held: sqlite3.Connection) -> None:
    """The same events can be given again when it is free, as often as it takes."""
    people = stage.net.people
    events = [Incoming(people[nick], CHANNEL, f"!ask why, {nick}?", stage.now) for nick in ("alice", "bob")]
    for _ in range(2):
        with pytest.raises(DatabaseLocked, match="is locked by another program: stop that program"):
            stage.turn(*events)
    held.execute("ROLLBACK")
    assert [text for _to, text in stage.happens(*events)] == [
        "alice: question 1 is next",
        "bob: question 2: 1 before it",
    ]


def test_who_asked_is_told_of_a_locked_database(stage: Stage) -> None:
    """Only who waits for an answer; talk and hosts' events are still to be handled, in their order; ticks come again."""
    heard: list[list[str]] = []
    alice, shell = stage.net.people["alice"], ShellCommand("hosts", heard.append)
    talk = [Incoming(alice, CHANNEL, text, stage.now) for text in ("hello", "!weather")]
    asked = [Incoming(alice, CHANNEL, "!lab debian", stage.now), Incoming(alice, None, "lab", stage.now), shell]
    outcome, left = stage.bot.not_now(
        [talk[0], asked[0], Tick(), HostLost("xen1", "it is off"), asked[1], talk[1], asked[2]], "it is locked"
    )
    assert left == [talk[0], HostLost("xen1", "it is off"), talk[1]]
    assert [(line.target, line.text) for line in outcome.say] == [
        (CHANNEL, f"alice: {NOT_STORED}"),
        ("alice", NOT_STORED),
    ]
    assert [answer.lines for answer in outcome.answers] == [["not done: it is locked"]]


def test_the_database_is_told_to_the_shell(stage: Stage, full_disk: Callable[[], None]) -> None:
    """Whoever sits at the machine can mend it: they get the file and the reason."""
    (answer,) = stage.turn(ShellCommand("hosts", lambda lines: None)).answers
    assert answer.lines[0].startswith("not done: the disk under the database sqlite:///")
    assert "free some space" in answer.lines[0]


def test_the_shell_is_an_organiser(stage: Stage) -> None:
    """What is for the channel goes there, the answer to the shell."""

    def shell(text: str) -> list[str]:
        outcome = stage.turn(ShellCommand(text, lambda lines: None))
        stage.said = outcome.say
        return outcome.answers[0].lines

    assert shell("hosts")[1:] == ["xen1 up, 0 of 5 labs, 8192 of 16384 MiB free"]
    assert shell("start selinux") == []
    assert {out.target for out in stage.said if isinstance(out, Line)} == {CHANNEL}
    assert shell("end")[0].endswith("Type !yes within 60 s.")
    assert shell("yes") == [] and shell("nonsense") == ['unknown command "nonsense"; !help says what to type']


# -- what must be said ------------------------------------------------------------------------------


def notify(stage: Stage, nick: str | None, text: str, **more: object) -> None:
    with stage.store.transaction():
        who = stage.store.people.by_account(nick) if nick else None
        stage.store.notices.tell(
            stage.now, text, person_id=who.id if who else None, channel=None if nick else CHANNEL, **more
        )


@pytest.fixture
def known(stage: Stage) -> Stage:
    """We know alice."""
    stage.talk("alice", "!tz Berlin")
    return stage


def test_a_notice_is_said_once(known: Stage) -> None:
    """And not again, after a restart either."""
    notify(known, "alice", "hello")
    assert known.wait(seconds=2) == [("alice", "hello")]
    assert known.wait(seconds=2) == []
    assert known.restart() + known.wait(seconds=2) == []


def test_a_notice_waits_for_who_is_away(known: Stage) -> None:
    """For days and over restarts, until the person is there under whatever nick."""
    known.leave("alice")
    notify(known, "alice", "hello")
    assert known.wait(days=3) == [] and known.restart() == []
    known.join("alice|phone", account="alice")
    assert known.wait(seconds=2) == [("alice|phone", "hello")]


def test_nobody_else_gets_it(known: Stage) -> None:
    """Whoever took the nick is not the person."""
    known.leave("alice")
    notify(known, "alice", "secret")
    known.join("alice")
    known.join("mallory", account="mallory")
    assert known.wait(seconds=2) == []


def test_a_notice_under_way_is_not_said_twice(known: Stage) -> None:
    """The door has it and the network is slow: ticks do not send it again; a lost connection does."""
    notify(known, "alice", "hello")
    (line,) = known.turn(Tick()).say
    assert isinstance(line, Line) and line.ticket is not None
    for _ in range(5):
        known.now += timedelta(seconds=2)
        assert known.turn(Tick()).say == []
    known.turn(Disconnected("ping timeout", known.now))
    (again,) = known.turn(Tick()).say
    assert again == line
    known.turn(LineSent(line.ticket, known.now))
    assert known.turn(Tick()).say == []


def test_what_was_refused_is_tried_again(known: Stage) -> None:
    """Unspoken, even after it seemed spoken: a minute later."""
    notify(known, "alice", "hello")
    (line,) = known.turn(Tick()).say
    assert isinstance(line, Line) and line.ticket is not None
    known.turn(LineSent(line.ticket, known.now))
    known.turn(LineUndelivered(line.ticket, "707: too many new people", known.now))
    assert known.wait(seconds=59) == []
    assert known.wait(seconds=2) == [("alice", "hello")]


def test_who_cannot_be_written_to_is_told_in_the_channel(known: Stage) -> None:
    """One line for all whom one thing keeps from it, without a word of what it was, and not again for ten minutes; nothing to
    who is not there."""
    known.join("bob", account="bob")
    for nick in ("alice", "bob", "nobody"):
        known.turn(
            RecipientUnreachable(
                nick, "they accept messages only from people they know (+g)", "type /accept trainbot", known.now
            )
        )
    (told,) = known.wait(seconds=2)
    assert told == (
        "#class",
        "alice, bob: I have a message for you but can't write to you privately (they accept messages only from "
        "people they know (+g)); type /accept trainbot, then ask me again",
    )
    known.turn(RecipientUnreachable("alice", "again", "do", known.now))
    assert known.wait(seconds=2) == []
    known.wait(minutes=10)
    known.turn(RecipientUnreachable("alice", "again", "do", known.now))
    assert len(known.wait(seconds=2)) == 1


def test_killed_before_the_mark(known: Stage) -> None:
    """Killed between commit and socket: said by the next process."""
    notify(known, "alice", "hello")
    known.turn(Tick())
    assert known.restart() == [("alice", "hello")]


def test_said_but_not_stored_is_not_said_twice(known: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk was full just when it was to be marked as said: it is marked later, not said again."""
    notify(known, "alice", "hello")
    (line,) = known.turn(Tick()).say
    assert isinstance(line, Line) and line.ticket is not None

    def full(_connection: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(known.store._engine.dialect, "do_commit", full)
    known.turn(LineSent(line.ticket, known.now))
    known.turn(Tick())
    monkeypatch.undo()
    assert known.wait(seconds=2) == [] and known.wait(minutes=5) == [] and known.restart() == []


def test_nothing_goes_out_that_was_not_stored(known: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notice whose turn could not be committed is not lost and not said by that turn."""
    notify(known, "alice", "hello")

    def full(_connection: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(known.store._engine.dialect, "do_commit", full)
    assert known.wait(seconds=2) == []
    monkeypatch.undo()
    assert known.wait(seconds=2) == [("alice", "hello")]


def test_what_became_pointless_is_dropped(known: Stage) -> None:
    """A warning about a lab that has ended meanwhile helps nobody."""
    known.leave("alice")
    notify(known, "alice", "your lab ends in 15 min", not_after=known.now + timedelta(minutes=15))
    known.wait(minutes=16)
    known.join("alice", account="alice")
    assert known.wait(seconds=2) == []


def test_many_notices_go_out_in_portions(known: Stage) -> None:
    """The door is not flooded: twenty in a turn, and none is forgotten."""
    for n in range(45):
        notify(known, None, f"line {n}")
    assert len(known.turn(Tick()).say) == 20
    assert [text for _, text in known.restart()] == [f"line {n}" for n in range(45)]


def test_one_bad_notice_stops_no_other(known: Stage) -> None:
    """A row that makes no sense is in the log; the rest is said."""
    notify(known, "alice", "", kind="lab", subject="no number")
    notify(known, "alice", "hello")
    assert known.wait(seconds=2) == [("alice", "hello")]
    assert known.talk("alice", "!tz") != []


def notice(id: int, **more: object) -> Notice:
    values = (
        dict(
            id=id,
            key=None,
            person_id=1,
            channel=None,
            kind="text",
            subject="",
            text="x",
            due_at=START,
            not_after=None,
            said_at=None,
        )
        | more
    )
    return Notice(**values)  # type: ignore[arg-type]


def test_due_and_stale() -> None:
    """Oldest first; neither said, nor under way, nor too early; stale when its time is over."""
    later = START + timedelta(hours=1)
    rows = [
        notice(1, due_at=later),
        notice(2),
        notice(3, said_at=START),
        notice(4, due_at=START - timedelta(hours=1)),
        notice(5, not_after=START - timedelta(seconds=1)),
    ]
    assert [found.id for found in due(rows, START, under_way=[2])] == [4, 5]
    assert [found.id for found in stale(rows, START)] == [5]
    assert [found.id for found in due(rows, later)] == [4, 2, 5, 1]


# -- events of doors that make no sense ----------------------------------------------------------------


def test_events_about_nothing_do_no_harm(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Late, repeated, unknown: rows are read first, and a host that nobody configured stops nothing."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    before = stage.dump()
    stage.happens(
        HostWorkDone("xen1", "no-such-lab", "make", None, "late"),
        LineSent(999, stage.now),
        LineUndelivered(999, "?", stage.now),
        HostLost("nowhere", "gone"),
        Disconnected("x", stage.now),
    )
    (lab,) = stage.labs()
    for action in ("make", "reset", "reboot", "destroy"):
        stage.happens(HostWorkDone("xen1", lab.id, action))
    assert stage.dump() == before and stage.labs() == [lab]


def test_a_restart_says_where_each_class_stands(stages: Callable[..., Stage]) -> None:
    """One line a channel, when we are in it again, and not at a later rejoin."""
    stage = stages(channels=(CHANNEL, "#other"))
    for channel in (CHANNEL, "#other"):
        stage.enter("russell", channel)
        stage.whisper("russell", f"{channel} start")
    stage.store.close()
    said = stage.restart()
    assert [target for target, _ in said] == [CHANNEL, "#other"]
    assert stage.happens(ChannelMembers(CHANNEL, (), stage.now)) == []


def test_talk_is_kept_only_where_it_is_logged(stages: Callable[..., Stage]) -> None:
    """[records] log: what is said in a class is logged, but neither commands nor what begins with [nolog]."""
    for log, kept in (("yes", ["hello", "!weather"]), ("no", [])):
        stage = stages(log=log)
        stage.talk("alice", "before")
        stage.talk("russell", "!start")
        for text in ("hello", "[nolog] private", " [NoLog] too", "!step", "!weather"):
            stage.talk("alice", text)
        with stage.store.transaction():
            assert [entry.text for entry in stage.store.entries.all(kind="said")] == kept


def test_what_was_undone_with_others_is_not_acknowledged(stage: Stage) -> None:
    """SQLite undoes a whole transaction by itself where the disk is full in the middle of one: whoever was in it before
    is told as well, and whatever is acknowledged is there."""
    with stage.store.transaction():
        pages = stage.store.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        stage.store.connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
    asked = [
        Incoming(stage.net.people[nick], CHANNEL, f"!ask {n} {'why ' * 90}?", stage.now)
        for n in range(60)
        for nick in ("alice", "bob")
    ]
    said = stage.happens(*asked)
    acknowledged = {
        (int(found[1]), event.text.removeprefix("!ask "))
        for (_to, text), event in zip(said, asked, strict=True)
        if (found := re.search(r"question (\d+)", text))
    }
    with stage.store.transaction():
        there = {(question.id, question.words) for question in stage.store.questions.all()}
    assert acknowledged <= there
    assert any(NOT_STORED in text for _to, text in said)
    with stage.store.transaction():
        stage.store.connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    assert "question" in stage.talk("carol", "!ask next?")[0]
