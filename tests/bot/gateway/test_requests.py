"""What the bot answers to the gateway, on behalf of the people who are logged in there."""

from __future__ import annotations

from typing import Any

from tests.stage import Stage
from trainbot.bot.control_requests import GatewayAsked
from trainbot.bot.gateway.route_table import LabRoutes, guests
from trainbot.core.messages import Line

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG8A2cuJCKYXQyeZPyl28jkKTyrCGfKzVbpOJpsk7pLh"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5vYm9keSdzIGtleSwgYW5kIDMyIG9jdGV0cyBsb25n"


def person(stage: Stage, nick: str) -> int:
    with stage.store.transaction():
        return next(p.id for p in stage.store.people.all() if p.nick == nick)


def ask(stage: Stage, who: str | int, do: str = "manage", **more: object) -> dict:
    """What the gateway is told; ``stage.said``: what goes to IRC meanwhile."""
    told: list[dict] = []
    id = who if isinstance(who, int) else person(stage, who)
    outcome = stage.turn(GatewayAsked({"op": "door", "person": id, "do": do, **more}, told.append))
    for answer in outcome.answers:
        answer.give()
    stage.said = outcome.say
    return told[0]


def manage(stage: Stage, who: str | int, *words: str, yes: bool = False) -> dict:
    return ask(stage, who, words=list(words), confirmed=yes)


def lines(stage: Stage, *args: str, **more: bool) -> list[str]:
    return manage(stage, *args, **more)["lines"]


def test_create_is_what_irc_does(stage: Stage) -> None:
    """The same line, the same limits, and the lease whose console comes next; nothing is said on IRC."""
    stage.whisper("alice", f"key {KEY}")
    told = manage(stage, "alice", "create", "debian", "permissive")
    assert told["lines"][0].startswith("your debian lab: password ")
    assert (told["lease"], told["refused"], told["question"]) == (str(stage.leases()[0].id), False, "")
    assert stage.said == []
    assert manage(stage, "alice", "create", "debian")["refused"]
    assert lines(stage, "alice", "list")[0].startswith("debian (permissive) on xen1: ")
    told = manage(stage, "alice", "create", "gentoo")
    assert told["refused"] and told["lease"] is None and told["lines"][0].startswith('no image called "gentoo"')


def test_create_of_what_is_there_keeps_the_password(stage: Stage) -> None:
    """Whoever got in with it gets in with it again: where the lab stands is said, and its console comes."""
    stage.talk("alice", "!lab debian")
    (lease,) = stage.leases()
    for words in (["create", "debian"], ["create", "DEBIAN"]):
        told = manage(stage, "alice", *words)
        assert told["lines"][0].startswith("debian (enforcing) on xen1: ") and told["lease"] == str(lease.id)
    assert manage(stage, "alice", "create", "debian", "permissive")["refused"]
    assert manage(stage, "alice", "create", "debian", "sideways")["refused"]
    assert stage.leases() == [lease]


def test_somebody_who_is_not_on_irc_is_who_the_account_says(stage: Stage) -> None:
    """A person with an account needs not to be there; a stranger without one is told as on IRC."""
    stage.whisper("alice", f"key {KEY}")
    stage.leave("alice")
    assert "your debian lab" in lines(stage, "alice", "create", "debian")[0]
    stage.whisper("stranger", "lab")
    told = manage(stage, "stranger", "create", "debian")
    assert told["refused"] and "to get a lab you need an account on this network: /msg NickServ" in told["lines"][0]


