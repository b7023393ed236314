"""Where copies go, and what a manifest may say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.model.copies import Destination, Manifest, parse_destination, safe


@pytest.mark.parametrize(
    ("text", "account", "folder"),
    [
        ("/srv/copies", "", "/srv/copies"),
        ("copies", "", "copies"),
        ("../a b/c@d", "", "../a b/c@d"),
        ("me@second.example.net:copies", "me@second.example.net", "copies"),
        ("me@second.example.net:/srv/copies", "me@second.example.net", "/srv/copies"),
        ("me@[2001:db8::2]:/srv/copies", "me@[2001:db8::2]", "/srv/copies"),
        ("me@192.0.2.1:a b", "me@192.0.2.1", "a b"),
    ],
)
def test_a_place_for_copies(text, account, folder):
    assert parse_destination(text) == Destination(account, folder)
    assert str(parse_destination(text)) == text


@pytest.mark.parametrize(
    "text",
    ["me@second", "me@second:", "-oProxyCommand=x@h:/a", "me@-h:/a", "me@h:-a", "a b@h:/c", "me@h\n:/c", "me@h:/c\x1b"],
)
def test_what_is_no_place(text):
    """Above all nothing that ssh would take for an option."""
    with pytest.raises(ValueError):
        parse_destination(text)


@given(st.text(alphabet="ab./\\\0\n", max_size=12).map(lambda rest: f"base/{rest}"))
def test_a_safe_name_stays_below_its_folder(name):
    parts = name.split("/")
    if safe(name):
        assert ".." not in parts and "" not in parts and "." not in parts and "\0" not in name and "\n" not in name


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5)
)
def test_whatever_a_manifest_is(value):
    """A manifest, or a ValueError."""
    with pytest.raises(ValueError):
        Manifest.from_json(value)
