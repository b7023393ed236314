"""What waits to be said, without a network and with a clock of our own."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.adapters.irc.outbox import Outbox
from trainbot.adapters.irc.queued_line import CtcpReply
from trainbot.adapters.irc.receipts import PROOF_EVERY, Receipts
from trainbot.adapters.irc.wire_text import cut, plain, sanitise
from trainbot.core.messages import Line, Priority, Rank, Topic

ANSWER, LISTING, PRESENTER = Priority.ANSWER, Priority.LISTING, Priority.PRESENTER
NASTY = st.text(
    st.one_of(
        st.characters(exclude_categories=()),
        st.sampled_from("\r\n\0\x01\x02\x03\x04\x0f\x1d é€😀e\u0301\u200d\ufe0f 0,"),
    )
)


def free(burst=1000, interval=0.0, **more):
    return Outbox(burst, interval, **more)


def wires(outbox, now=0.0):
    return [piece.wire for piece in outbox.take(now)]


def drain(outbox):
    """Everything, with the time at which each went."""
    now, went = 0.0, []
    for _ in range(100_000):
        went += [(now, piece) for piece in outbox.take(now)]
        wait = outbox.wait(now)
        if wait is None:
            return went
        now += wait + 1e-9
    raise AssertionError("never ends")


def test_a_message_is_a_privmsg():
    """A Line is a PRIVMSG to its target, a Topic a TOPIC."""
    outbox = free()
    outbox.put(Line("#c", "hello"), 0)
    outbox.put(Topic("#c", "old"), 0)
    outbox.put(Topic("#c", "the\r\ntopic"), 0)
    assert wires(outbox) == ["PRIVMSG #c :hello", "TOPIC #c :the topic"]


def test_code_is_bold():
    """Code goes out in bold: irssi shows the monospace code as a letter, and people would copy that."""
    outbox = free()
    outbox.put(Line("#c", "run \x11id -Z\x11 now"), 0)
    assert wires(outbox) == ["PRIVMSG #c :run \x02id -Z\x02 now"]


def test_a_channel_without_formatting_gets_none():
    """Where a channel takes no formatting codes, lines go there without any, and elsewhere with them."""
    outbox = free()
    outbox.formatted = lambda target: target != "#c"
    outbox.put(Line("#c", "\x02Step 1\x02: run \x11id\x11"), 0)
    outbox.put(Line("alice", "\x02Step 1\x02"), 0)
    assert wires(outbox) == ["PRIVMSG #c :Step 1: run id", "PRIVMSG alice :\x02Step 1\x02"]


def test_nobody_turns_a_line_around():
    """Bidirectional overrides in what somebody said do not reach others; letters that run from right to left do."""
    outbox = free()
    outbox.put(Line("#c", "a \u202egnp.exe\u2066 \u05e9\u05dc\u05d5\u05dd"), 0)
    assert wires(outbox) == ["PRIVMSG #c :a gnp.exe \u05e9\u05dc\u05d5\u05dd"]


def test_priorities():
    """The presenter's lines go first, listings last."""
    outbox = free()
    for priority in (LISTING, ANSWER, Priority.ANNOUNCE, PRESENTER):
        outbox.put(Line("a", priority.name, priority), 0)
    assert [wire.split(":")[1] for wire in wires(outbox)] == ["PRESENTER", "ANSWER", "ANNOUNCE", "LISTING"]


def test_owners_take_turns():
    """Somebody with many lines waits between each for everybody who has one."""
    outbox = free()
    for number in range(3):
        outbox.put(Line("greedy", f"g{number}"), 0)
    outbox.put(Line("#c", "a0", owner="alice"), 0)
    outbox.put(Line("#c", "b0", owner="bob"), 0)
    outbox.put(Line("#c", "a1", owner="alice"), 0)
    assert [wire.split(":")[1] for wire in wires(outbox)] == ["g0", "a0", "b0", "g1", "a1", "g2"]


def test_the_pieces_of_a_long_line_take_turns_too():
    """A long line of one person does not hold up the short one of another."""
    outbox = free()
    outbox.put(Line("alice", "x" * 1000, ticket=1), 0)
    outbox.put(Line("bob", "short"), 0)
    pieces = list(outbox.take(0))
    assert [piece.target for piece in pieces] == ["alice", "bob", "alice", "alice"]
    assert [piece.ticket for piece in pieces] == [None, None, None, 1]


