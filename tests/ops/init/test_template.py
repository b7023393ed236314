"""bot.ini is filled in: its comments stay, what is answered is in force, and the rest is as it was."""

from __future__ import annotations

import re
from configparser import ConfigParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot import shipped
from trainbot.ops.init.template import filled

TEMPLATE = shipped.bot_ini()


def read(text: str) -> dict[str, dict[str, str]]:
    parser = ConfigParser(interpolation=None, inline_comment_prefixes=(";",), comment_prefixes=(";", "#"))
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def test_nothing_changes_nothing() -> None:
    """Without answers it is the shipped file but for its first line."""
    assert filled(TEMPLATE, {}).partition("\n")[2] == TEMPLATE.partition("\n")[2]


VALUES = {
    "set already": ("irc", "nick", "tb"),
    "commented out": ("irc", "account", "tb"),
    "in no line of the template": ("irc", "user", "tb"),
    "emptied": ("roles", "presenter", ""),
    "in a section that is commented out": ("image.debian", "memory", "512"),
    "a host": ("host.xen7", "uri", "xen+ssh://root@h/system"),
    "a host with the name of the example": ("host.xen1", "uri", "xen:///system"),
    "in the last section": ("records", "public_url", "https://a.example.net/"),
    "a new section": ("public.x", "a", "b"),
}


@pytest.mark.parametrize(("section", "option", "value"), VALUES.values(), ids=VALUES)
def test_a_value(section: str, option: str, value: str) -> None:
    """Each kind of place: it is read back, once, and everything else is read as before."""
    before, after = read(TEMPLATE), read(filled(TEMPLATE, {section: {option: value}}))
    assert after[section][option] == value
    after[section].pop(option)
    before.setdefault(section, {}).pop(option, None)
    assert after == before


@given(
    st.dictionaries(
        st.sampled_from(["nick", "sasl", "user", "contact", "realname"]), st.from_regex(r"\A[a-z#]{1,40}\Z")
    )
)
def test_no_comment_is_lost(values: dict[str, str]) -> None:
    """The comments are the manual: each is there afterwards."""

    def comments(text: str) -> list[str]:
        return re.findall(r" (; .*)$", text, re.MULTILINE)

    assert sorted(comments(filled(TEMPLATE, {"irc": values}))) == sorted(comments(TEMPLATE))
