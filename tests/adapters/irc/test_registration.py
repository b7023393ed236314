"""Getting in, as tables of what the server says and what we answer."""

from __future__ import annotations

import base64

import pytest

from trainbot.adapters.irc.connection_status import AccountSystem
from trainbot.adapters.irc.keepalive import Timeouts
from trainbot.adapters.irc.outbox import Outbox
from trainbot.adapters.irc.protocol import IrcProtocol
from trainbot.adapters.irc.registration import Registration, nicks
from trainbot.adapters.irc.sasl import CHUNK, Assembler, Credentials, SaslRefused, chunks
from trainbot.adapters.irc.wire import parse
from trainbot.config import IrcConfig

FAILED = ["AUTHENTICATE *", "QUIT :cannot register"]  # in the middle of an exchange
LEFT = ["QUIT :cannot register"]


class Talk:
    """A registration; ``hears(line)`` gives what it says to that line."""

    def __init__(self, *, sasl=(), account="bot", password="pässword"):
        self.it = Registration("bot", "bot", "a bot", sasl=sasl, credentials=Credentials(account, lambda: password))
        self.begun = self.it.start()

    def hears(self, line):
        return self.it.receive(parse(f":irc.test {line}"))


def plain(account="bot", password="pässword"):
    return base64.b64encode(f"{account}\0{account}\0{password}".encode()).decode()


def test_cap_ls_is_the_first_line():
    """CAP LS 302 goes before NICK and USER."""
    assert Talk().begun == ["CAP LS 302", "NICK bot", "USER bot 0 * :a bot"]


def test_asks_for_what_is_offered_and_no_echo():
    """Of what is offered, what we use is asked for; echo-message never is."""
    talk = Talk()
    assert talk.hears("CAP * LS :echo-message account-tag server-time=x away-notify") == [
        "CAP REQ :account-tag server-time"
    ]
    assert talk.hears("CAP * ACK :account-tag server-time") == ["CAP END"]
    assert talk.it.caps == {"account-tag", "server-time"}
    assert talk.hears("001 bot :hi") == [] and talk.it.done


def test_a_list_of_several_lines():
    """Capabilities over several lines are asked for once, together."""
    talk = Talk()
    assert talk.hears("CAP * LS * :account-tag chghost") == []
    assert talk.hears("CAP * LS :extended-join") == ["CAP REQ :account-tag extended-join chghost"]


def test_an_empty_list():
    """A server with no capability of ours gets CAP END."""
    assert Talk().hears("CAP * LS :") == ["CAP END"]


def test_a_refusal_of_all_is_asked_one_by_one():
    """When the list is refused as a whole, each is asked for by itself."""
    talk = Talk()
    talk.hears("CAP * LS :chghost account-tag")
    assert talk.hears("CAP * NAK :account-tag chghost") == ["CAP REQ account-tag", "CAP REQ chghost"]
    assert talk.hears("CAP * ACK :chghost") == []
    assert talk.hears("CAP * NAK :account-tag") == ["CAP END"]
    assert talk.it.caps == {"chghost"}


def test_a_server_without_cap():
    """A server that does not know CAP lets us in all the same."""
    talk = Talk()
    assert talk.hears("421 bot CAP :Unknown command") == []
    talk.hears("001 bot :hi")
    assert talk.it.done and talk.it.failure is None


def test_new_and_gone_capabilities():
    """What the network gains later is asked for, what it loses is no longer believed."""
    talk = Talk()
    talk.hears("CAP * LS :chghost")
    talk.hears("CAP * ACK :chghost")
    talk.hears("001 bot :hi")
    assert talk.hears("CAP bot NEW :account-tag echo-message") == ["CAP REQ account-tag"]
    talk.hears("CAP bot ACK :account-tag")
    assert talk.it.caps == {"chghost", "account-tag"}
    talk.hears("CAP bot DEL :account-tag")
    assert talk.it.caps == {"chghost"}


def begun(**how):
    talk = Talk(sasl=("plain",), **how)
    talk.hears("CAP * LS :sasl=PLAIN,EXTERNAL")
    assert talk.hears("CAP * ACK :sasl") == ["AUTHENTICATE PLAIN"]
    return talk


def test_sasl_plain():
    """SASL PLAIN says account, account and password in UTF-8, then CAP END on success."""
    talk = begun()
    assert talk.hears("AUTHENTICATE +") == [f"AUTHENTICATE {plain()}"]
    assert talk.hears("900 bot bot!b@h bot :You are now logged in") == []
    assert talk.hears("903 bot :success") == ["CAP END"]
    talk.hears("001 bot :hi")
    assert talk.it.done and talk.it.account == "bot"


def test_the_challenge_as_the_wire_has_it():
    """AUTHENTICATE without a prefix is the same."""
    talk = begun()
    assert talk.it.receive(parse("AUTHENTICATE +")) == [f"AUTHENTICATE {plain()}"]