LIBERA = (4, 2.0)  # lines at once, then one in so many seconds


def crowd(outbox, clones=40, helps=3):
    """Strangers who each ask for help, and get three lines, again and again: at one second after the other."""
    for turn in range(helps):
        for clone in range(clones):
            outbox.put(Line(f"clone{clone}", "commands: ...", rank=Rank.STRANGER), float(turn))
            outbox.put(Line(f"clone{clone}", "more: ...", LISTING, rank=Rank.STRANGER), float(turn))


def test_a_crowd_of_strangers_delays_nobody():
    """With forty clones asking for help, a learner's answer is the next line but one at Libera's pace, as are the
    staff's and the presenter's; the clones have one answer each, and every eighth line."""
    outbox = Outbox(*LIBERA)
    crowd(outbox)
    went = [piece.target for piece in outbox.take(3.0)]
    outbox.put(Line("alice", "your lab", rank=Rank.CLASS), 3.0)
    outbox.put(Line("hannah", "progress", rank=Rank.STAFF), 3.0)
    outbox.put(Line("#class", "Step 2", PRESENTER), 3.0)
    outbox.put(Line("dora", "hello", rank=Rank.ACCOUNT), 3.0)
    rest = [piece.target for _, piece in drain(outbox)]
    assert len(went) == 4 and rest[:4] == ["hannah", "#class", "alice", "dora"]
    assert len(went) + len(rest) == 4 + 40 * 2


def test_strangers_are_answered_while_a_class_talks():
    """Every eighth line is theirs, however many others wait."""
    outbox = free(1, 2.0)
    for number in range(100):
        outbox.put(Line(f"learner{number}", "x"), 0)
    crowd(outbox, clones=5, helps=1)
    went = [piece.target for _, piece in drain(outbox)]
    assert [n for n, target in enumerate(went[:80]) if target.startswith("clone")] == [
        7,
        15,
        23,
        31,
        39,
        47,
        55,
        63,
        71,
        79,
    ]


def test_a_stranger_has_one_answer_waiting():
    """Further ones are left out until that has been said; what belongs to it comes whole."""
    outbox = Outbox(1, 2.0)
    outbox.put(Line("x", "busy"), 0)
    for number in range(3):
        for text, priority in (("answer", ANSWER), ("listing", LISTING), ("listing", LISTING)):
            outbox.put(Line("clone", f"{text} {number}", priority, rank=Rank.STRANGER), 10.0 * number)
    assert [piece.wire.partition(":")[2] for _, piece in drain(outbox)] == [
        "busy",
        "answer 0",
        "listing 0",
        "listing 0",
    ]
    outbox.put(Line("clone", "answer 3", rank=Rank.STRANGER), 40.0)
    assert [piece.wire.partition(":")[2] for piece in outbox.take(50.0)] == ["answer 3"]


def test_pace():
    """A burst, then one line each interval."""
    outbox = Outbox(3, 2.0)
    for number in range(6):
        outbox.put(Line("a", str(number)), 0)
    assert len(wires(outbox, 0)) == 3
    assert outbox.wait(0) == 2.0 and wires(outbox, 1.9) == []
    assert len(wires(outbox, 2.0)) == 1 and len(wires(outbox, 6.0)) == 2
    assert outbox.wait(6.0) is None


def test_urgent_lines_are_counted():
    """What passes the queue uses up the pace of what waits."""
    outbox = Outbox(2, 1.0)
    for _ in range(10):
        outbox.count(0)
    outbox.put(Line("a", "x"), 0)
    assert outbox.wait(0) == 3.0  # the debt is one burst at most


def test_one_owner_does_not_fill_the_memory():
    """Of an owner with too many lines listings are left out first, and it is said how many."""
    outbox = free(owner_cap=5)
    for number in range(20):
        outbox.put(Line("a", f"l{number}", LISTING), 0)
    assert outbox.put(Line("a", "answer", ANSWER, ticket=1), 0) == []
    said = [wire.split(":")[1] for wire in wires(outbox)]
    assert said == ["answer", "l0", "l1", "l2", "l3", "(16 more lines were left out)"]
    assert len(outbox) == 0