def test_what_destroys_asks_and_irc_has_nothing_to_confirm(stage: Stage) -> None:
    """The question alone the first time; with the yes it is done; !yes on IRC finds nothing that waits."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    told = manage(stage, "alice", "destroy")
    assert told["question"] == "your debian lab and everything in it will be deleted." and told["lines"] == []
    assert stage.talk("alice", "!yes") == ["alice: there is nothing to confirm"]
    assert len(stage.leases()) == 1
    assert lines(stage, "alice", "destroy", "debian", yes=True) == ["you gave back your debian lab"]
    assert stage.leases() == []
    assert manage(stage, "alice", "reset")["lines"] == ["you have no lab; !lab IMAGE gives you one"]


def test_only_its_own_commands_pass(stage: Stage) -> None:
    """Whatever a gateway says, the four commands are all there is, with plain words, for somebody who exists."""
    stage.talk("olga", "!lab debian")
    before = stage.dump()
    for words in (
        ["revoke", "alice"],
        ["list", "; !lab revoke"],
        ["create", "debian\n!end"],
        ["create", "#class", "!end"],
        [],
        "list",
        None,
        [1],
        ["create", "-x"],
        ["yes"],
        ["list", "a", "b", "c", "d"],
    ):
        assert "error" in ask(stage, "olga", words=words), words
    for other in (0, 999, "1", None, True, [1]):
        told: list[dict] = []
        outcome = stage.turn(
            GatewayAsked({"op": "door", "person": other, "do": "manage", "words": ["list"]}, told.append)
        )
        assert all("error" in answer.value for answer in outcome.answers) or other is True  # True is 1 to SQLite
    assert "error" in ask(stage, "olga", do="drain")
    assert stage.dump() == before


def test_helpers_may_look_and_the_learner_is_told(stage: Stage) -> None:
    """A learner may not; a helper may, also from a key alone; the lab's person hears who looks."""
    stage.talk("alice", "!lab debian")
    stage.talk("bob", "!q")
    assert ask(stage, "bob", "watch", nick="alice")["error"].startswith("only helpers can open somebody else's console")
    stage.whisper("hannah", f"key {KEY}")
    told = ask(stage, "hannah", "watch", nick="ALICE")
    assert told == {"lease": str(stage.leases()[0].id), "by": "hannah (helper)", "name": "alice"}
    assert [(line.target, line.text) for line in stage.said if isinstance(line, Line)] == [
        ("alice", "hannah (helper) is now viewing the console of your debian lab")
    ]
    stage.leave("hannah")
    assert ask(stage, "hannah", "watch", nick="alice")["by"] == "hannah (helper)"
    assert "has no lab" in ask(stage, "hannah", "watch", nick="carol")["error"]
    for nick in ("", "a b", "a\nb", "#c", "x" * 99, 7):
        assert "error" in ask(stage, "hannah", "watch", nick=nick)


def test_a_helper_by_mask_is_one_only_while_in_view(stages) -> None:
    """A mask proves something only of a connection that is there now."""
    stage = stages(require_account="no")
    stage.config.roles.rules.clear()
    from trainbot.core.access import Role, parse_rule

    stage.config.roles.rules[Role.HELPER] = (parse_rule("mask:*!*@staff.example.org"),)
    stage.host_up()
    stage.talk("alice", "!lab debian")
    stage.join("marge", host="staff.example.org")
    stage.whisper("marge", f"key {KEY}")
    marge = person(stage, "marge")
    assert ask(stage, marge, "watch", nick="alice")["by"] == "marge (helper)"
    stage.leave("marge")
    assert "only helpers can" in ask(stage, marge, "watch", nick="alice")["error"]


def told(stage: Stage) -> list[tuple[str, str]]:
    """What the last turn said on IRC, and whom to."""
    return [(line.target, line.text) for line in stage.said if isinstance(line, Line)]


def signed(stage: Stage, who: str, lease: str, *keys: object) -> dict[str, Any]:
    return ask(stage, who, "signed", lease=lease, keys=list(keys))


def test_the_key_they_used_is_kept_on_request_and_no_longer_than_the_lease(stage: Stage) -> None:
    """!key yes keeps what the client signed with; without a login there is nothing; known keys and rubbish are no news."""
    stage.talk("alice", "!lab debian")
    lease = str(stage.leases()[0].id)
    assert stage.whisper("alice", "key yes")[0].startswith("your ssh client has not used a key yet")
    for key in ("", "ssh-rsa AAAA", KEY + " x\n", "x" * 10000, 7, None, ["x"]):
        assert signed(stage, "alice", lease, key) == {"kept": False}
    assert ask(stage, "alice", "signed", lease=lease, keys="x") == {"kept": False}
    assert signed(stage, "alice", "999", KEY) == {"kept": False}
    assert signed(stage, "alice", lease, KEY) == {"kept": True}
    assert stage.whisper("alice", "key yes") == [
        f"key saved: ssh-ed25519 …{KEY[-8:]}; it works for your labs from now on"
    ]
    assert signed(stage, "alice", lease, KEY) == {"kept": False}
    assert stage.routes()[0].keys == (KEY,)
    stage.whisper("alice", "key forget")
    stage.talk("alice", "!lab return")
    stage.talk("alice", "!yes")
    assert stage.whisper("alice", "key yes")[0].startswith("your ssh client has not used a key")


def test_a_key_is_proven_by_whoever_can_sign(stage: Stage) -> None:
    """Mallory names bob's key first; bob signs with it, and has it; mallory never has, and bob's !key is not locked out."""
    for nick in ("alice", "bob"):
        stage.whisper(nick, f"key {KEY}")
        stage.talk(nick, "!lab debian")
    (bobs,) = [str(lease.id) for lease in stage.leases() if stage.name_of(lease.person_id) == "bob"]
    assert signed(stage, "bob", bobs, KEY) == {"kept": False}
    assert told(stage) == [
        ("bob", f"your ssh key ssh-ed25519 …{KEY[-8:]} is confirmed: it works without a password from now on")
    ]
    assert {route.name: route.keys for route in stage.routes()} == {"alice": (), "bob": (KEY,)}
    assert "log in with your key" in stage.talk("bob", "!lab debian")[0]


