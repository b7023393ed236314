"""What the outbox does with lines that are late: who goes first, what one line can say for many, what is dropped."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.adapters.irc.outbox import CLASS_SHARE, Outbox
from trainbot.core.messages import Line, Priority, Rank, Withdraw

PACE = (4, 2.0)  # Libera's
NICKS = [f"learner{n:02}" for n in range(30)]
STEP = [f"step line {n}" for n in range(8)]


def free():
    return Outbox(1000, 0.0)


def texts(outbox, now=0.0):
    return [piece.wire.split(" :", 1)[1] for piece in outbox.take(now)]


def by_and_by(outbox, end=600):
    """(second, text) of all that is sent, looked at twice a second as the connection does."""
    said = []
    for half in range(2 * end):
        now = half / 2
        outbox.expire(now)
        said += [(now, text) for text in texts(outbox, now)]
    return said


def answer(nick, text, rank=Rank.CLASS, **more):
    return Line("#c", f"{nick}: {text}", rank=rank, addressee=nick, **more)


@pytest.mark.parametrize("private", [True, False])
def test_staff_are_answered_in_the_middle_of_a_step(private):
    """An answer to the presenter is the next line of all, in the channel as in private."""
    outbox = Outbox(*PACE)
    for line in STEP:
        outbox.put(Line("#c", line, Priority.PRESENTER), 0.0)
    for nick in NICKS:
        outbox.put(Line(nick, "noted"), 0.0)
    assert texts(outbox) == STEP[:4]
    outbox.put(Line("russell" if private else "#c", "2 stuck", owner="russell", rank=Rank.STAFF), 0.5)
    assert texts(outbox, 2.0) == ["2 stuck"]
    assert texts(outbox, 4.0) == [STEP[4]]


def test_a_call_for_help_is_answered_in_the_middle_of_labs():
    """Thirty people get their labs and wait for other answers: whoever calls for help hears within two lines that it was
    heard, and the end of the class is the line after the presenter's own."""
    outbox = Outbox(*PACE)
    for nick in NICKS:
        outbox.put(Line(nick, "your debian lab: password x", secret=True, command="ssh -p 2222 debian@lab"), 0.0)
        outbox.put(Line(nick, "you're up to date"), 0.0)
        outbox.put(Line(f"{nick}x", "The next class is ...", rank=Rank.ACCOUNT), 0.0)
        outbox.put(Line(f"{nick}y", "For a lab you need an account ...", rank=Rank.STRANGER), 0.0)
    assert len(texts(outbox)) == 4
    outbox.put(Line("learner29", "noted, you are next", Priority.CALL), 0.5)
    outbox.put(Line("#c", "SE Linux is over", Priority.PRESENTER), 0.5)
    outbox.put(Line("#c", "this ends SE Linux for everybody. Type !yes", owner="russell", rank=Rank.STAFF), 0.5)
    said = [text for _, text in by_and_by(outbox)]
    assert said[:2] == ["this ends SE Linux for everybody. Type !yes", "SE Linux is over"]
    assert "noted, you are next" in said[:4]
    assert len(said) == 30 * 5 - 4 + 3


def test_calls_for_help_do_not_stop_the_class():
    """Every third line is somebody else's, however many call; a call of somebody who takes no part is an answer like
    others."""
    outbox = free()
    for n in range(30):
        outbox.put(Line(f"caller{n}", "noted", Priority.CALL), 0.0)
    for nick in NICKS[:5]:
        outbox.put(Line(nick, "your lab"), 0.0)
    outbox.put(Line("dora", "noted by", Priority.CALL, rank=Rank.ACCOUNT), 0.0)
    said = texts(outbox)
    assert [n for n, text in enumerate(said) if text == "your lab"][:4] == [2, 6, 9, 12]
    assert said[3] == "noted by"


def test_who_takes_no_part_is_answered_while_a_class_waits():
    """People with an account who have no seat yet get every fourth line while thirty others are given labs: before, they
    waited until all of these had theirs, longer than strangers."""
    outbox = Outbox(1, 1.0)
    for nick in NICKS:
        outbox.put(Line(nick, "your lab", command="ssh"), 0.0)
    for n in range(5):
        outbox.put(Line(f"late{n}", "help", rank=Rank.ACCOUNT), 0.0)
    assert [now for now, text in by_and_by(outbox) if text == "help"] == [3.0, 7.0, 11.0, 15.0, 19.0]


def test_staff_who_ask_much_do_not_stop_the_class():
    """Every fourth line is the class's, however much staff ask."""
    outbox = free()
    for n in range(30):
        outbox.put(Line(f"helper{n % 5}", f"answer {n}", rank=Rank.STAFF), 0.0)
    for line in STEP:
        outbox.put(Line("#c", line, Priority.PRESENTER), 0.0)
    said = texts(outbox)
    assert [said.index(line) for line in STEP] == [CLASS_SHARE * (n + 1) - 1 for n in range(len(STEP))]


def test_the_same_answer_to_many_is_one_line():
    """Thirty people who get the same answer in a channel at once share a few lines, with everybody's nick."""
    outbox = Outbox(*PACE)
    for nick in NICKS:
        outbox.put(answer(nick, "no class is running here"), 0.0)
    said = [text for _, text in by_and_by(outbox)]
    assert len(said) <= 3 and all(text.endswith(": no class is running here") for text in said)
    assert sorted(", ".join(text.partition(": ")[0] for text in said).split(", ")) == NICKS