def test_a_crowded_out_line_with_a_ticket_is_told():
    """What is left out is given back by its ticket; the presenter's lines never are."""
    outbox = free(owner_cap=2)
    back = [outbox.put(Line("a", "x", ANSWER, ticket=ticket), 0) for ticket in range(3)]
    assert back[:2] == [[], []] and back[2][0][0] == 2
    crowded = [outbox.put(Line("a", "class", PRESENTER, ticket=9), 0) for _ in range(5)]
    assert [ticket for refused in crowded for ticket, _ in refused] == [1, 0]
    assert wires(outbox)[:5] == ["PRIVMSG a :class"] * 5


def test_channels_we_are_not_in_hold_up_nobody():
    """Lines for a channel that we are not in wait, others pass; after a minute they are given back."""
    outbox = free()
    outbox.may_send = lambda target: target != "#away"
    outbox.put(Line("#away", "x", PRESENTER, owner="a", ticket=1), 0)
    outbox.put(Line("b", "y"), 0)
    assert wires(outbox) == ["PRIVMSG b :y"] and outbox.wait(0) is None
    assert outbox.expire(59) == []
    assert [ticket for ticket, _ in outbox.expire(61)] == [1]


def test_a_lost_connection():
    """Lines with tickets are given back, fresh ones are kept, old ones and half said ones are not."""
    outbox = Outbox(1, 1.0)
    outbox.put(Line("a", "half " * 200), 0)
    outbox.put(Line("b", "ticket", ticket=4), 0)
    outbox.put(Line("c", "old"), 0)
    outbox.put(Line("d", "fresh"), 50)
    assert len(wires(outbox, 0)) == 1
    assert [ticket for ticket, _ in outbox.lost(61)] == [4]
    outbox.resume(61)
    assert [piece.wire for _, piece in drain(outbox)] == ["PRIVMSG d :fresh"]


def test_lines_follow_a_new_nick_and_not_a_new_owner_of_the_nick():
    """What waits for somebody follows their new nick, and is dropped when they leave the network."""
    outbox = free()
    outbox.put(Line("alice", "your password is x", secret=True, ticket=1), 0)
    outbox.renamed(lambda nick: nick == "alice", "alicia")
    outbox.put(Line("bob", "yours is y", secret=True, ticket=2), 0)
    assert [ticket for ticket, _ in outbox.departed(lambda nick: nick == "bob")] == [2]
    assert wires(outbox) == ["PRIVMSG alicia :your password is x"]


def test_a_command_is_a_line_of_its_own():
    """It follows its text at once, however long that is and whoever else waits, and nothing is on its line; the ticket is
    settled once both are out, and a refusal of the first half brings the whole message again, not that half alone."""
    outbox = free(burst=1)
    command = "ssh -p 2222 debian@lab.example.org"
    outbox.put(Line("alice", "word " * 150 + "end", secret=True, ticket=1, command=command), 0)
    outbox.put(Line("bob", "yours"), 0)
    pieces = [piece for _, piece in drain(outbox)]
    mine = [number for number, piece in enumerate(pieces) if piece.target == "alice"]
    assert pieces[mine[-1]].wire == f"PRIVMSG alice :{command}"
    assert pieces[mine[-2]].wire.endswith(" end") and mine[-2] + 1 == mine[-1]
    assert [pieces[number].ticket for number in mine] == [*[None] * (len(mine) - 1), 1]
    assert all(pieces[number].secret for number in mine)
    assert [piece.ticketed for piece in pieces if piece.ticket is None] == [
        piece.target == "alice" for piece in pieces
    ][:-1]


def test_a_secret_is_not_shown():
    """The log gets the target of a secret line, not its text."""
    outbox = free()
    outbox.put(Line("alice", "password hunter2", secret=True), 0)
    assert "hunter2" not in next(iter(outbox.take(0))).shown


def test_queries_do_not_pile_up():
    """Of many CTCP queries by one person one is answered at a time."""
    outbox = free()
    for number in range(50):
        outbox.put(CtcpReply("a", f"PING {number}"), 0)
    assert wires(outbox) == ["NOTICE a :\x01PING 49\x01"]


def test_nothing_to_say():
    """An empty text says nothing, and its ticket is not left waiting."""
    outbox = free()
    assert outbox.put(Line("a", " \x03", ticket=1), 0) == [(1, "the message is empty")]
    assert wires(outbox) == []


