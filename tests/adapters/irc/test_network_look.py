"""What is learned of a network, from what its server and its services say."""

from __future__ import annotations

import pytest

from trainbot.adapters.irc.network_look import NetworkLook
from trainbot.adapters.irc.wire import parse

NAMES = ("tb", "olga", "#class")
ATHEME = [
    ":NickServ!n@services. NOTICE x :\x01VERSION atheme 7.2.12. services. ABC [enc:posix]\x01",
    ":NickServ!n@services. NOTICE x :\x02tb\x02 is not registered.",
    ":NickServ!n@services. NOTICE x :Information on \x02Olga\x02 (account \x02Olga\x02):",
    ":NickServ!n@services. NOTICE x :Registered : Jan 01 00:00:00 2020 (6y ago)",
    ":ChanServ!c@services. NOTICE x :Information on \x02#class\x02:",
]
ANOPE = [
    ":NickServ!n@services. NOTICE x :\x01VERSION Anope-2.0.12 services.a.org ngircd -- build #1\x01",
    ":NickServ!n@services. NOTICE x :Nick \x02tb\x02 isn't registered.",
    ":NickServ!n@services. NOTICE x :olga is Olga Organiser",
    ":ChanServ!c@services. NOTICE x :Information for channel \x02#class\x02:",
]
OTHERS = [
    ":NickServ!n@services. NOTICE x :unknown CTCP VERSION",
    ":NickServ!n@services. NOTICE x :The nickname [tb] is not registered",
    ":NickServ!n@services. NOTICE x :olga is registered",
]
NO_INFO = [
    ":NickServ!n@services. NOTICE x :\x01VERSION atheme 7.2.12\x01",
    *[
        f":{who}!n@services. NOTICE x :Invalid command. Use \x02/msg x help\x02"
        for who in ("NickServ", "NickServ", "ChanServ")
    ],
]
NOBODY = [":s 401 x NickServ :No such nick", ":s 401 x ChanServ :No such nick"]


def hears(*lines: str) -> tuple[NetworkLook, list[str]]:
    looking = NetworkLook(NAMES)
    said = looking.start()
    for line in (":s CAP * LS :sasl=PLAIN,SCRAM-SHA-256 account-tag", ":s CAP x ACK :account-tag", ":s 001 x :hi"):
        message = parse(line)
        assert message is not None
        said += looking.receive(message)
    for line in (":s 005 x NETWORK=Test CHANTYPES=# :are supported", "PING :now", *lines):
        message = parse(line)
        assert message is not None
        said += looking.receive(message)
    return looking, said


@pytest.mark.parametrize(
    ("lines", "services", "registered", "over"),
    [
        (ATHEME, "Atheme", {"tb": False, "olga": True, "#class": True}, True),
        (ANOPE, "Anope", {"tb": False, "olga": True, "#class": True}, True),
        (OTHERS, "services", {"tb": False, "olga": True}, False),
        (NO_INFO, "Atheme", {}, True),
        (NOBODY, "", {"tb": False, "olga": False, "#class": False}, True),
        ([], "", {}, False),
    ],
    ids=["Atheme", "Anope", "others", "without INFO", "nobody", "silence"],
)
def test_services(lines: list[str], services: str, registered: dict[str, bool], over: bool) -> None:
    """Which they are, and whom they know; it ends once nothing more can be learned."""
    looking, _said = hears(*lines)
    assert (looking.facts.services, looking.facts.registered, looking.over) == (services, registered, over)


def test_it_joins_nothing_and_names_no_secret() -> None:
    """It registers, asks, and answers pings."""
    looking, said = hears()
    assert looking.facts.network == "Test" and looking.facts.sasl == ("plain", "scram-sha-256")
    assert not any(line.startswith(("JOIN", "AUTHENTICATE", "PASS")) for line in said)
    assert [line for line in said if line.startswith(("PRIVMSG", "PONG"))] == [
        "PRIVMSG NickServ :\x01VERSION\x01",
        "PRIVMSG NickServ :INFO tb",
        "PRIVMSG NickServ :INFO olga",
        "PRIVMSG ChanServ :INFO #class",
        "PONG :now",
    ]


@pytest.mark.parametrize("line", [":s 465 x :you are banned", "ERROR :Closing link (K-lined)"])
def test_a_server_that_does_not_let_us_in(line: str) -> None:
    """It ends, with the server's words."""
    looking = NetworkLook(NAMES)
    message = parse(line)
    assert message is not None
    looking.receive(message)
    assert looking.over and ("banned" in looking.failure or "K-lined" in looking.failure)
