"""Labs, as people ask for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.config.labs_sections import LAB_WORDS
from trainbot.core.messages import Incoming, Line, LineSent, LineUndelivered
from trainbot.features.labs import passwords
from trainbot.features.labs.lab_requests import VERBS
from trainbot.gateway.routes import Routes
from trainbot.model.host import HostLost, HostWorkDone

ACCESS = re.compile(r"your debian lab: password ([0-9a-z-]{19})")
COMMAND = "ssh -p 2222 debian@lab.example.org"

SAME = "you have a new debian lab; the same ssh command works, with the same password or key"


def password(lines: list[str]) -> str:
    line, command = lines
    assert command == COMMAND
    found = ACCESS.match(line)
    assert found, line
    return found[1]


def test_a_lab_of_ones_own(stage: Stage) -> None:
    """``!lab debian`` answers the asker alone: how to get in, whom to trust, how long it boots.  The command is a line of its
    own, so that whoever pastes that line has pasted nothing else."""
    said = stage.hear("alice", "!lab debian")
    assert [target for target, _text in said] == ["alice", "alice"]
    assert said[1][1] == COMMAND
    assert re.fullmatch(
        ACCESS.pattern
        + r" \(it is booting, about 30 s left; ssh waits for it; the server's key fingerprint is SHA256:abc\)",
        said[0][1],
    )
    assert all(line.secret for line in stage.said if isinstance(line, Line))


def test_asking_again_gives_a_new_password(stage: Stage) -> None:
    """Whoever lost the line asks again: the old password is worth nothing then, and the lab is the same."""
    first = password(stage.talk("alice", "!lab debian"))
    stage.hosts_work()
    lab = stage.labs()
    said = stage.whisper("alice", "lab create debian")
    second = password(said)
    assert said[0].endswith(" (any earlier password no longer works)")
    assert first != second and stage.labs() == lab
    (lease,) = stage.leases()
    assert lease.digest == stage.wiring.ports.access.digest(second)


def logs_in(stage: Stage, word: str) -> bool:
    """Whether the gateway, as it was last told, lets somebody in with that password."""
    return Routes(stage.routes(), stage.pepper).by_password("debian", word) is not None


def test_the_old_password_works_until_the_new_one_is_sent(stage: Stage) -> None:
    """A line may wait for a minute: meanwhile nobody is shut out, whatever becomes of it, and afterwards one password
    works."""
    alice, old = stage.net.people["alice"], password(stage.talk("alice", "!lab debian"))
    stage.wait(minutes=1)

    def asks() -> tuple[str, int]:
        outcome = stage.turn(Incoming(alice, CHANNEL, "!lab debian", stage.now))
        (line,) = (out for out in outcome.say if isinstance(out, Line) and out.secret)
        found = ACCESS.match(line.text)
        assert found and line.ticket and outcome.routes is not None
        return found[1], line.ticket

    new, ticket = asks()
    assert logs_in(stage, old) and logs_in(stage, new)
    stage.happens(LineUndelivered(ticket, "the connection was lost", stage.now))
    newer, ticket = asks()
    assert logs_in(stage, old) and logs_in(stage, newer)
    outcome = stage.turn(LineSent(ticket, stage.now))
    assert outcome.routes is not None and not logs_in(stage, old) and not logs_in(stage, new) and logs_in(stage, newer)


def test_no_old_password_outlives_its_lab(stage: Stage) -> None:
    """A lab given back while a new password was on its way: neither opens anything."""
    alice, old = stage.net.people["alice"], password(stage.talk("alice", "!lab debian"))
    stage.turn(Incoming(alice, CHANNEL, "!lab debian", stage.now))
    stage.whisper("alice", "lab return"), stage.whisper("alice", "yes")
    assert stage.leases() == [] and not logs_in(stage, old)
    stage.wait(seconds=2)
    assert not stage.wiring.ports.deliveries.earlier


def test_asking_again_before_the_answer_was_sent(stage: Stage) -> None:
    """On a slow network people ask twice: the password that is on its way to them stays the one that works."""
    alice = stage.net.people["alice"]
    (first,) = (out for out in stage.turn(Incoming(alice, CHANNEL, "!lab debian", stage.now)).say if out.secret)
    assert stage.talk("alice", "!lab debian") == stage.whisper("alice", "lab debian") == []
    works = ACCESS.match(first.text)
    assert works and stage.leases()[0].digest == stage.wiring.ports.access.digest(works[1])
    stage.happens(LineSent(first.ticket or 0, stage.now))
    assert password(stage.talk("alice", "!lab debian")) != works[1]


def test_asking_again_for_what_was_never_sent(stage: Stage) -> None:
    """Whoever could not be written to gets another password when they ask again."""
    alice = stage.net.people["alice"]
    (first,) = (out for out in stage.turn(Incoming(alice, CHANNEL, "!lab debian", stage.now)).say if out.secret)
    stage.happens(LineUndelivered(first.ticket or 0, "no such nick", stage.now))
    password(stage.talk("alice", "!lab debian"))


def test_a_key_needs_no_password(stage: Stage) -> None:
    """People with a key get no secret, and keep their line."""
    stage.use_key("alice", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5vYm9keSdzIGtleSwgYW5kIDMyIG9jdGV0cyBsb25n")
    assert stage.talk("alice", "!lab debian")[0].startswith("your debian lab: log in with your key (it is booting")
    assert not any(line.secret for line in stage.said if isinstance(line, Line))


def test_permissive(stage: Stage) -> None:
    """``permissive`` boots SE Linux so; another mode of a lab one has is another lab."""
    stage.talk("alice", "!lab debian permissive")
    assert stage.labs()[0].mode == "permissive"
    assert stage.talk("alice", "!lab debian") == [
        "alice: you already have a debian lab in permissive mode. !lab return gives it back; then ask again"
    ]


WRONG = [
    ("!lab windows", 'no image called "windows" (available: debian)'),
    ("!lab lst", 'no image called "lst" (available: debian); did you mean !lab list?'),
    (
        "!lab fedora",
        "no fedora image here yet (available: debian). An organiser can add it: trainbot image import "
        "fedora, then a section [image.fedora] in bot.ini, see docs/images.md",
    ),
    (
        "!lab trixie",
        "no trixie image here yet (available: debian). An organiser can add it: a section [image.trixie] in bot.ini, then "
        "trainbot image build trixie, see docs/images.md",
    ),
    ("!lab centos", "the centos image is not there yet"),
    ("!lab debian strict", 'unknown mode "strict": the only option after the image is "permissive"'),
    (
        "!lab debian permissive now",
        'unexpected word "now". Usage: !lab [IMAGE] [permissive], for example !lab debian',
    ),
    ("!lab reboot", "you have no lab; !lab IMAGE gives you one"),
    ("!lab reset", "you have no lab; !lab IMAGE gives you one"),
    ("!lab extend", "you have no lab; !lab IMAGE gives you one"),
    ("!lab return", "you have no lab; !lab IMAGE gives you one"),
    ("!lab return debian", "you have no debian lab; !lab IMAGE gives you one"),
]


@pytest.mark.parametrize(("said", "answer"), WRONG, ids=lambda value: value[:20])
def test_what_cannot_be_given_is_said_in_one_sentence(stage: Stage, said: str, answer: str) -> None:
    """An unknown image, a wrong word, no lab: what to say instead, and nothing changes but that we know alice."""
    stage.talk("alice", "!lab")
    before = stage.dump()
    assert stage.talk("alice", said) == [f"alice: {answer}"]
    assert stage.dump() == before


def test_labs_are_for_people_with_an_account(stages: Callable[..., Stage]) -> None:
    """Where accounts are required, a stranger is told how to get one; where not, they get a lab and its code."""
    strict = stages()
    strict.host_up()
    assert strict.hear("stranger", "!lab debian") == [
        (
            "stranger",
            "to get a lab you need an account on this network: /msg NickServ IDENTIFY PASSWORD logs you in, and /msg NickServ "
            "REGISTER PASSWORD EMAIL creates an account (never type a password in a channel). Then try again",
        )
    ]
    free = stages(require_account="no")
    free.host_up()
    assert (
        "send me !lab claim PASSWORD in a private message to get the lab back"
        in free.talk("stranger", "!lab debian")[0]
    )


def test_lab_list_says_where_it_stands(stage: Stage) -> None:
    """Image, mode, host, state, time left; or how to get one."""
    assert stage.hear("alice", "!lab") == [("alice", "you have no lab; !lab debian gives you one")]
    stage.talk("alice", "!lab debian")
    assert stage.hear("alice", "!lab list") == [("alice", "debian (enforcing) on xen1: being made, 4 h left")]
    stage.hosts_work()
    stage.wait(minutes=10)
    assert stage.whisper("alice", "lab") == ["debian (enforcing) on xen1: ready, 3 h 50 min left"]


def test_one_each(stages: Callable[..., Stage]) -> None:
    """Nobody has more labs than [labs] per_person."""
    stage = stages(images=("debian", "almalinux"))
    stage.host_up()
    stage.talk("alice", "!lab debian")
    assert stage.talk("alice", "!lab almalinux") == [
        "alice: you already have a debian lab, and the limit is 1. !lab return gives it back"
    ]


def test_with_two_labs_the_image_is_named(stages: Callable[..., Stage]) -> None:
    """With two labs a command that is about one says which."""
    stage = stages(images=("debian", "almalinux"), per_person=2)
    stage.host_up()
    stage.talk("alice", "!lab debian")
    stage.talk("alice", "!lab almalinux")
    assert stage.talk("alice", "!lab reboot") == ["alice: which one? name the image: debian or almalinux"]
    assert stage.talk("alice", "!lab return debian") == [
        "your debian lab and everything in it will be deleted. Type !yes within 60 s."
    ]
    assert stage.talk("alice", "!yes") == ["you gave back your debian lab"]
    assert [lease.image for lease in stage.leases()] == ["almalinux"]


def test_reboot(stage: Stage) -> None:
    """The lab is turned off and on, once, however often one asks."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    assert stage.hear("alice", "!lab reboot") == [("alice", "rebooting your debian lab, about 5 s; its disk is kept")]
    assert stage.talk("alice", "!lab reboot") == ["alice: your lab is already rebooting; !lab shows its state"]
    assert [work.action for work in stage.began] == ["reboot"]
    stage.hosts_work()
    assert "ready" in stage.talk("alice", "!lab")[0]