def test_bold_goes_on_after_a_cut():
    """Formatting that is open where a text is cut is opened again."""
    head, rest = cut("\x02bold words here\x0f and not", 12)
    assert (head, rest) == ("\x02bold words", "\x02here\x0f and not")
    assert cut(rest, 8)[1][:1] != "\x02"


def test_colours_go_with_their_digits():
    """Colour codes are taken out whole, not only their first octet."""
    assert sanitise("\x0304,12red\x03 \x04ff0000x\x16y\tz") == "red xy z"
    assert plain("\x02b\x1di\x0f") == "bi"


@given(NASTY, st.integers(16, 60))
@settings(max_examples=2000)
def test_cutting_loses_nothing(text, room):
    """Pieces fit, hold whole characters, and together are the text but for spaces at the cuts."""
    clean = plain(text)
    rest, pieces = clean, []
    while rest:
        head, rest = cut(rest, room)
        assert len(head.encode()) <= room
        pieces.append(head)
    assert "".join(pieces).replace(" ", "") == clean.replace(" ", "")


@given(st.lists(st.sampled_from(["e\u0301", "o\u0308", "x", "é"]), max_size=80), st.integers(16, 40))
@settings(max_examples=500)
def test_marks_stay_with_their_letters(signs, room):
    """No piece begins with a combining mark."""
    rest = "".join(signs)
    while rest:
        assert not unicodedata.combining(rest[0])
        _, rest = cut(rest, room)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(list(Priority)), st.integers(0, 900)), max_size=40))
@settings(max_examples=200, deadline=None)
def test_order_within_an_owner_and_a_priority(lines):
    """Whatever the mix, each owner's lines of one priority begin in the order they were put."""
    outbox = Outbox(2, 0.5)
    put = {}
    for number, (owner, priority, length) in enumerate(lines):
        outbox.put(Line("#c", f"<{number}>" + "x" * length, priority, owner), 0)
        put.setdefault((owner, priority), []).append(number)
    said = [int(found[1]) for _, piece in drain(outbox) if (found := re.search("<([0-9]+)>", piece.wire))]
    assert sorted(said) == list(range(len(lines)))
    for (owner, priority), numbers in put.items():
        assert [number for number in said if lines[number][:2] == (owner, priority)] == numbers


LINES = st.lists(
    st.tuples(
        st.sampled_from(["#c", "alice", "böb"]),
        NASTY,
        st.sampled_from(list(Priority)),
        st.sampled_from(["", "x", "y"]),
    ),
    max_size=25,
)


@given(LINES, st.integers(1, 6), st.floats(0.1, 3), st.integers(20, 140))
@settings(max_examples=400, deadline=None)
def test_any_lines_at_all(lines, burst, interval, prefix):
    """Whatever is put: no line is over 512 octets with its prefix, none holds CR, LF, NUL or another
    command, nothing is lost, and the pace is kept."""
    outbox = Outbox(burst, interval, owner_cap=1000)
    outbox.prefix_octets = prefix
    expected = {}
    for target, text, priority, owner in lines:
        outbox.put(Line(target, text, priority, owner), 0)
        expected.setdefault((owner or target, priority), []).append("".join(plain(text).split()))
    went = drain(outbox)
    for _, piece in went:
        assert len(piece.wire.encode()) + 2 + prefix <= 512
        assert re.fullmatch(r"PRIVMSG (#c|alice|böb) :[^\r\n\0\x01]+", piece.wire)
    times = [at for at, _ in went]
    for first, start in enumerate(times):
        for last in range(first, len(times)):
            assert last - first + 1 <= burst + (times[last] - start) / interval + 1e-6
    all_text = sorted("".join("".join(plain(piece.wire.split(" :", 1)[1]) for _, piece in went).split()))
    assert all_text == sorted("".join("".join(texts) for texts in expected.values()))


def test_receipts():
    """A ping proves what was written before it, not what came after; a refusal hits what is unproven."""
    receipts = Receipts()
    assert receipts.due() is None
    receipts.wrote(1, "alice", 10.0)
    assert receipts.due() == 10.0 + PROOF_EVERY
    token = receipts.ask()
    receipts.wrote(2, "alice", 15.0)
    receipts.wrote(3, "bob", 15.0)
    receipts.proven("another")
    receipts.proven(token)
    assert receipts.refused(lambda nick: nick == "alice") == [2]
    assert receipts.lost() == [3] and receipts.lost() == []