def test_who_asks_again_is_named_once():
    """The same question from the same person before it was answered needs no second answer."""
    outbox = free()
    for _ in range(5):
        outbox.put(answer("alice", "unknown command"), 0.0)
    assert texts(outbox) == ["alice: unknown command"]
    outbox.put(answer("alice", "unknown command"), 1.0)
    assert texts(outbox) == ["alice: unknown command"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (answer("alice", "question 1 is next"), answer("bob", "question 2: 1 before you")),
        (answer("alice", "noted"), Line("#d", "bob: noted", addressee="bob")),
        (Line("alice", "noted"), Line("bob", "noted")),
        (answer("alice", "ready", secret=True), answer("bob", "ready", secret=True)),
        (answer("alice", "ready", ticket=1), answer("bob", "ready", ticket=2)),
        (answer("alice", "noted"), answer("bob", "noted", rank=Rank.STAFF)),
    ],
)
def test_what_differs_stays_apart(one, other):
    """Another text, channel or urgency, private lines, secrets and lines with a ticket are not put together."""
    outbox = free()
    outbox.put(one, 0.0)
    outbox.put(other, 0.0)
    assert len(texts(outbox)) == 2


def test_a_newer_step_replaces_the_older_one():
    """What waits of a step is not sent once the next one is opened: one line says how to have it."""
    outbox = Outbox(*PACE)
    for line in STEP:
        outbox.put(Line("#c", line, Priority.PRESENTER, series="step #c"), 0.0)
    assert texts(outbox) == STEP[:4]
    assert outbox.put(Withdraw("step #c", Line("#c", "(type !step 2)", Priority.PRESENTER)), 1.0) == []
    outbox.put(Line("#c", "Step 3", Priority.PRESENTER, series="step #c"), 1.0)
    assert [text for _, text in by_and_by(outbox)] == ["(type !step 2)", "Step 3"]


def test_nothing_is_said_instead_of_nothing():
    """If the older step was sent whole, and for other channels, nothing changes."""
    outbox = free()
    outbox.put(Line("#c", "Step 2", series="step #c"), 0.0)
    assert texts(outbox) == ["Step 2"]
    outbox.put(Line("#d", "Step 7", series="step #d"), 0.0)
    outbox.put(Withdraw("step #c", Line("#c", "(type !step 2)")), 1.0)
    assert texts(outbox, 1.0) == ["Step 7"]


def test_a_line_that_has_begun_is_finished():
    """Half a sentence is worse than a late one."""
    outbox = Outbox(1, 2.0)
    outbox.put(Line("#c", "word " * 200, series="step #c"), 0.0)
    assert len(texts(outbox)) == 1
    outbox.put(Withdraw("step #c"), 0.5)
    assert sum(text.count("word") for _, text in by_and_by(outbox)) > 100


def test_what_is_too_late_is_given_back():
    """A line that was worth sending for ten seconds is not sent after twelve: whoever sent it hears of it."""
    outbox = Outbox(*PACE)
    for line in STEP + STEP:
        outbox.put(Line("#c", line, Priority.PRESENTER), 0.0)
    outbox.put(Line("#c", "3 of 4 done", Priority.ANNOUNCE, ticket=7, fresh=10.0), 0.0)
    assert outbox.expire(10.0) == []
    assert [ticket for ticket, _ in outbox.expire(10.5)] == [7]
    assert "3 of 4 done" not in [text for _, text in by_and_by(outbox)]


LINES = st.lists(
    st.tuples(
        st.sampled_from(["answer", "ticket", "step", "plain", "withdraw", "secret"]),
        st.sampled_from(["alice", "bob", "carol"]),
        st.sampled_from(["yes", "no"]),
        st.sampled_from(list(Rank)[:3]),
        st.one_of(st.none(), st.floats(0.0, 30.0)),
        st.floats(0.0, 3.0),
    ),
    max_size=60,
)


@given(LINES)
@settings(max_examples=300)
def test_nothing_that_matters_is_lost(lines):
    """Whatever waits, whatever replaces it and however slow the network is: every line with a ticket is sent or given
    back, once; every secret and every line that nothing replaces is sent; and everybody who asked gets an answer."""
    outbox, now, said, back = Outbox(2, 1.5, owner_cap=1000), 0.0, [], []
    wanted, answered = Counter(), set()
    for number, (kind, nick, text, rank, fresh, pause) in enumerate(lines):
        out = {
            "answer": answer(nick, text, rank),
            "ticket": Line(nick, f"row {number}", rank=rank, ticket=number, series="step", fresh=fresh),
            "step": Line("#c", f"step {number}", Priority.PRESENTER, series="step"),
            "plain": Line("#c", f"plain {number}", rank=rank),
            "secret": Line(nick, f"secret {number}", secret=True, rank=rank),
            "withdraw": Withdraw("step"),
        }[kind]
        back += outbox.put(out, now)
        if kind in ("plain", "secret"):
            wanted[out.text] += 1
        elif kind == "answer":
            answered.add((nick, text))
        now += pause
        back += outbox.expire(now)
        said += list(outbox.take(now))
    for _ in range(400):
        now += 1.0
        back += outbox.expire(now)
        said += list(outbox.take(now))
    assert len(outbox) == 0
    tickets = [ticket for ticket, _ in back] + [piece.ticket for piece in said if piece.ticket is not None]
    assert sorted(tickets) == [number for number, line in enumerate(lines) if line[0] == "ticket"]
    sent = Counter(piece.wire.split(" :", 1)[1] for piece in said)
    assert not wanted - sent
    for nick, text in answered:
        assert any(nick in line.partition(": ")[0].split(", ") and line.endswith(f": {text}") for line in sent)
