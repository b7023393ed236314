"""Go or no-go, by tables."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from trainbot.ops.rehearsal.report import judge, lines, slow_hosts, to_json, waits
from trainbot.ops.rehearsal.result import (
    IN,
    NO_ROOM,
    NOT_MADE,
    NOT_TRIED,
    SHUT_OUT,
    ExerciseResult,
    RehearsalResult,
    Seat,
)


def seat(host: str = "xen1", waited: float = 20.0, login: float = 0.5, boot: float | None = 15.0) -> Seat:
    return Seat("debian", IN, host, f"tb-debian-{host}", waited, login, boot)


def played(host: str = "xen1", fault: str = "") -> ExerciseResult:
    return ExerciseResult("debian", host, f"tb-debian-{host}", 9, 130.0, fault, seen=9)


GOOD = RehearsalResult(
    "SE Linux",
    "Labels",
    (*[seat()] * 2, *[seat("xen2", 31.0)] * 2),
    (played(), played("xen2")),
    200.0,
    14400.0,
    left={"xen1": 4, "xen2": 3},
    uris={"xen1": "xen+ssh://root@xen1/system", "xen2": "xen+ssh://root@xen2/system"},
)
SHUT = Seat("debian", SHUT_OUT, "xen2", "tb-debian-1", why="your lab does not answer")


def test_a_good_one_is_go_with_its_figures() -> None:
    """How long a learner waits, what each host took, what is left without one."""
    assert lines(GOOD) == [
        "go: SE Linux, login worked for 4 of 4 seats",
        "  from !lab to the first login, half of the learners would wait up to 20 s, and the last 31 s, if all ask at once",
        "  Labels works from the first to the last step in debian on xen1 (9 steps, 130 s)",
        "  Labels works from the first to the last step in debian on xen2 (9 steps, 130 s)",
        "  xen1: 2 seats, created in 15 s, login in 0.5 s",
        "  xen2: 2 seats, created in 15 s, login in 0.5 s",
        "  if xen2 fails, 3 of 4 people still have a lab",
        "  the rehearsal took 200 s",
    ]


def test_what_was_not_seen_does_not_work() -> None:
    """Steps that nothing could be seen of are counted, and named once for all labs."""
    words = ("steps 2 and 5 have no check and no solve: do them by hand once",)
    found = replace(GOOD, played=tuple(replace(played(host), seen=7, unseen=words) for host in ("xen1", "xen2")))
    assert lines(found)[2:5] == [
        "  7 of 9 steps of Labels work in debian on xen1 (130 s)",
        "  7 of 9 steps of Labels work in debian on xen2 (130 s)",
        f"  not seen: {words[0]}",
    ]
    none = replace(GOOD, played=(replace(played(), seen=0),))
    said = "  the scripts of Labels ran in debian on xen1 (130 s), but none of its steps was seen to work"
    assert said in lines(none)


def test_a_second_image_is_logged_in_to_and_not_played_in() -> None:
    """Labs to compare with are seats as all others; the exercise is tried in those that it is for."""
    second = replace(GOOD, seats=(*GOOD.seats, replace(seat(), image="centos")), beside="centos")
    assert judge(second).go and lines(second)[0] == "go: SE Linux, login worked for 5 of 5 seats"
    assert judge(replace(second, beside="")).reasons == ("Labels was not tried in centos on xen1",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"seats": (*GOOD.seats, SHUT)},
            "cannot log in to tb-debian-1 on xen2: your lab does not answer (use --keep to keep it, then see its console: virsh -c "
            "xen+ssh://root@xen2/system console tb-debian-1)",
        ),
        (
            {"seats": (*GOOD.seats, *[Seat("debian", NOT_MADE, "xen1", why="out of memory")] * 2)},
            "2 seats had no lab in time on xen1: out of memory",
        ),
        (
            {"seats": (*GOOD.seats, Seat("debian", NO_ROOM)), "faults": ("xen3 is drained",)},
            "1 of 5 learners would wait in the queue until somebody returns a lab or the first leases end after 4 h: there is "
            "no room for more (xen3 is drained)",
        ),
        ({"lost": {"xen2": "keepalive"}}, "xen2 stopped answering meanwhile: keepalive"),
        (
            {"played": (played(), played("xen2", "step 2 (Look): its check ends with 1: no"))},
            "tb-debian-xen2 on xen2, debian: step 2 (Look): its check ends with 1: no",
        ),
        ({"played": (played(),)}, "Labels was not tried in debian on xen2"),
        (
            {"seats": (*GOOD.seats, Seat("debian", NOT_TRIED, why="x")), "over": "a class has begun"},
            "the rehearsal was cut short: a class has begun; one seat not tried",
        ),
    ],
)
def test_each_trouble_is_a_no_go_with_its_reason(change: dict, reason: str) -> None:
    """One thing wrong, one reason; the first line says it."""
    found = replace(GOOD, **change)
    assert judge(found).reasons == (reason,) and not judge(found).go
    assert lines(found)[0].startswith("no-go: SE Linux, ") and lines(found)[1] == f"  ! {reason}"


def test_many_labs_that_let_nobody_in_are_counted() -> None:
    """Five are named: nobody reads thirty."""
    reasons = judge(replace(GOOD, seats=(SHUT,) * 30, exercise="", played=())).reasons
    assert len(reasons) == 6 and reasons[-1] == "cannot log in to 25 more labs either"


@pytest.mark.parametrize("uri", ["test:///default", "qemu:///embed?root=/x", ""])
def test_no_console_is_named_where_there_is_none(uri: str) -> None:
    """virsh cannot reach what belongs to the bot's own process, nor what runs nothing."""
    found = replace(GOOD, seats=(SHUT,), exercise="", played=(), uris={"xen2": uri})
    assert judge(found).reasons == ("cannot log in to tb-debian-1 on xen2: your lab does not answer",)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"away": {"xen3": "no route"}}, "xen3 does not answer: no route"),
        ({"drained": ("xen3",)}, "xen3 is drained"),
        ({"yielded": 1}, "one lab of the rehearsal went to learners meanwhile"),
        ({"left": {"xen1": 4, "xen2": 4}}, "if any one host fails, everybody still has a lab"),
        ({"left": {"xen1": 0}}, "if xen1 fails, none of 4 people still have a lab"),
        ({"exercise": "", "played": ()}, "no exercise was tried"),
        (
            {"seats": (*GOOD.seats, Seat("debian", NO_ROOM)), "idle": 2},
            "one seat had no room because of free labs of other images, which make room for learners",
        ),
    ],
)
def test_what_is_only_good_to_know_is_no_reason(change: dict, note: str) -> None:
    """It is said, and go stays go."""
    found = judge(replace(GOOD, **change))
    assert found.go and note in found.notes