@pytest.mark.parametrize("length", [297, 298, 300, 301, 600, 601, 900])
def test_long_answers_are_cut(length):
    """Chunks of 400 octets; an exact multiple is followed by a +."""
    talk = begun(account="", password="x" * (length - 2))
    said = [line.removeprefix("AUTHENTICATE ") for line in talk.hears("AUTHENTICATE +")]
    assert all(len(part) == CHUNK for part in said[:-1])
    assert len(said[-1]) < CHUNK and (said[-1] == "+") == (length in (298, 300, 600, 900))
    assembler = Assembler()
    assert [assembler.feed(part) for part in said][-1] == b"\0\0" + b"x" * (length - 2)


@pytest.mark.parametrize(
    "lines",
    [
        ["CAP * LS :account-tag"],
        ["CAP * LS :"],
        ["421 * CAP :Unknown command", "001 bot :hi"],
        ["001 bot :hi"],
        ["CAP * LS :sasl", "CAP * NAK :sasl"],
        ["CAP * LS :sasl", "001 bot :hi"],
    ],
)
def test_without_sasl_it_does_not_go_on(lines):
    """Where SASL was asked for and is not offered, refused or skipped, it quits and says why."""
    talk = Talk(sasl=("plain",))
    said = [said for line in lines for said in talk.hears(line)]
    assert said[-1] == "QUIT :cannot register" and "CAP END" not in said
    assert talk.it.failure and not talk.it.done
    assert talk.hears("001 bot :come in") == [] and not talk.it.done


@pytest.mark.parametrize(
    ("numeric", "reason"),
    [
        ("904 bot :SASL authentication failed", "SASL authentication failed"),
        ("905 bot :too long", "too long"),
        ("902 bot :You must use a nick assigned to you", "nick assigned"),
        ("906 bot :aborted", "aborted"),
    ],
)
def test_a_refused_login_ends_it(numeric, reason):
    """Who refuses a login is left, with the server's reason and without the password."""
    talk = begun()
    talk.hears("AUTHENTICATE +")
    assert talk.hears(numeric) == LEFT
    assert reason in talk.it.failure and "pässword" not in talk.it.failure


def test_a_list_without_our_mechanism():
    """A server that has none of our mechanisms is left, and the reason names what it has."""
    talk = Talk(sasl=("plain",))
    talk.hears("CAP * LS :sasl=EXTERNAL,SCRAM-SHA-512")
    assert talk.hears("CAP * ACK :sasl") == LEFT
    assert "EXTERNAL, SCRAM-SHA-512" in talk.it.failure and "plain" in talk.it.failure


def test_a_mechanism_list_comes_late():
    """Numeric 908 with another list and 904 end it; nobody has refused the password, so a later try may help."""
    talk = begun()
    talk.hears("908 bot EXTERNAL :are available SASL mechanisms")
    assert talk.hears("904 bot :failed") == LEFT
    assert "the server's SASL has EXTERNAL; bot.ini asks for plain" in talk.it.failure and not talk.it.denied


def test_a_mechanism_list_that_has_ours():
    """Numeric 908 beside a refusal of the password."""
    talk = begun()
    talk.hears("908 bot PLAIN,EXTERNAL :are available SASL mechanisms")
    assert talk.hears("904 bot :failed") == LEFT
    assert talk.it.failure == "SASL login refused: failed" and talk.it.denied


@pytest.mark.parametrize(
    ("dialog", "last"),
    [
        # no mechanism was begun: there is nothing to abort
        ("CAP * LS :sasl=EXTERNAL\nCAP * ACK :sasl", LEFT),
        ("CAP * LS :account-tag sasl=EXTERNAL,ECDSA-NIST256P-CHALLENGE\nCAP * ACK :account-tag sasl", LEFT),
        ("CAP * LS * :account-tag\nCAP * LS :sasl=SCRAM-SHA-512\nCAP * ACK :account-tag sasl", LEFT),
        ("CAP * LS :sasl=", ["CAP REQ :sasl"]),
        ("CAP * LS :sasl=external,plain", ["CAP REQ :sasl"]),
        ("CAP * LS :sasl\nCAP * NAK :sasl", LEFT),
        ("CAP * LS :sasl account-tag\nCAP * NAK :account-tag sasl\nCAP * ACK :account-tag\nCAP * NAK :sasl", LEFT),
        ("CAP * LS :sasl=PLAIN\n465 bot :banned", LEFT),
        ("CAP * LS :sasl=PLAIN\n001 bot :hi", LEFT),
        # the exchange is over
        ("CAP * LS :sasl\nCAP * ACK :sasl\n904 bot :no", LEFT),
        ("CAP * LS :sasl\nCAP * ACK :sasl\n908 bot EXTERNAL :available\n904 bot :no", LEFT),
        ("CAP * LS :sasl\nCAP * ACK :sasl\nAUTHENTICATE +\n902 bot :locked", LEFT),
        ("CAP * LS :sasl\nCAP * ACK :sasl\nAUTHENTICATE +\n906 bot :aborted", LEFT),
        ("CAP * LS :sasl\nCAP * ACK :sasl\n903 bot :success", LEFT),
        # it is under way
        ("CAP * LS :sasl\nCAP * ACK :sasl\nAUTHENTICATE !", FAILED),
        ("CAP * LS :sasl\nCAP * ACK :sasl\nAUTHENTICATE +\nAUTHENTICATE +", FAILED),
        ("CAP * LS :sasl\nCAP * ACK :sasl\nAUTHENTICATE +\n465 bot :banned", FAILED),
        ("CAP * LS :sasl\nCAP * ACK :sasl\n001 bot :hi", FAILED),
        # and what went well
        ("CAP * LS :sasl=PLAIN\nCAP * ACK :sasl\nAUTHENTICATE +\n900 bot b bot :hi\n903 bot :success", ["CAP END"]),
    ],
)  # fmt: skip
def test_an_exchange_is_aborted_only_while_it_is_under_way(dialog, last):
    """AUTHENTICATE * is said in the middle of an exchange, and never when none was begun or it is over."""
    talk = Talk(sasl=("plain",))
    assert [talk.hears(line) for line in dialog.split("\n")][-1] == last


