"""USER@ADDRESS:PORT, read and written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.model.jump_host import ACCOUNT, JumpHost


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("trainbot-door@xen1.example.org:22", ("trainbot-door", "xen1.example.org", 22)),
        ("a@192.0.2.1:2200", ("a", "192.0.2.1", 2200)),
        ("a@[2001:db8::1]:22", ("a", "2001:db8::1", 22)),
        ("a@2001:db8::1:22", ("a", "2001:db8::1", 22)),
        ("", None),
        ("a@b", None),
        ("@b:22", None),
        ("b:22", None),
        ("a@:22", None),
        ("a@[]:22", None),
        ("a@[b]:22", None),
        ("a@[2001:db8::1:22", None),
        ("a@fe80::g:22", None),
        ("a@b:0", None),
        ("a@b:65536", None),
        ("a@b:+2", None),
        ("a@b:٢٢", None),
        ("a@-oProxyCommand=x:22", None),
        ("a b@c:22", None),
        ("A@c:22", None),
        ("a@b\n:22", None),
        ("a@b:22\n", None),
    ],
)
def test_whole(text: str, found: tuple[str, str, int] | None) -> None:
    if found is None:
        with pytest.raises(ValueError):
            JumpHost.parse(text)
    else:
        assert JumpHost.parse(text) == JumpHost(*found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("xen1.example.org", "trainbot-door@xen1.example.org:22"),
        ("xen1.example.org:2200", "trainbot-door@xen1.example.org:2200"),
        ("@xen1", "trainbot-door@xen1:22"),
        ("me@192.0.2.1", "me@192.0.2.1:22"),
        ("[2001:db8::1]", "trainbot-door@[2001:db8::1]:22"),
        ("me@[2001:db8::1]:2200", "me@[2001:db8::1]:2200"),
        ("2001:db8::abcd", "trainbot-door@[2001:db8::abcd]:22"),
    ],
)
def test_with_what_may_be_missing(text: str, found: str) -> None:
    assert str(JumpHost.parse(text, user=ACCOUNT, port=22)) == found


@given(
    st.from_regex(r"[a-z_][a-z0-9_-]{0,31}", fullmatch=True),
    st.from_regex(r"[a-z0-9][a-z0-9.-]{0,60}", fullmatch=True) | st.ip_addresses().map(str),
    st.integers(1, 65535),
)
def test_there_and_back(user: str, address: str, port: int) -> None:
    there = JumpHost(user, address, port)
    assert JumpHost.parse(str(there)) == there


@given(st.text())
def test_whatever_is_read_is_that_or_refused(text: str) -> None:
    try:
        found = JumpHost.parse(text, user="a", port=22)
    except ValueError:
        return
    assert JumpHost.parse(str(found)) == found
