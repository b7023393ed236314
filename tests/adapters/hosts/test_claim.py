"""A host has one trainbot: claims on libvirt's test driver, reached over TCP as other machines reach a host."""

from __future__ import annotations

import pytest

from trainbot.adapters.hosts import claim
from trainbot.adapters.hosts.claim import Claimant
from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.adapters.hosts.pools import POOL, empty_xml
from trainbot.core.errors import BackendError, HostDown, Superseded
from trainbot.model.host import HostConfig

REFUSED = (
    r"host xen1 belongs to another trainbot \(id {}\): stop that one, or if it is gone for good: "
    "trainbot host take xen1"
)


@pytest.fixture
def bot(daemon, monkeypatch):
    """bot(owner): its driver of the host, which looks at the host's files each time that it reads it."""
    monkeypatch.setattr("trainbot.adapters.hosts.libvirt_storage.FRESH", 0.0)
    drivers = []

    def make(owner: str) -> LibvirtDriver:
        drivers.append(LibvirtDriver(HostConfig("xen1", daemon.uri), owner))
        return drivers[-1]

    make.uri = daemon.uri
    yield make
    for driver in drivers:
        driver.close()


def test_the_second_is_refused(pool, bot, lab_spec, owner):
    """Whoever comes second is told whose the host is and what to type, makes no claim, and has no connection; the
    first may come again, and labs of another name are what it does not see."""
    pool.createXML(empty_xml("precious.qcow2"))
    bot(owner).open()
    second = bot("another")
    with pytest.raises(HostDown, match=REFUSED.format(owner)):
        second.open()
    with pytest.raises(HostDown, match="not connected"):
        second.make(lab_spec(owner="another"))
    bot(owner).open()
    assert sorted(pool.listVolumes()) == [f"claim-{owner}", "precious.qcow2"]


def test_who_only_looks_claims_nothing(pool, bot, owner):
    """A look from the shell neither takes a host nor is kept out."""
    looker = bot("")
    looker.open()
    looker.report()
    assert pool.listVolumes() == []
    bot(owner).open()
    bot("").open()
    assert pool.listVolumes() == [f"claim-{owner}"]


@pytest.mark.parametrize(("ours", "theirs"), [("a", "b"), ("b", "a")])
def test_two_at_once(pool, monkeypatch, ours, theirs):
    """Of two that saw an empty host in the same moment the smaller id stays, and the other takes its own away."""
    make = claim._make

    def both(pool, owner, name):
        make(pool, owner, name)
        make(pool, theirs, f"claim-{theirs}")

    monkeypatch.setattr(claim, "_make", both)
    if ours < theirs:
        claim.Claimant(ours).hold(pool, "xen1")
        claim.Claimant(ours).hold(pool, "xen1")
    else:
        with pytest.raises(HostDown, match=REFUSED.format(theirs)):
            claim.Claimant(ours).hold(pool, "xen1")
        assert pool.listVolumes() == [f"claim-{theirs}"]
        with pytest.raises(HostDown):
            claim.Claimant(ours).hold(pool, "xen1")


def test_the_later_look_counts(pool, bot):
    """One that took the host just before the other's claim was there finds out at its next reading."""
    second = bot("b")
    second.open()
    pool.createXML(empty_xml("claim-a"))
    with pytest.raises(HostDown, match=REFUSED.format("a")):
        second.report()
    assert pool.listVolumes() == ["claim-a"]


def test_taken(pool, bot, owner, lab_spec):
    """take makes the host ours and says whose it was; it can be repeated; what the other one made runs on untouched,
    and the other is refused from its next reading on.  Nothing but claims is taken away."""
    pool.createXML(empty_xml("claims.qcow2"))
    first, second = bot("another"), bot(owner)
    first.open()
    first.make(lab_spec(owner="another"))
    assert second.take() == ["another"]
    assert second.take() == []
    assert sorted(pool.listVolumes()) == [f"claim-{owner}", "claims.qcow2"]
    assert second.report().domains == ()
    with pytest.raises(HostDown, match=REFUSED.format(owner)):
        first.report()
    running = second._link.connection.lookupByUUIDString(lab_spec().id)
    assert running.isActive()
    running.destroy()
    running.undefine()


def test_a_claim_that_was_taken_away_by_hand(pool, bot, owner):
    """It is made again at the next reading."""
    driver = bot(owner)
    driver.open()
    pool.listAllVolumes()[0].delete()
    driver.report()
    assert pool.listVolumes() == [f"claim-{owner}"]


def test_what_a_strangers_claim_says_is_bounded(pool, bot, owner):
    """A claim's name was written by somebody else: it is one short line."""
    pool.createXML(empty_xml("claim-" + "\u202ex " * 60))
    with pytest.raises(HostDown) as raised:
        bot(owner).open()
    assert str(raised.value).isprintable() and len(str(raised.value)) < 250


@pytest.mark.parametrize("owner", ["a/b", "a\nb"])
def test_an_id_that_is_no_name(pool, bot, owner):
    """An id that could not be a file's name claims nothing."""
    with pytest.raises(BackendError, match="cannot be a trainbot's id"):
        bot(owner).open()
    assert pool.listVolumes() == [] and pool.name() == POOL


def test_the_machine_before_finds_a_higher_number(pool, bot, owner):
    """After a takeover the claim has its number; the machine before it is told at its next reading, and leaves nothing."""
    first = LibvirtDriver(HostConfig("xen1", bot.uri), owner, claimant=Claimant(owner, signs=True))
    first.open()
    first.report()
    second = LibvirtDriver(HostConfig("xen1", bot.uri), owner, claimant=Claimant(owner, 2, signs=True, watched=True))
    second.open()
    with pytest.raises(Superseded, match=r"another machine has taken over from this one \(number 2\)"):
        first.report()
    with pytest.raises(Superseded):
        first.open()
    names = pool.listVolumes()
    assert f"claim-{owner}.2" in names and f"claim-{owner}" not in names
    assert [name for name in names if name.startswith("sign-")] == [f"sign-{owner}.2.1"]
    first.close()
    second.close()


def test_a_host_that_the_machine_before_still_uses(pool, bot, owner):
    """Its claim is made, so that the one before finds it, but nothing is done there before its sign has rested."""
    Claimant(owner, signs=True).hold(pool, "xen1")
    second = Claimant(owner, 2)
    with pytest.raises(HostDown, match="waiting until the machine before this one has let go of it"):
        second.hold(pool, "xen1")
    with pytest.raises(Superseded):
        Claimant(owner, signs=True).hold(pool, "xen1")
    second.hold(pool, "xen1")
    assert pool.listVolumes() == [f"claim-{owner}.2"]


def test_a_sign_rests_or_changes():
    """Seen for long enough, and the same all the time; somebody else's and our own say nothing."""
    ours = Claimant("a", 2)
    assert ours.still(["sign-b.1.7", "sign-a.2.9", "sign-a.x.1", "claim-a"], 0)
    assert not ours.still(["sign-a.1.7"], 0)
    assert not ours.still(["sign-a.1.7"], claim.STILL - 1)
    assert ours.still(["sign-a.1.7"], claim.STILL)
    assert not ours.still(["sign-a.1.8"], claim.STILL)
    assert ours.still(["sign-a.1.8"], 2 * claim.STILL)
