"""Mallory names bob's public key, which everybody can read: bob's ssh still leads to bob's lab, and mallory gets nothing."""

from __future__ import annotations

import pytest

from tests.gateway.conftest import keygen, until
from trainbot.gateway.routes import Guest

pytestmark = pytest.mark.attacks
CODE = "k7qx3m"


@pytest.fixture
def keys(tmp_path):
    return {nick: (tmp_path / nick, " ".join(keygen(tmp_path / nick).split()[:2])) for nick in ("bob", "mallory")}


def test_a_key_that_somebody_else_named_opens_nothing(own_world, keys):
    """Bob's plain ssh with that key gets into no lab; with his password he gets into his own, not into mallory's."""
    world = own_world()
    path, public = keys["bob"]
    mallory, _ = world.lease(name="mallory", candidates=((public, CODE),))
    bob, password = world.lease(name="bob")
    refused = world.ssh("echo in", key=path, password="aaaa-bbbb-cccc-dddd")
    assert (refused.returncode, refused.stdout) == (255, b"")
    world.bot.asked.clear()
    assert world.ssh("echo in", key=path, password=password).stdout == b"in\n"
    until(lambda: world.bot.asked)
    assert [(asked["person"], asked["keys"]) for asked in world.bot.asked] == [(bob.person, [public])]
    assert f"lease {mallory.lease}: " not in world.log()


def test_a_code_is_good_for_its_key_alone(own_world, keys):
    """With the code as the user name: another key is refused, the key itself gets in and is reported; elsewhere it is not."""
    world = own_world()
    path, public = keys["bob"]
    route, _ = world.lease(name="bob", candidates=((public, CODE),))
    for key, user in ((keys["mallory"][0], CODE), (path, "k7qx3n"), (path, "debian")):
        assert world.ssh("echo in", key=key, user=user, password="no").returncode == 255
    assert world.bot.asked == []
    assert world.ssh("echo in", key=path, user=CODE.upper()).stdout == b"in\n"
    until(lambda: world.bot.asked)
    assert world.bot.asked == [
        {"op": "door", "do": "signed", "person": route.person, "lease": route.lease, "keys": [public]}
    ]


def test_somebody_without_a_lab_confirms_a_key(own_world, keys):
    """The code gets them in as far as xen-manage, and the bot hears of it."""
    world = own_world()
    path, public = keys["bob"]
    world.bot.guests = [Guest(77, "bob", (), ((public, CODE),))]
    world.bot.publish()
    until(lambda: world.ssh("xen-manage help", key=path, user=CODE, password="no").returncode == 0)
    until(lambda: world.bot.asked)
    assert (world.bot.asked[0]["person"], world.bot.asked[0]["keys"]) == (77, [public])


def test_a_proven_key_beats_a_candidate(own_world, keys):
    """Whoever names a key that bob has proven changes nothing for bob, whatever user name he uses."""
    world = own_world()
    path, public = keys["bob"]
    bob, _ = world.lease(name="bob", keys=(public,))
    world.lease(name="mallory", candidates=((public, CODE),))
    for user in ("debian", CODE):
        assert world.ssh("echo in", key=path, user=user).stdout == b"in\n"
    until(lambda: world.log().count(f"lease {bob.lease}: person") == 4)  # in and out, twice
