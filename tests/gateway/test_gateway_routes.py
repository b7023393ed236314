"""The table of routes, the passwords and the limits: pure, so tested by tables and by hypothesis."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.core.errors import BackendError
from trainbot.core.files import make_once
from trainbot.core.text import plain_ascii
from trainbot.features.labs.passwords import ALPHABET, digest, load_or_make_secret, new_password, normalise
from trainbot.gateway.routes import Route, Routes, same_key, to_json

PEPPER = b"p" * 32
KEY, OTHER_KEY = "ssh-ed25519 AAAAone", "ssh-ed25519 AAAAtwo"


def route(lease, person=1, password="aaaa", **other):
    values = dict(
        lease=lease,
        person=person,
        name="alice",
        image="debian",
        user="root",
        endpoint=("127.0.0.1", 22),
        why="",
        host_key="ssh-ed25519 AAAA",
        digest=digest(PEPPER, password),
        keys=(KEY,),
        since=1.0,
    )
    return Route(**{**values, **other})


texts = st.text(max_size=30)
any_route = st.builds(
    Route,
    lease=texts,
    person=st.integers(),
    name=texts,
    image=texts,
    user=texts,
    endpoint=st.none() | st.tuples(texts, st.integers(0, 65535)),
    why=texts,
    host_key=texts,
    digest=texts,
    keys=st.lists(texts, max_size=3).map(tuple),
    since=st.floats(allow_nan=False, allow_infinity=False),
    earlier=texts,
)


@given(st.lists(any_route, max_size=4, unique_by=lambda each: each.lease))
def test_a_table_survives_the_socket(routes):
    """What the bot publishes is what the gateway has."""
    table = Routes.from_json(json.loads(json.dumps(to_json(routes))), PEPPER)
    assert len(table) == len(routes)
    for each in routes:
        assert table.by_lease(each.lease) == each


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)


@given(
    json_values
    | st.builds(lambda some: {"routes": [some]}, json_values)
    | st.builds(
        lambda some, name: {"routes": [{**route("a").to_json(), name: some}]},
        json_values,
        st.sampled_from(list(route("a").to_json())),
    )
)
def test_rubbish_is_no_table(value):
    """Whatever is in the message, it is a table or a ValueError."""
    with suppress(ValueError):
        Routes.from_json(value, PEPPER).by_password("x", "y")


@given(texts, texts)
def test_names_and_passwords_of_any_kind_get_nothing(username, password):
    """No user name and no other password is a way in."""
    table = Routes([route("a", password="0000-1111-2222-3333")], PEPPER)
    found = table.by_password(username, password)
    assert (found is not None) == (normalise(password) == "0000111122223333")
    assert table.by_key(username, password) is None


@given(texts)
def test_any_user_name_serves_with_the_password(username):
    """The password alone says whose lab it is."""
    table = Routes([route("a", password="aaaa"), route("b", password="bbbb")], PEPPER)
    assert table.by_password(username, "bbbb").lease == "b"


def test_an_empty_password_or_key_is_nobodys():
    """A route without password digest or with an empty key opens for nobody."""
    table = Routes([route("a", digest="", keys=("", " "))], PEPPER)
    assert table.by_password("", "") is None
    assert table.by_key("", "") is None and table.by_key("", " ") is None


@pytest.mark.parametrize(
    ("user", "lease"),
    [("debian", "old"), ("Debian ", "old"), ("centos", "new"), ("root", "new"), ("", "new"), ("alice", "new")],
)
def test_of_several_labs_the_name_says_the_image_else_the_newest(user, lease):
    """With a key the user name may be an image one has; anything else means the newest lease."""
    table = Routes([route("old", since=1.0), route("new", image="centos", since=2.0)], PEPPER)
    assert table.by_key(user, KEY + " comment").lease == lease


def test_keys_of_two_people_are_nobodys():
    """A key in two people's names lets neither in; each one's other keys still do."""
    table = Routes([route("a", person=1, keys=(KEY,)), route("b", person=2, keys=(KEY, OTHER_KEY))], PEPPER)
    assert table.by_key("x", KEY) is None
    assert table.by_key("x", OTHER_KEY).lease == "b"
    assert same_key("ssh-rsa  AAAA  me@here") == "ssh-rsa AAAA"


def test_passwords_are_easily_typed_and_hard_to_guess():
    """At least 75 bits, sixteen characters that no one mistakes, never the same twice."""
    made = {new_password() for _ in range(200)}
    assert len(made) == 200
    assert len(ALPHABET) == len(set(ALPHABET)) == 32  # 5 bits each
    for each in made:
        assert [len(group) for group in each.split("-")] == [4, 4, 4, 4]
        assert not set(each) & set("ilou")


@given(st.integers(), st.text("- \t–—\u00a0\u00ad", max_size=5))
def test_how_it_is_typed_does_not_matter(seed, between):
    """Case, blanks, dashes of any kind, o for 0 and l for 1 are the same password; another letter is not."""
    password = "k0vd-91mx-q1ta-7hzc"
    loosely = between.join(password.replace("-", "").upper().replace("0", "O").replace("1", "l"))
    assert digest(PEPPER, loosely) == digest(PEPPER, password)
    assert digest(PEPPER, loosely[:-1] + "d") != digest(PEPPER, password)
    assert digest(b"q" * 32, password) != digest(PEPPER, password)


@given(st.text())
def test_every_string_has_a_digest(text):
    """Nothing that is typed as a password raises."""
    assert len(digest(PEPPER, text)) == 64
    assert len(digest(PEPPER, text + "\ud800")) == 64


def test_a_secret_is_made_once_and_kept(tmp_path):
    """The first use makes it (0600), every later one reads it, and one that cannot be it is refused."""
    path = tmp_path / "state" / "pepper"
    first = load_or_make_secret(path)
    assert len(first) == 32 and load_or_make_secret(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]
    path.write_bytes(b"short")
    with pytest.raises(BackendError, match="5 bytes instead of 32"):
        load_or_make_secret(path)


def test_of_many_that_make_a_file_at_once_one_wins(tmp_path):
    """Whoever comes at the same time gets what the first one wrote, whole."""
    with ThreadPoolExecutor(16) as pool:
        got = set(pool.map(lambda n: make_once(tmp_path / "once", bytes([n]) * 1000), range(64)))
    assert got == {(tmp_path / "once").read_bytes()}


@given(st.text(max_size=100))
def test_names_in_the_log_are_harmless(name):
    """One short line of printable ASCII without quotes, whatever the name was."""
    shown = plain_ascii(name)
    assert len(shown) <= 33 and shown.rstrip("…").isascii() and shown.isprintable()
    assert not set(shown) & set("'\"\\")


def test_a_password_that_is_being_replaced():
    """Both work while the newer one is being sent; a table of an older bot knows only one; no worker knows either."""
    old, new = digest(PEPPER, "aaaa"), digest(PEPPER, "bbbb")
    both = route("1", digest=new, earlier=old)
    for table in (Routes([both], PEPPER), Routes.from_json(json.loads(json.dumps(to_json([both]))), PEPPER)):
        assert table.by_password("debian", "aaaa") == table.by_password("debian", "bbbb") == both
        assert table.by_password("debian", "cccc") is None
    older = {name: value for name, value in both.to_json().items() if name != "earlier"}
    assert Route.from_json(older).earlier == ""
    assert not {old, new} & set(map(str, both.without_secrets().to_json().values()))
    assert Routes([route("1", digest="", earlier="")], PEPPER).by_password("debian", "") is None
