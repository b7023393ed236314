"""Who somebody is: an account, or a mask for as long as it is in view; never a nick alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.bot.gateway.route_table import LabRoutes, routes
from trainbot.core.access import Roles
from trainbot.core.messages import ChannelMembers, Connected, Line, Renamed

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q"
NO_LAB = "you have no lab; !lab debian gives you one"


@pytest.fixture
def free(stages: Callable[..., Stage]) -> Stage:
    """Where people without an account may have labs."""
    stage = stages(require_account="no")
    stage.host_up()
    return stage


def lab(stage: Stage, nick: str) -> str:
    """Asks for a lab; its password."""
    line, _command = stage.whisper(nick, "lab debian")
    stage.hosts_work()
    found = re.search(r"password (\S+)", line)
    assert found, line
    return found[1]


def test_reconnecting_again_and_again_takes_not_every_lab(stages: Callable[..., Stage]) -> None:
    """Two labs of a nick, four of a host: then the labs of before have to be claimed, and others go on."""
    stage = stages(require_account="no", labs=9)
    stage.host_up()
    passwords = []
    for number in range(2):
        stage.join("ghost", host=f"h{number}.example")
        passwords.append(lab(stage, "ghost"))
        stage.leave("ghost")
    stage.join("ghost", host="h2.example")
    kept = "labs are kept for people who left with your nick or from your host: if one is yours, send me !lab claim PASSWORD"
    assert f"2 {kept}" in stage.talk("ghost", "!lab debian")[0]
    assert "(it is yours again" in stage.whisper("ghost", f"lab claim {passwords[0]}")[0]
    for number in range(4):
        stage.join(f"clone{number}", host="clones.example")
        lab(stage, f"clone{number}")
        stage.leave(f"clone{number}")
    stage.join("clone4", host="clones.example")
    assert f"4 {kept}" in stage.talk("clone4", "!lab debian")[0]
    stage.join("eve", host="elsewhere.example")
    assert "password" in stage.talk("eve", "!lab debian")[0]


def test_a_lab_follows_a_nick_change(free: Stage) -> None:
    """The same connection is the same person, with an account or without."""
    for before, after in (("alice", "alice_away"), ("stranger", "known")):
        lab(free, before)
        free.rename(before, after)
        assert "ready" in free.whisper(after, "lab")[0]


def test_an_account_follows_the_person_anywhere(free: Stage) -> None:
    """Another nick, another host, the same account: the same lab."""
    lab(free, "alice")
    free.leave("alice")
    free.join("phone", account="Alice", host="mobile.example")
    assert "ready" in free.whisper("phone", "lab")[0]


def test_logging_in_keeps_the_lab(free: Stage) -> None:
    """Who got a lab as a stranger and then logs in has it under the account from then on."""
    lab(free, "stranger")
    free.rename("stranger", "stranger", account="sam")
    assert "ready" in free.whisper("stranger", "lab")[0]
    free.leave("stranger")
    free.join("elsewhere", account="sam", host="other.example")
    assert "ready" in free.whisper("elsewhere", "lab")[0]


def test_logging_in_to_an_account_that_has_a_lab(free: Stage) -> None:
    """The account's lab stays; the one from before is not lost, its code still claims it."""
    lab(free, "alice")
    code = lab(free, "stranger")
    free.rename("stranger", "stranger", account="alice")
    assert len(free.whisper("stranger", "lab")) == 1 and len(free.leases()) == 2
    free.join("newcomer")
    assert "(it is yours again" in free.whisper("newcomer", f"lab claim {code}")[0]


def test_logging_out_leaves_the_lab_with_the_account(free: Stage) -> None:
    """Without the account one is a stranger."""
    lab(free, "alice")
    before = free.net.people["alice"]
    free.net.people["alice"] = after = type(before)(before.nick, before.user, before.host, None)
    free.happens(Renamed(before, after, free.now))
    assert free.whisper("alice", "lab") == [NO_LAB]
    free.join("alice2", account="alice")
    assert "ready" in free.whisper("alice2", "lab")[0]


def test_whoever_takes_the_same_mask_is_somebody_else(free: Stage) -> None:
    """Nick, user and host of somebody who has left prove nothing: the lab comes back with its code only."""
    code = lab(free, "stranger")
    free.leave("stranger")
    free.join("stranger")
    assert free.whisper("stranger", "lab") == [NO_LAB]
    assert free.whisper("stranger", "lab claim 0000-0000-0000-0000") == [
        "no lab has that password; !lab lists your labs"
    ]
    said = free.whisper("stranger", f"lab claim {code.upper().replace('-', ' ')}")
    assert re.match(r"your debian lab: password \S+ \(it is yours again", said[0])
    assert said[1] == "ssh -p 2222 debian@lab.example.org"
    assert "ready" in free.whisper("stranger", "lab")[0]