def test_reset_asks_first(stage: Stage) -> None:
    """What destroys work needs a !yes: of that person, there or where they are asked, within a minute, once."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    assert stage.hear("alice", "!lab reset") == [
        ("alice", "everything you changed in your debian lab will be lost. Type !yes within 60 s.")
    ]
    assert stage.began == []
    assert stage.talk("bob", "!yes") == ["bob: there is nothing to confirm"]
    assert stage.whisper("bob", "yes") == ["there is nothing to confirm"]
    assert stage.hear("alice", "!yes") == [
        ("alice", "resetting your debian lab to the original image, about 5 s; the same ssh command works")
    ]
    assert [work.action for work in stage.began] == ["reset"]
    assert stage.talk("alice", "!yes") == ["alice: there is nothing to confirm"]
    stage.hosts_work()
    stage.talk("alice", "!lab reset")
    stage.wait(seconds=61)
    assert stage.talk("alice", "!yes") == ["alice: there is nothing to confirm"]
    assert stage.began == []


def test_return(stage: Stage) -> None:
    """A lab that is given back goes from its host, and its owner may have another."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.talk("alice", "!lab destroy")
    assert stage.talk("alice", "!yes") == ["you gave back your debian lab"]
    stage.hosts_work()
    assert stage.hosts["xen1"] == {} and stage.leases() == []
    assert password(stage.talk("alice", "!lab debian"))


