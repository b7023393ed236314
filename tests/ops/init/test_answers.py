"""Answers are read as people write them; what is wrong gets one sentence that says what to type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.ops.init import answers as read
from trainbot.ops.init.answers import Host

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def zones(text: str) -> tuple[str, ...]:
    return read.read_zones(text, NOW)


RIGHT: list[tuple[Callable[[str], object], str, object]] = [
    (read.read_server, "irc.libera.chat", ("irc.libera.chat", None)),
    (read.read_server, " ircs://irc.oftc.net:6697/ ", ("irc.oftc.net", 6697)),
    (read.read_server, "[2001:db8::1]:6667", ("2001:db8::1", 6667)),
    (read.read_server, "2001:db8::1", ("2001:db8::1", None)),
    (read.read_channels, "class", ("#class",)),
    (read.read_channels, "#a, b", ("#a", "#b")),
    (read.read_organisers, "olga", ("account:olga",)),
    (read.read_organisers, "account:olga, *!*@staff.example.org", ("account:olga", "mask:*!*@staff.example.org")),
    (read.read_account, "None", ""),
    (read.read_account, "tb", "tb"),
    (zones, "Melbourne", ("Australia/Melbourne",)),
    (zones, "melbourne, new york, Melbourne", ("Australia/Melbourne", "America/New_York")),
    (zones, "Australia/Melbourne Europe/Berlin", ("Australia/Melbourne", "Europe/Berlin")),
    (zones, "UTC", ("UTC",)),
    (read.read_hosts, "none", ()),
    (read.read_hosts, "", ()),
    (read.read_hosts, "demo", (Host("here", "qemu:///embed?root=libvirt", True),)),
    (read.read_hosts, "root@xen1.a.org", (Host("xen1", "xen+ssh://root@xen1.a.org/system"),)),
    (read.read_hosts, "xen1.a.org:2200", (Host("xen1", "xen+ssh://root@xen1.a.org:2200/system"),)),
    (read.read_hosts, "xen+tls://x.a.org/system", (Host("x", "xen+tls://x.a.org/system"),)),
    (
        read.read_hosts,
        "root@192.0.2.1 root@192.0.2.2",
        (Host("xen1", "xen+ssh://root@192.0.2.1/system"), Host("xen1-2", "xen+ssh://root@192.0.2.2/system")),
    ),
    (read.read_address, "lab.a.org:443", ("lab.a.org", 443)),
]


@pytest.mark.parametrize(("reader", "text", "value"), RIGHT)
def test_right(reader: Callable[[str], object], text: str, value: object) -> None:
    """In the ways in which people write it."""
    assert reader(text) == value


WRONG = [
    (read.read_server, ""),
    (read.read_server, "a b"),
    (read.read_server, "irc.a.org:99999"),
    (read.read_server, "user@irc.a.org"),
    (read.read_nick, "9bad"),
    (read.read_nick, "a b"),
    (read.read_nick, "x" * 31),
    (read.read_channels, " "),
    (read.read_channels, "#"),
    (read.read_channels, "#" + "x" * 70),
    (read.read_organisers, ""),
    (read.read_organisers, "alice!*@*"),
    (read.read_account, "a b"),
    (zones, "Nowhereville"),
    (zones, ""),
    (read.read_hosts, "root@@x"),
    (read.read_hosts, "root@a.org root@a.org"),
    (read.read_hosts, "a;b"),
    (read.read_address, "a b"),
    (read.read_address, "lab.a.org:0"),
    (read.read_address, "lab.a.org ; x"),
    (read.read_nick, "a\x1b[2J"),
    (read.read_fingerprint, "12:34"),
]


@pytest.mark.parametrize(("reader", "text"), WRONG)
def test_wrong(reader: Callable[[str], object], text: str) -> None:
    """One short sentence without control characters."""
    with pytest.raises(ValueError) as caught:
        reader(text)
    said = str(caught.value)
    assert said.isprintable() and len(said) < 240 and ":" in said and "!tz" not in said


@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    """Whatever is typed is an answer, or one sentence."""
    for reader in (
        read.read_server,
        read.read_channels,
        read.read_organisers,
        read.read_hosts,
        read.read_address,
        zones,
    ):
        try:
            reader(text)
        except ValueError as error:
            assert "\n" not in str(error)