def test_success_before_proof_is_a_lie():
    """A server that says success before we said who we are is not believed."""
    assert begun().hears("903 bot :success") == LEFT


@pytest.mark.parametrize("challenge", ["!!!!", "ä", "a", "="])
def test_rubbish_for_a_challenge(challenge):
    """A challenge that is not base64 ends the exchange."""
    assert begun().hears(f"AUTHENTICATE {challenge}") == FAILED


def test_more_challenges_than_plain_has():
    """PLAIN answers once; the password is not said again."""
    talk = begun()
    talk.hears("AUTHENTICATE +")
    assert talk.hears("AUTHENTICATE +") == FAILED


def test_a_challenge_that_never_ends():
    """Endless full chunks are given up."""
    assembler = Assembler()
    with pytest.raises(SaslRefused):
        for _ in range(1000):
            assembler.feed("A" * CHUNK)


def test_nicks_in_use():
    """A nick in use is tried with _, later with numbers short enough for any server."""
    talk = Talk()
    assert talk.hears("433 * bot :in use") == ["NICK bot_"]
    assert talk.hears("432 * bot_ :erroneous") == ["NICK bot__"]
    assert list(nicks("a-rather-long-nick"))[4] == "a-rathe01"
    assert all(len(nick) <= 9 for nick in list(nicks("a-rather-long-nick"))[4:])


def test_no_nick_at_all():
    """A server that takes no nick is left in the end."""
    talk = Talk()
    for _ in range(100):
        if talk.hears("433 * x :in use") == ["QUIT :cannot register"]:
            break
    assert "nick" in talk.it.failure


def test_the_server_names_us():
    """The nick is what the server's welcome says."""
    talk = Talk()
    talk.hears("001 bo :Welcome")
    assert talk.it.nick == "bo"


@pytest.mark.parametrize("line", ["CAP", "CAP *", "CAP * LS", "CAP * ACK", "CAP * NAK", "001", "433", "903",
                                  "AUTHENTICATE", "900", "908", "CAP * LS *", "CAP * NEW", "CAP * DEL"])  # fmt: skip
def test_short_lines(line):
    """Lines without their parameters do no harm."""
    for talk in (Talk(), Talk(sasl=("plain",)), begun()):
        talk.hears(line)


def test_credentials_do_not_show():
    """The password is in no repr."""
    assert "geheim" not in repr(Credentials("a", lambda: "geheim"))
    assert chunks(b"") == ["+"]


@pytest.mark.parametrize(
    ("offered", "nickserv", "accounts"),
    [
        ("multi-prefix", False, AccountSystem.NONE),
        ("multi-prefix", True, AccountSystem.NICKSERV),
        ("sasl=PLAIN account-tag", False, AccountSystem.NICKSERV),
        ("draft/account-registration=before-connect", False, AccountSystem.COMMAND),
        ("draft/account-registration sasl", False, AccountSystem.NICKSERV),
    ],
)
def test_how_people_get_an_account(offered, nickserv, accounts):
    """SASL shows that services are there; who asks for NickServ in bot.ini knows it; else the server's own command."""
    config = IrcConfig(server="irc.test", channels=("#c",), tls=False, nickserv=nickserv)
    session = IrcProtocol(
        config, Outbox(5, 2.0), lambda event: None, lambda line, shown: None, 0.0, patience=Timeouts(), version="x"
    )
    session.start()
    session.receive(f":irc.test CAP bot LS :{offered}", 0.0)
    assert session.accounts is accounts
