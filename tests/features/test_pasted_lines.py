"""What somebody has chosen (a nick, a title) never stands in a line that others are to paste into a shell."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stage import Stage
from trainbot.features.labs.passwords import normalise
from trainbot.model.shell_commands import ROW

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q"
SPECIAL = "[]\\`_^{|}"  # RFC 2812 2.3.1, nickname
NICKS = st.tuples(
    st.sampled_from("abcxyz" + SPECIAL), st.text("abc0-" + SPECIAL, max_size=8), st.sampled_from("`|{}")
).map("".join)
#: A command for a shell: up to a full stop, a bracket or the end.
COMMAND = re.compile(r"\b(?:ssh|scp|sftp|trainbot|virsh|apt|curl|wget|sh) (?:-\S+ |[a-z]+ )*\S+[^;()]*")
#: What is alone on its line and works as it is, in any shell.
ALONE = re.compile(r"(ssh|scp) [\w@./: -]+")


@pytest.mark.parametrize(
    "typed",
    [
        "k3vd-91mx-q0ta-7hzc",
        "password k3vd-91mx-q0ta-7hzc",
        "Password: K3VD 91MX Q0TA 7HZC\n",
        " passw0rdk3vd91mxqota7hzc",
    ],
)
def test_a_password_may_be_pasted_with_its_name(typed: str) -> None:
    """The word before it belongs to the message, not to the password."""
    assert normalise(typed) == "k3vd91mxq0ta7hzc"
    assert normalise("password k3vd") != "k3vd"


@given(NICKS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_nick_is_in_a_command(stages: Callable[..., Stage], nick: str) -> None:
    """Every line that a learner, a helper and an organiser get about somebody with such a nick."""
    stage = stages(require_account="no", labs=4)
    stage.host_up()
    stage.join(nick, account=nick)
    said: list[str] = []
    for who, line in (
        (nick, "!lab debian"),
        (nick, f"!key {KEY}"),
        (nick, "!key"),
        (nick, "!lab console"),
        (nick, "!lab"),
        ("russell", "!start selinux"),
        ("russell", "!next"),
        (nick, "!stuck `reboot`"),
        (nick, "!ask $(reboot)?"),
        ("hannah", "!hands"),
        ("hannah", f"!helping {nick}"),
        ("hannah", "!q"),
        ("hannah", "!take"),
        ("olga", "!labs"),
        ("olga", f"!labs {nick}"),
        ("olga", f"!lab revoke {nick}"),
        ("hannah", f"!ignore {nick}"),
        ("hannah", "!ignored"),
    ):
        said += stage.talk(who, line)
        said += [text for _, text in stage.hosts_work()]
    stage.leave(nick)
    said += [text for _, text in stage.wait(minutes=20)]
    commands = [command for text in said for command in COMMAND.findall(text)]
    assert any("debian@lab.example.org" in command for command in commands)
    assert [command for command in commands if nick in command or "reboot" in command] == []
    pasted = [text for text in said if re.search(r"\b(ssh|scp) -", text)]
    assert [text for text in pasted if not ALONE.fullmatch(text) or len(text) > ROW] == []