def test_a_slow_host_is_named() -> None:
    """Half as long again as all others, and by some seconds: either in making or in logging in."""
    fast, other = [seat(boot=10.0)] * 3, [seat("xen2", boot=11.0)] * 3
    assert slow_hosts([*fast, *other, seat("xen3", boot=25.0)]) == {"xen3"}
    assert slow_hosts([*fast, *other, seat("xen3", login=9.0)]) == {"xen3"}
    assert slow_hosts([*fast, *other]) == set() and slow_hosts([seat(boot=99.0)]) == set() and slow_hosts([]) == set()
    assert slow_hosts([seat(boot=0.1), seat("xen2", boot=1.0)]) == set()
    said = lines(replace(GOOD, seats=(*fast, seat("xen2", boot=60.0)), played=(played(), played("xen2"))))
    assert "  xen2: one seat, created in 60 s, login in 0.5 s, slower than the others" in said


def test_nobody_got_in() -> None:
    """No figures are made up; one alone has no half."""
    one = lines(replace(GOOD, seats=(seat(),), played=(played(),)))
    assert one[1] == "  a learner would wait 20 s from !lab to the first login"
    found = replace(GOOD, seats=(SHUT,), played=(), left={"xen2": 0})
    assert waits(found.seats) == {} and "would wait" not in "".join(lines(found))


def test_a_program_gets_every_seat_and_no_secret() -> None:
    """--json: verdict, reasons, waits, queue, seats; it has a JSON form."""
    value = json.loads(json.dumps(to_json(replace(GOOD, seats=(*GOOD.seats, Seat("debian", NO_ROOM))))))
    assert value["go"] is False and value["queue"] == 1 and value["waits"] == {"p50": 20.0, "max": 31.0}
    assert value["seats"][0] == {
        "image": "debian",
        "state": "in",
        "host": "xen1",
        "lab": "tb-debian-xen1",
        "waited": 20.0,
        "login": 0.5,
        "boot": 15.0,
        "why": "",
    }
    assert "uris" not in value


@pytest.mark.parametrize(
    ("more", "go"),
    [
        ({"about": "labels was written for ubuntu, and debian labs are used"}, True),
        ({"unchecked": "nothing of labels is prepared or checked in a class: the exercise names no image"}, False),
    ],
)
def test_what_the_image_means_for_the_class(more: dict[str, str], go: bool) -> None:
    """Labs that work are no go where the class would run without checks; an image that stands in is a note."""
    found = replace(GOOD, **more)
    assert judge(found).go is go
    (said,) = more.values()
    assert f"  {'' if go else '! '}{said}" in lines(found)