def test_return_while_it_boots(stage: Stage) -> None:
    """A lab whose ssh never comes is given back at once: nobody waits for it to boot."""
    stage.host_boots = False
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.talk("alice", "!lab return")
    stage.talk("alice", "!yes")
    assert [work.action for work in stage.began] == ["destroy"]


def test_extend(stage: Stage) -> None:
    """More time, a lease's length from now, up to the limit."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    assert stage.talk("alice", "!lab extend") == ["alice: your debian lab has 4 h left; ask again when there is less"]
    for _ in range(4):
        stage.wait(hours=2)
        assert stage.hear("alice", "!lab extend") == [("alice", "your debian lab is yours for 4 h from now")]
    stage.wait(hours=2)
    assert stage.talk("alice", "!lab extend") == ["alice: your debian lab has 2 h left, and that is the limit"]


def test_expiry_is_told_before_and_after(stage: Stage) -> None:
    """A quarter of an hour before, and at the end; each once, to the person alone."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    assert stage.wait(hours=3, minutes=44) == []
    assert stage.wait(minutes=1) == [
        (
            "alice",
            "your debian lab ends in 15 min: !lab extend gives you more time. To save your work, run this on your own machine:",
        ),
        ("alice", "scp -rp -P 2222 debian@lab.example.org:/root ."),
    ]
    assert stage.wait(minutes=14) == []
    assert stage.wait(minutes=1) == [
        ("alice", "time is up: your debian lab has ended. !lab debian gives you a new one")
    ]
    stage.hosts_work()
    assert stage.hosts["xen1"] == {} and stage.wait(hours=1) == []