def test_two_cannot_have_one_key(stage: Stage) -> None:
    """A key that somebody else has proven stays theirs; both are told, and the other is told what to do."""
    stage.use_key("bob", KEY)
    stage.whisper("alice", f"key {KEY}")
    stage.talk("alice", "!lab debian")
    (lease,) = [str(lease.id) for lease in stage.leases()]
    signed(stage, "alice", lease, KEY)
    assert sorted(told(stage)) == [
        (
            "alice",
            f"your ssh key ssh-ed25519 …{KEY[-8:]} was not saved: it belongs to somebody else here. Create one of your own: "
            "ssh-keygen -t ed25519",
        ),
        (
            "bob",
            f"alice has tried to register your ssh key ssh-ed25519 …{KEY[-8:]}; it still opens only your labs",
        ),
    ]
    assert stage.routes()[0].keys == () and stage.talk("alice", "!key")[0].startswith("I have no key of yours")


def test_three_name_one_key(stage: Stage) -> None:
    """Whoever signs first has it; the second is told, and so is its owner; for who only named it nothing changes.  Once its
    owner has forgotten it, the next who signs has it."""
    for nick in ("alice", "bob", "carol"):
        stage.whisper(nick, f"key {KEY}")
        stage.talk(nick, "!lab debian")
        stage.hosts_work()
    leases = {stage.name_of(lease.person_id): str(lease.id) for lease in stage.leases()}

    def keys() -> dict[str, tuple[str, ...]]:
        return {route.name: route.keys for route in stage.routes()}

    signed(stage, "bob", leases["bob"], KEY)
    told(stage)
    assert keys() == {"alice": (), "bob": (KEY,), "carol": ()}
    signed(stage, "carol", leases["carol"], KEY)
    assert sorted(who for who, _ in told(stage)) == ["bob", "carol"]
    assert keys() == {"alice": (), "bob": (KEY,), "carol": ()}
    assert "(not confirmed)" in stage.whisper("alice", "key")[0]
    stage.whisper("bob", "key forget")
    signed(stage, "alice", leases["alice"], KEY)
    assert [who for who, _ in told(stage)] == ["alice"]
    assert keys() == {"alice": (KEY,), "bob": (), "carol": ()}


def test_whose_key_is_known_may_come_without_a_lab(stage: Stage) -> None:
    """The gateway hears of people with keys and no lease, and of nobody twice."""
    stage.use_key("alice", KEY)
    stage.whisper("bob", f"key {OTHER_KEY}")
    stage.turn()
    with stage.store.transaction():
        found = guests(stage.store, LabRoutes((), stage.wiring.ports.access))
    assert [(guest.name, guest.keys) for guest in found] == [("alice", (KEY,)), ("bob", ())]
    assert [(key, len(code)) for key, code in found[1].candidates] == [(OTHER_KEY, 6)]
    stage.talk("bob", "!lab debian")
    with stage.store.transaction():
        assert [guest.name for guest in guests(stage.store, LabRoutes((), stage.wiring.ports.access))] == ["alice"]


LOGIN = {
    "at": 1_795_000_000.5,
    "seconds": 61,
    "lab": "tb-debian-0a0807a1",
    "method": "SHA256:x\x1b[2J",
    "address": "192.0.2.1",
    "received": 10,
    "sent": 1 << 40,
}


def test_logins_are_kept(stage: Stage) -> None:
    """One row for each that has ended, without control characters; nonsense is refused and stores nothing."""
    stage.talk("alice", "!lab debian")
    assert ask(stage, "alice", "login", login=LOGIN) == {"kept": True}
    for field, value in (("lab", 7), ("seconds", -1), ("sent", 1 << 60), ("received", "9"), ("method", None)):
        assert "error" in ask(stage, "alice", "login", login={**LOGIN, field: value})
    for nonsense in (None, [], "x", {}, {**LOGIN, "at": "x"}, {**LOGIN, "at": 1e300}):
        assert "error" in ask(stage, "alice", "login", login=nonsense)
    with stage.store.transaction():
        (row,) = stage.store.people.logins.all()
    assert (row.person_id, row.at.isoformat()) == (person(stage, "alice"), "2026-11-18T11:06:40.500000+00:00")
    assert (row.seconds, row.lab, row.method, row.sent) == (61, "tb-debian-0a0807a1", "SHA256:x[2J", 1 << 40)


def test_who_is_ignored_cannot_manage_either(stage: Stage) -> None:
    """xen-manage is refused with a sentence, until they are heard again."""
    stage.talk("alice", "!lab debian")
    stage.talk("hannah", "!ignore alice")
    assert ask(stage, "alice", words=["list"], confirmed=False) == {
        "error": "I ignore you at the moment; ask a helper on IRC"
    }
    stage.talk("hannah", "!unignore alice")
    assert lines(stage, "alice", "list")[0].startswith("debian (enforcing) on xen1: ")
