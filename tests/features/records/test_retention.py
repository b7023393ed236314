"""Whoever asks is taken out of everything; what is old goes, and questions stay."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Text

from tests.stage import CHANNEL, Stage
from trainbot.adapters.db import full_text_search, row_redaction
from trainbot.adapters.db.row_redaction import GONE, OWN, TECHNICAL, TECHNICAL_TABLES
from trainbot.adapters.db.tables import tables
from trainbot.adapters.db.upkeep import check
from trainbot.bot.events import Tick
from trainbot.bot.workers.maintenance import at_once
from trainbot.cli import cli
from trainbot.core.errors import UserError
from trainbot.core.messages import Arrived
from trainbot.model.kept_files import FOLDER, KeptState
from trainbot.model.redaction import REMOVED, naming, wanted, without

SECRETS = ("alice", "ally", "rabbit hole", "looking-glass", "queen of hearts", "cheshire")


def hold(stage: Stage) -> None:
    """A class in which alice says all sorts of things, and others name her."""
    stage.talk("russell", "!start")
    stage.happens(Arrived(stage.net.people["alice"], CHANNEL, stage.now))
    stage.talk("russell", "!next")
    stage.talk("alice", "down the rabbit hole")
    stage.talk("alice", "!ask what is behind the looking-glass?")
    stage.talk("bob", "!ask is ALICE, right?")
    stage.talk("bob", "ask alice's cat; malice is another word")
    stage.talk("bob", "!vote 1")
    stage.talk("hannah", "!answer 1 look, alice: nothing")
    stage.talk("hannah", "!take 2")
    stage.talk("hannah", "Alice has said it already")
    stage.talk("alice", "!stuck at the queen of hearts")
    stage.whisper("alice", "tz Europe/Berlin")
    stage.rename("alice", "ally")
    stage.talk("ally", "the cheshire cat")
    stage.talk("ally", "!done")
    stage.leave("bob")
    stage.talk("hannah", "!info ally found it")
    stage.wait(minutes=10)
    stage.talk("russell", "!end")
    stage.talk("russell", "!yes")


def raw(stage: Stage) -> dict[str, str]:
    """The text of every file that holds records, free pages and write-ahead log included; where they lie may have
    the name of whoever runs the tests."""
    public = [path for path in (stage.folder / "public").rglob("*") if path.is_file()]
    return {
        path.name: path.read_bytes().decode("utf-8", "replace").lower().replace(str(stage.folder).lower(), "")
        for path in [*stage.folder.glob("trainbot.db*"), *public]
    }


def test_nothing_of_them_is_left_anywhere(stages: Callable[..., Stage]) -> None:
    """Account, nicks, host, words: in no table, index, free page or log of the database, in no published file; others'
    words stay, without the name; the class keeps its numbers."""
    stage = stages(log="yes")
    hold(stage)
    before = json.loads((stage.folder / "public" / "minutes" / "2026-11-27-selinux-1.json").read_text())
    there = "".join(raw(stage).values())
    assert [secret for secret in SECRETS if secret not in there] == []
    found = at_once(stage.wiring.records.keeping.found("ALICE"))
    assert found.startswith("one person called") and "ally" in found and "1 questions" in found
    said = at_once(stage.wiring.records.keeping.redact("alice", stage.now))
    assert said.startswith("removed: one person") and "minutes written again: 1" in said
    left = {
        (secret, name)
        for name, text in raw(stage).items()
        for secret in SECRETS
        if secret in text.replace("malice", "")
    }
    assert left == set()
    after = json.loads((stage.folder / "public" / "minutes" / "2026-11-27-selinux-1.json").read_text())
    for number in ("came", "labs", "finished", "most"):
        assert after[number] == before[number]
    assert [s["title"] for s in after["steps"]] == [s["title"] for s in before["steps"]]
    assert [(q["nick"], q["words"]) for q in after["questions"]] == [
        (REMOVED, REMOVED),
        ("bob", f"is {REMOVED}, right?"),
    ]
    assert after["questions"][0]["answers"][0]["words"] == f"look, {REMOVED}: nothing"
    with stage.store.transaction():
        assert f"ask {REMOVED}'s cat; malice is another word" in [e.text for e in stage.store.entries.all(kind="said")]
    assert check(stage.config.store.url, stage.config.store.state).faults == ()
    with pytest.raises(UserError, match='nobody called "alice" is in the records'):
        at_once(stage.wiring.records.keeping.found("alice"))


def test_who_is_taken_out_in_a_class_leaves_its_queues(stages: Callable[..., Stage]) -> None:
    """Neither helpers nor the presenter have somebody next whose name and words are gone; others stay where they were."""
    stage = stages(log="yes")
    stage.talk("russell", "!start")
    stage.talk("russell", "!next")
    stage.talk("alice", "!ask what is behind the looking-glass?")
    stage.talk("bob", "!ask is it right?")
    stage.talk("alice", "!stuck at the queen of hearts")
    stage.talk("bob", "!stuck at the pool of tears")
    at_once(stage.wiring.records.keeping.redact("alice", stage.now))
    (hands,) = stage.whisper("hannah", "!hands")
    assert hands.startswith("1 stuck: bob (at the pool of tears)")
    (queue,) = stage.talk("hannah", "!q")
    assert "1 open: 2 bob: is it right?" in queue
    assert "question 2 from bob" in stage.talk("russell", "!take")[0]


def test_a_redaction_that_is_killed_goes_on(stages: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 after one step, after two more, after three more, and so on; each start goes on, and nothing is left in the
    end.  Meanwhile the bot answers, and the minutes are written more than once."""
    monkeypatch.setattr(row_redaction, "CHANGED", 2)
    stage = stages(log="yes")
    hold(stage)
    steps = stage.wiring.records.keeping.redact("alice", stage.now)
    while stage.dump()["setting"] == [] or "redaction" not in dict(stage.dump()["setting"]):
        next(steps)
    most = 0
    while True:
        most += 1
        stage.restart()
        assert "tz CITY sets it" in stage.talk("carol", "!tz")[0]
        steps = stage.wiring.records.keeping.finish(stage.now)
        try:
            for _ in range(most):
                next(steps)
        except StopIteration as end:
            assert end.value.startswith("removed: one person called")
            break
    assert most > 10 and at_once(stage.wiring.records.keeping.finish(stage.now)) == ""
    left = {secret for text in raw(stage).values() for secret in SECRETS if secret in text.replace("malice", "")}
    assert left == set()
    assert check(stage.config.store.url, stage.config.store.state).faults == ()