def test_a_claim_in_the_channel_is_refused(free: Stage) -> None:
    """A password has no place in a channel."""
    assert free.talk("stranger", "!lab claim x") == [
        "stranger: use a private message for that: /msg trainbot lab claim …"
    ]
    assert free.whisper("stranger", "lab claim") == ["usage: !lab claim PASSWORD"]


def test_a_claim_of_what_belongs_to_somebody_here(free: Stage) -> None:
    """A code that was overheard is worth nothing while its owner is there, or has an account."""
    for owner in ("stranger", "alice"):
        code = lab(free, owner)
        before = free.leases()
        assert free.whisper("bob", f"lab claim {code}") == ["that lab belongs to somebody who is online"]
        assert free.leases() == before


def test_a_claim_gives_nobody_two(free: Stage) -> None:
    """Who has a lab gives it back before claiming another."""
    code = lab(free, "stranger")
    free.leave("stranger")
    lab(free, "bob")
    assert free.whisper("bob", f"lab claim {code}") == [
        "you already have a debian lab. !lab return gives it back; then claim again"
    ]


def test_claiming_ones_own_gives_the_line_again(free: Stage) -> None:
    """No harm, and a new password."""
    code = lab(free, "stranger")
    assert "(it is yours again" in free.whisper("stranger", f"lab claim {code}")[0]


def test_who_cannot_be_seen_is_nobody(free: Stage) -> None:
    """Without an account and in none of our channels: join first, so that we see when you leave."""
    free.net.channels[CHANNEL].discard("stranger")
    assert free.whisper("stranger", "lab debian") == [
        f"join {CHANNEL} first, then ask again: without an account, I only know people who are in my channels"
    ]


def test_the_presenters_nick_is_not_the_presenter(stage: Stage) -> None:
    """An impostor with the presenter's nick, user and host gets nothing; nor with another account."""
    stage.talk("russell", "!start")
    stage.leave("russell")
    for account in (None, "alice"):
        stage.join("russell", account=account)
        for said, role in (
            ("!next", "presenters"),
            ("!end", "presenters"),
            ("!progress", "helpers"),
            ("!hosts", "organisers"),
        ):
            assert f"{said} is for {role}" in stage.talk("russell", said)[0]
        stage.leave("russell")
    stage.join("someone", account="Russell")
    assert stage.talk("someone", "!next")[0] == "Step 1 of 3: Look"


def test_an_impostors_yes(stage: Stage) -> None:
    """Between the question and the !yes somebody else took the nick: nothing happens."""
    stage.talk("russell", "!start")
    stage.talk("russell", "!end")
    stage.leave("russell")
    stage.join("russell")
    assert stage.talk("russell", "!yes") == ["russell: there is nothing to confirm"]


def test_a_demoted_presenters_yes(stage: Stage) -> None:
    """What was asked is checked again when it is confirmed."""
    stage.talk("russell", "!start")
    stage.talk("russell", "!end")
    stage.wiring.people.roles = Roles()
    assert stage.talk("russell", "!yes") == ["russell: !end is for presenters"]


def test_after_a_restart_whoever_is_still_there_is_the_same(free: Stage) -> None:
    """Nobody could watch meanwhile: a mask that is there at the roll call counts as the same person."""
    lab(free, "stranger")
    free.restart()
    free.host_up()
    assert "ready" in free.whisper("stranger", "lab")[0]


def test_after_a_restart_whoever_is_gone_is_gone(free: Stage) -> None:
    """Not at the roll call: out of view, and a newcomer with that mask is somebody else."""
    lab(free, "stranger")
    sender = free.net.people.pop("stranger")
    free.restart()
    free.host_up()
    free.net.people["stranger"] = sender
    assert free.whisper("stranger", "lab") == [NO_LAB]


def test_the_roll_call_needs_all_channels(stages: Callable[..., Stage]) -> None:
    """Who is only in the second channel is not gone because the first was called."""
    stage = stages(require_account="no", channels=(CHANNEL, "#other"))
    stage.host_up()
    lab(stage, "stranger")
    stage.net.channels[CHANNEL].discard("stranger")
    stage.happens(Connected("trainbot", stage.now), ChannelMembers(CHANNEL, (), stage.now))
    stage.enter("stranger", "#other")
    stage.happens(ChannelMembers("#other", (), stage.now))
    assert "ready" in stage.whisper("stranger", "lab")[0]


