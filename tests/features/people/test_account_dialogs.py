"""How people get an account and log in: the same lines of this network wherever one is wanted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stage import Stage
from trainbot.adapters.irc.connection_status import AccountSystem

NICKSERV = "/msg NickServ IDENTIFY PASSWORD logs you in, and /msg NickServ REGISTER PASSWORD EMAIL creates an account"
COMMAND = "/quote REGISTER * EMAIL PASSWORD creates an account for your nick"
NEVER = "(never type a password in a channel)"
WANTED = ("!lab debian", "!signup 1", "!next", "!session", "!help")


@pytest.mark.parametrize("said", WANTED)
@pytest.mark.parametrize(
    ("accounts", "how"),
    [(AccountSystem.NICKSERV, NICKSERV), (AccountSystem.COMMAND, COMMAND), (AccountSystem.NONE, "")],
)
def test_the_lines_of_this_network(stage: Stage, said: str, accounts: AccountSystem, how: str) -> None:
    """In private, for labs, seats, roles and help; a service that is not there is not named, for anybody could be it."""
    stage.net.accounts = accounts
    stage.host_up()
    ((to, line),) = stage.hear("stranger", said)
    if how:
        assert to == "stranger" and how in line and NEVER in line
    else:
        assert "NickServ" not in line and "REGISTER" not in line


def test_bot_ini_may_say_how(stage: Stage) -> None:
    """A network that is not like others: its organiser's words."""
    stage.change_ini("")
    ini = stage.folder / "bot.ini"
    ini.write_text(
        ini.read_text().replace("[irc]", "[irc]\nlogin_help = /msg Q@CServe.quakenet.org AUTH logs you in", 1)
    )
    stage.change_ini("")
    assert stage.whisper("stranger", "lab debian") == [
        "to get a lab you need an account on this network: /msg Q@CServe.quakenet.org AUTH logs you in. Then try again"
    ]


def test_a_role_by_mask_needs_no_account(stages: Callable[..., Stage]) -> None:
    """Nobody is sent to log in for what no account would give them; who is logged in is told whose it is."""
    stage = stages()
    assert stage.talk("alice", "!next") == ["alice: !next is for presenters"]
    assert stage.talk("stranger", "!next") == [
        f"!next is for presenters: to be known as one you need an account on this network: {NICKSERV} {NEVER}. Then try again"
    ]
    ini = stage.folder / "bot.ini"
    ini.write_text(ini.read_text().replace("account:", "mask:*!*@staff.").replace("russell", "example.org"))
    stage.change_ini("")
    assert stage.talk("stranger", "!next") == ["stranger: !next is for presenters"]


def test_without_services_it_is_said_who_can_help(stage: Stage) -> None:
    """Nobody goes looking for a NickServ that is not there."""
    stage.net.accounts = AccountSystem.NONE
    assert stage.whisper("stranger", "lab debian") == [
        "to get a lab you need an account, and I see no accounts on this network; an organiser can let everybody in with "
        "require_account = no in bot.ini"
    ]