def test_no_step_is_long(stages: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a transaction of its own, and changes few rows however many there are."""
    monkeypatch.setattr(row_redaction, "CHANGED", 10)
    monkeypatch.setattr(full_text_search, "FORGOTTEN", 10)
    stage = stages()
    with stage.store.transaction():
        alice = stage.store.people.get(
            stage.store.people.add(account="alice", nick="alice", zone="", in_view=True, seen_at=stage.now)
        )
        for number in range(200):
            words = f"why is number{number} odd{number}?"
            stage.store.questions.ask(alice, "alice", stage.now, words, class_id=None, channel=CHANNEL, step=0)
    changes = stage.store._recall
    steps, before, most = stage.wiring.records.keeping.redact("alice", stage.now), changes.changes, 0
    for _ in steps:
        assert not stage.store.connection.in_transaction()
        most, before = max(most, changes.changes - before), changes.changes
    assert 10 <= most < 200
    with stage.store.transaction():
        assert {question.words for question in stage.store.questions.all()} == {REMOVED}


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG8A2cuJCKYXQyeZPyl28jkKTyrCGfKzVbpOJpsk7pLh"


def test_nobody_is_let_in_who_was_taken_out(stages: Callable[..., Stage]) -> None:
    """A key of theirs, confirmed or only used, is in no row any more, and the gateway hears of it in the next turn."""
    stage = stages(log="yes")
    stage.talk("alice", "!lab debian")
    with stage.store.transaction():
        stage.store.leases.change({}, offered=KEY)
    stage.talk("alice", "!lab return")
    stage.talk("alice", "!yes")
    stage.use_key("alice", KEY)
    stage.turn(Tick())
    at_once(stage.wiring.records.keeping.redact("alice", stage.now))
    outcome = stage.turn(Tick())
    assert outcome.routes == [] and outcome.guests == []
    assert not any(KEY.split()[1].lower() in text for text in raw(stage).values())
    assert stage.turn(Tick()).routes is None


def test_they_may_come_again(stages: Callable[..., Stage]) -> None:
    """Whoever was taken out is a new person when they speak next; the bot goes on as before."""
    stage = stages(log="yes")
    hold(stage)
    at_once(stage.wiring.records.keeping.redact("account:alice", stage.now))
    assert "question" in stage.talk("ally", "!ask again?")[0]
    assert "again?" in stage.talk("russell", "!q")[0]


def test_somebody_else_of_that_host_stays(stages: Callable[..., Stage]) -> None:
    """host:NAME takes out those who came from there without an account; others keep their words."""
    stage = stages(log="yes", require_account="no")
    stage.leave("stranger")
    for nick, host in (("odd", "looking-glass.example"), ("even", "example.net")):
        stage.join(nick, host=host)
    stage.talk("russell", "!start")
    stage.talk("odd", "!ask jabberwock?")
    stage.talk("even", "!ask something else?")
    at_once(stage.wiring.records.keeping.redact("host:looking-glass.example", stage.now))
    with stage.store.transaction():
        assert [(q.nick, q.words) for q in stage.store.questions.all()] == [
            (REMOVED, REMOVED),
            ("even", "something else?"),
        ]
    assert "jabberwock" not in raw(stage)["trainbot.db"] and "looking-glass" not in raw(stage)["trainbot.db"]


def test_who_has_a_lab_or_presents_is_not_taken_out(stage: Stage) -> None:
    """It is said what to do first; nothing has changed."""
    stage.talk("alice", "!lab debian")
    with pytest.raises(UserError, match="alice has a lab or is waiting for one; type !lab revoke alice first"):
        at_once(stage.wiring.records.keeping.redact("alice", stage.now))
    stage.talk("russell", "!start")
    with pytest.raises(UserError, match="they are presenting a running class; !end it first"):
        at_once(stage.wiring.records.keeping.redact("russell", stage.now))
    with pytest.raises(UserError, match='nobody called "nobody" is in the records'):
        at_once(stage.wiring.records.keeping.redact("nobody", stage.now))


def test_old_records_go_and_questions_stay(stages: Callable[..., Stage]) -> None:
    """Log, attendance, minutes and people older than that are gone; what was asked and answered is there without names;
    what is younger is as it was; a second time there is nothing to do."""
    stage = stages(log="yes")
    hold(stage)
    stage.wait(days=400)
    stage.talk("carol", "!ask a young question?")
    before = stage.now - timedelta(days=365)
    dump = stage.dump()
    told = stage.wiring.records.keeping.old(before)
    assert stage.dump() == dump
    assert told.startswith("1 classes") and "2 names at questions" in told
    assert at_once(stage.wiring.records.keeping.prune(before)).startswith("removed: 1 classes")
    with stage.store.transaction():
        assert [(q.nick, q.words) for q in stage.store.questions.all()] == [
            (REMOVED, "what is behind the looking-glass?"),
            (REMOVED, "is ALICE, right?"),
            ("carol", "a young question?"),
        ]
        assert stage.store.entries.count() == stage.store.classes.attendance.count() == 0
        assert "bob" not in {person.nick for person in stage.store.people.all()}
    text = raw(stage)
    assert "rabbit hole" not in text["trainbot.db"] and [name for name in text if "selinux-1" in name] == []
    assert stage.wiring.records.keeping.old(before) == "nothing"
    assert check(stage.config.store.url, stage.config.store.state).faults == ()


def test_what_was_meant_as_an_answer_goes_too(stage: Stage) -> None:
    """With whoever said it, or because it is old."""
    drafts = stage.store.questions.drafts
    for number, who in enumerate(("hannah", "russell"), start=1):
        stage.talk("alice", "!ask why?")
        stage.talk(who, f"!take {number}")
        stage.talk(who, f"{who} thinks aloud")
    at_once(stage.wiring.records.keeping.redact("hannah", stage.now))
    with stage.store.transaction():
        assert [draft.words for draft in drafts.all()] == ["russell thinks aloud"]
    at_once(stage.wiring.records.keeping.prune(stage.now + timedelta(seconds=1)))
    with stage.store.transaction():
        assert drafts.all() == []


def test_every_column_is_decided() -> None:
    """Whoever adds a table with people in it says in store.redaction whose words it holds."""
    whose = {
        (table.name, column.name)
        for table in tables.values()
        for column in table.c
        for key in column.foreign_keys
        if key.column.table.name == "person"
    }
    assert whose == set(OWN) | {(name, "person_id") for name in GONE}
    for (table, _whose), (named, words) in OWN.items():
        assert all(isinstance(tables[table].c[name].type, Text) for name in (*named, *words))
    assert set(TECHNICAL_TABLES) | set(GONE) <= set(tables)
    assert {column.name for table in tables.values() for column in table.c} >= set(TECHNICAL)


@given(
    st.from_regex(r"[a-zA-Z_\[\]|][a-zA-Z0-9_\[\]|-]{0,8}", fullmatch=True), st.text(max_size=20), st.text(max_size=20)
)
def test_a_name_between_other_signs_is_found(name: str, before: str, after: str) -> None:
    """In any case, whatever stands around it but letters and digits; and it is gone after that."""
    pattern = naming([name])
    text = f"{before} {name.swapcase()}, {after}"
    assert pattern.search(text) and not pattern.search(without(text, pattern).replace(REMOVED, ""))


@pytest.mark.parametrize("text", ["", "a b", "account:", "mask:*!*@*", "nick:a b"])
def test_who_is_nobody(text: str) -> None:
    """One word, with what it is before it or not."""
    with pytest.raises(
        UserError, match="is not a person: use a nick or account, or account:NAME, nick:NAME or host:NAME"
    ):
        wanted(text)


@pytest.fixture
def shell(stage: Stage) -> Callable[..., tuple[int, str]]:
    """shell(*words, said=what is typed): trainbot in a shell, where no bot runs."""
    hold(stage)
    stage.store.connection.commit()

    def run(*words: str, said: str = "") -> tuple[int, str]:
        done = CliRunner().invoke(cli, [*words, "-c", str(stage.folder / "bot.ini")], input=said, standalone_mode=False)
        return (1 if done.exception else done.return_value), done.output + str(done.exception or "")

    return run


def test_a_shell_asks_first(shell: Callable[..., tuple[int, str]], stage: Stage) -> None:
    """What would go is said; no changes nothing, yes does it; --dry-run never does."""
    code, said = shell("log", "redact", "alice", said="n\n")
    assert code == 1 and "one person called" in said and "Remove all of this permanently? [y/N]" in said
    assert "what is behind the looking-glass?" in shell("log", "export")[1]
    assert shell("log", "redact", "alice", "--yes")[1].startswith("removed: one person")
    assert "looking-glass" not in shell("log", "export")[1]
    assert 'nobody called "alice"' in shell("log", "redact", "alice")[1]


def test_a_shell_deletes_kept_files(shell: Callable[..., tuple[int, str]], stage: Stage) -> None:
    """Where no bot runs, the archives of whoever is taken out, or of those that are old, are gone when the command ends."""
    moments = dict.fromkeys(("made_at", "expires_at", "due_at"), stage.now - timedelta(days=3650))
    people = {person.nick: person.id for person in stage.store.people.all()}
    for nick in ("ally", "bob"):
        stage.store.kept_files.add(
            person_id=people[nick], image="debian", state=KeptState.KEPT, lab_id="", digest="ab" * 32, **moments
        )
    stage.store.connection.commit()
    folder = stage.folder / "state" / FOLDER
    folder.mkdir(parents=True)
    for kept in stage.store.kept_files.all():
        (folder / kept.name).touch()
    stage.store.connection.commit()
    shell("log", "redact", "alice", "--yes")
    assert [path.name for path in folder.iterdir()] == [f"2-{'ab' * 8}.tar.gz"]
    assert "1 kept archives of own files" in shell("log", "prune", "--older-than", "1d", "--yes")[1]
    assert list(folder.iterdir()) == []


def test_a_shell_prunes_what_bot_ini_says(shell: Callable[..., tuple[int, str]], stage: Stage) -> None:
    """[records] keep, or --older-than; with neither it says so."""
    assert "give an age, for example --older-than 2y, or set keep = 2y in [records]" in shell("log", "prune")[1]
    assert '"2 years" is not an age: use for example 2y or 90d' in shell("log", "prune", "--older-than", "2 years")[1]
    ini = stage.folder / "bot.ini"
    ini.write_text(ini.read_text() + "keep = 1y\n")
    assert shell("log", "prune", "--dry-run") == (0, "nothing\n")
    ini.write_text(ini.read_text().replace("keep = 1y", "keep = 1 year"))
    assert '[records] keep: "1 year" is not an age: use for example 2y or 90d' in shell("log", "prune")[1]