def test_when_all_are_taken_there_is_a_queue(stages: Callable[..., Stage]) -> None:
    """A place, an honest estimate, and word as soon as one is free; a place can be given up."""
    stage = stages(labs=1)
    stage.host_up()
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    waits = "all debian labs are taken. You're number {} in the queue: {}. I'll tell you when it is ready"
    assert stage.hear("bob", "!lab debian") == [
        ("bob", waits.format(1, "you'll likely get a lab in 4 h, when a lease ends, or sooner if one is given back"))
    ]
    assert stage.talk("carol", "!lab debian") == [waits.format(2, "you'll get a lab as soon as one is given back")]
    assert stage.talk("carol", "!lab list") == [waits.format(2, "you'll get a lab as soon as one is given back")]
    assert stage.talk("carol", "!lab return") == [
        "you will lose your position in the queue for a debian lab. Type !yes within 60 s."
    ]
    assert stage.talk("carol", "!yes") == ["you left the queue for a debian lab"]
    stage.talk("alice", "!lab return")
    assert stage.talk("alice", "!yes") == ["you gave back your debian lab"]
    assert stage.talk("bob", "!lab") == [
        "making room for a debian lab. You're number 1 in the queue; I'll tell you when your lab is ready"
    ]
    said = stage.hosts_work()
    assert {target for target, _text in said} == {"bob"} and "(it is your turn" in said[0][1]


def test_a_host_that_does_not_answer(stage: Stage) -> None:
    """Whoever has a lab there hears that their work is safe, whoever wants one that they are told when."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.happens(HostLost("xen1", "connection refused"))
    before = stage.dump()
    safe = "its host xen1 does not answer right now; your work on it is safe. Try again later"
    for command in ("!lab reboot", "!lab reset"):
        assert stage.talk("alice", command) == [f"alice: {safe}"]
    assert stage.dump() == before
    assert stage.talk("alice", "!lab") == ["debian (enforcing) on xen1: its host does not answer, 4 h left"]
    assert "its host xen1 does not answer right now; your work on it is safe" in stage.talk("alice", "!lab debian")[0]
    assert stage.talk("bob", "!lab debian") == [
        "no lab host answers right now. You're number 1 in the queue for a debian lab; I'll tell you when it is ready"
    ]
    said = stage.host_up() + stage.hosts_work()
    assert {target for target, _ in said} == {"bob"}


def test_a_host_that_left_bot_ini(stage: Stage) -> None:
    """A lab on a host that the organiser took away is no riddle for the bot: it says that the host is silent."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.config = replace(stage.config, hosts=(replace(stage.config.hosts[0], name="xen2"),))
    stage.hosts["xen2"] = {}
    stage.restart()
    stage.host_up("xen2")
    assert "its host does not answer" in stage.talk("alice", "!lab")[0]
    stage.talk("alice", "!lab return")
    assert stage.talk("alice", "!yes") == ["you gave back your debian lab"]
    assert password(stage.talk("alice", "!lab debian"))


def test_no_hosts_at_all(stage: Stage) -> None:
    """A bot without hosts says who can change that."""
    stage.config = replace(stage.config, hosts=())
    stage.restart()
    assert stage.talk("alice", "!lab debian") == [
        "alice: there are no lab hosts here yet: an organiser has to add a [host.NAME] section to bot.ini"
    ]
    assert stage.talk("olga", "!hosts") == ["there are no hosts in bot.ini yet: add a [host.NAME] section for each"]


def test_a_host_that_dies_before_it_made_the_lab(stage: Stage) -> None:
    """Nobody waits for a host that went away when another has room: a new line comes, and one lab is enough."""
    first = stage.config.hosts[0]
    stage.config = replace(stage.config, hosts=(first, replace(first, name="xen2")))
    stage.hosts["xen2"] = {}
    stage.restart()
    stage.host_up("xen1")
    stage.talk("alice", "!lab debian")
    (work,) = stage.began
    stage.began = []
    stage.happens(HostLost("xen1", "no route"), HostWorkDone("xen1", work.lab, "make", None, "no answer", True))
    assert "its host does not answer" in stage.talk("alice", "!lab")[0]
    (said,) = stage.host_up("xen2")
    assert said == ("alice", SAME)
    assert stage.hosts_work() == []
    assert "debian (enforcing) on xen2: ready" in stage.talk("alice", "!lab")[0]
    assert list(stage.hosts["xen1"]) == [] and len(stage.hosts["xen2"]) == 1 and len(stage.leases()) == 1