def code(stage: Stage, nick: str, key: str) -> str:
    """The user name that confirms that key of theirs."""
    with stage.store.transaction():
        (known,) = [
            each for each in stage.store.people.keys.all(key=key) if stage.store.people.get(each.person_id).nick == nick
        ]
        return stage.wiring.ports.access.key_code(known.person_id, key)


def test_key(stage: Stage) -> None:
    """A key is saved, confirmed with a command to copy, shown by its end, forgotten; its answers are for its owner alone."""
    assert stage.hear("alice", "!key") == [
        ("alice", "I have no key of yours; type !key and the line in your ~/.ssh/id_ed25519.pub")
    ]
    said = stage.hear("alice", f"!key {KEY} alice@laptop")
    command = f"ssh -p 2222 {code(stage, 'alice', KEY)}@lab.example.org"
    assert said == [
        (
            "alice",
            "key saved. To confirm it, log in to your lab with its password from the machine that has the key, or run this "
            "there:",
        ),
        ("alice", command),
    ]
    assert stage.hear("alice", f"key {KEY}", None) == said
    assert stage.hear("alice", "!key") == [
        ("alice", "your keys: ssh-ed25519 …czXkVx9q (not confirmed)"),
        ("alice", "to confirm ssh-ed25519 …czXkVx9q, run this on the machine that has it:"),
        ("alice", command),
    ]
    assert stage.talk("bob", "!key")[0].startswith("I have no key of yours")
    stage.use_key("alice", KEY)
    assert stage.hear("alice", "!key") == [("alice", "your keys: ssh-ed25519 …czXkVx9q")]
    assert stage.whisper("alice", f"key {KEY}") == ["you already have that key; it works for your labs"]
    assert stage.hear("alice", "!key forget") == [("alice", "deleted: 1 key")]
    assert stage.talk("alice", "!key forget") == ["I had no keys of yours"]


def test_a_key_that_was_only_named_opens_nothing(stage: Stage) -> None:
    """Anybody can name bob's public key: the gateway does not take it for theirs, and they still get a password."""
    stage.whisper("alice", f"key {KEY}")
    assert "password" in stage.talk("alice", "!lab debian")[0]
    assert "password" in stage.talk("bob", "!lab debian")[0]
    assert [route.keys for route in stage.routes()] == [(), ()]
    named = {route.name: route.candidates for route in stage.routes()}
    assert named == {"alice": ((KEY, code(stage, "alice", KEY)),), "bob": ()}


@pytest.mark.parametrize(
    "key", ["foo", "ssh-ed25519", "ssh-ed25519 short", "ssh-dss " + "A" * 80, "-----BEGIN OPENSSH PRIVATE KEY-----"]
)
def test_what_is_no_key(stage: Stage, key: str) -> None:
    """Which file to look into; nothing is kept."""
    assert stage.whisper("alice", f"key {key}") == [
        "that is not a public ssh key, or it was cut off (RSA keys don't fit in a line here); type !key and the line in your "
        "~/.ssh/id_ed25519.pub"
    ]
    with stage.store.transaction():
        assert stage.store.people.keys.all() == []


def test_keys_are_few(stage: Stage) -> None:
    """Five are enough for anybody."""
    *five, sixth = (f"{KEY[:-4]}AAA{n}" for n in range(6))
    for key in five:
        stage.talk("alice", f"!key {key}")
    assert stage.whisper("alice", f"key {sixth}") == ["you already have 5 keys; !key forget deletes them all"]


def test_keys_reach_the_gateway(stage: Stage) -> None:
    """A key opens the lab from the moment it is proven, and no longer when it is forgotten."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.use_key("alice", KEY)
    ways = LabRoutes((), stage.wiring.ports.access)
    with stage.store.transaction():
        (route,) = routes(stage.store, stage.wiring.scheduler.images, ways)
    assert route.keys == (KEY,) and route.name == "alice" and route.endpoint == ("127.0.0.1", 20000)
    stage.talk("alice", "!key forget")
    with stage.store.transaction():
        assert routes(stage.store, stage.wiring.scheduler.images, ways)[0].keys == ()


def test_secrets_go_to_their_person(free: Stage) -> None:
    """Every line with a password is marked secret, and goes to a nick, never to a channel."""
    code = lab(free, "stranger")
    free.hear("alice", "!lab debian")
    free.leave("stranger")
    free.join("stranger")
    for nick, said in (("alice", "!lab debian"), ("stranger", f"!lab claim {code}")):
        free.hear(nick, said, None)
        (line,) = [line for line in free.said if isinstance(line, Line)]
        assert line.secret and line.target == nick and "password" in line.text