def test_a_lab_that_is_lost_is_replaced(stage: Stage) -> None:
    """What a host no longer has is told to its person, with the next one's line soon after."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.hosts["xen1"].clear()
    said = stage.host_up() + stage.hosts_work()
    assert said[0] == (
        "alice",
        "sorry, your debian lab was lost. A new one is on its way; the same ssh command works",
    )
    assert said[1:] == [("alice", SAME)]


@pytest.mark.parametrize("killed", range(12))
def test_the_password_of_a_lost_lab_stays(stage: Stage, killed: int) -> None:
    """Nobody could log in within 5 min, so there is another lab, and the bot is killed at any point of that: what the person
    was told opens the new lab all the time.  (Passwords were once refused then: the notice made a new one before it was
    sent.)"""
    stage.host_boots = False
    told = re.search(r"password (\S+)", stage.talk("alice", "!lab debian")[0])
    assert told is not None
    password = passwords.digest(stage.pepper, told[1])

    def after(step: int) -> None:
        if step == killed:
            said.extend(stage.restart() + stage.host_up())
        (route,) = stage.routes()
        assert route.digest == password

    said: list[tuple[str, str]] = []
    stage.hosts_work()
    after(0)
    for minute in range(1, 10):
        said += stage.wait(minutes=1)
        after(minute)
        stage.host_boots = minute >= 6
        said += stage.hosts_work()
    after(10)
    (route,) = stage.routes()
    assert route.endpoint is not None and stage.leases()[0].lab_id == stage.labs()[0].id
    assert sum(text == SAME for _target, text in said) == 1


def test_a_lab_whose_ssh_never_comes_is_replaced(stage: Stage) -> None:
    """After five minutes a lab that never let anybody in is given up, and really destroyed; its host has a rest."""
    stage.host_boots = False
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    (first,) = stage.hosts["xen1"]
    stage.wait(minutes=4)
    assert stage.wait(minutes=2)[0][1].startswith(
        "sorry, your debian lab did not come up within 6 min. A new one is on"
    )
    stage.host_boots = True
    stage.hosts_work()
    assert not stage.hosts["xen1"]
    stage.wait(minutes=1)
    stage.hosts_work()
    assert first not in stage.hosts["xen1"] and len(stage.hosts["xen1"]) == 1


def test_the_pool_makes_the_first_lab_come_at_once(stages: Callable[..., Stage]) -> None:
    """Labs made ahead are handed out before any is made, and are made up for."""
    stage = stages(spare=2)
    stage.host_up()
    stage.hosts_work()
    assert len(stage.hosts["xen1"]) == 2
    assert "booting" not in stage.talk("alice", "!lab debian")[0]
    stage.hosts_work()
    assert len(stage.hosts["xen1"]) == 3


def test_the_pool_makes_room_once(stages: Callable[..., Stage]) -> None:
    """For one who waits for another mode one spare lab goes, however many turns pass meanwhile."""
    stage = stages(spare=3, labs=3)
    stage.host_up()
    stage.hosts_work()
    stage.host_up()
    stage.hosts_work()
    assert len(stage.hosts["xen1"]) == 3
    stage.talk("alice", "!lab debian permissive")
    for _ in range(5):
        stage.wait(seconds=2)
    assert [work.action for work in stage.began] == ["destroy"]
    said = stage.hosts_work()
    assert {target for target, _ in said} == {"alice"}


def test_no_image_can_hide_a_command(stage: Stage) -> None:
    """Every word that follows !lab is refused as an image's name, and offered to whoever mistypes it."""
    words = {
        words.split()[1]
        for command in stage.wiring.table.commands
        for words in (command.words, *command.aliases)
        if words.startswith("lab ")
    }
    assert words <= LAB_WORDS and words - {"create"} == set(VERBS)


def test_a_password_is_nowhere_but_in_its_line(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Not in the log, not in the database, not in the records of the class."""
    caplog.set_level("DEBUG")
    stage.talk("russell", "!start")
    secret = password(stage.talk("alice", "!lab debian")[:2])
    stage.hosts_work()
    stage.whisper("bob", f"lab claim {secret}")
    stage.talk("russell", "!end")
    stage.talk("russell", "!yes")
    published = [path.read_text() for path in (stage.folder / "public" / "minutes").iterdir()]
    assert any("labs handed out: 1" in text for text in published)
    for text in (caplog.text, str(stage.dump()), repr(stage.wiring.config), *published):
        assert secret not in text


def test_where_the_console_is(stage: Stage) -> None:
    """The line to type, for whom has a lab."""
    assert stage.talk("alice", "!lab console") == ["alice: you have no lab; !lab IMAGE gives you one"]
    stage.talk("alice", "!lab debian")
    assert stage.talk("alice", "!lab console") == [
        "the console of your debian lab works even without its network. Enter wakes it, ctrl-] leaves it:",
        "ssh -t -p 2222 debian@lab.example.org xen-manage console",
    ]
