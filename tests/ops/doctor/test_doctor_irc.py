"""The IRC side, on real servers: each finding once."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ops.doctor.conftest import ACCOUNTS
from tests.peers.certificates import openssl
from tests.peers.client import Client
from tests.peers.inspircd import InspIrcd
from tests.peers.scripted import ScriptedServer
from trainbot.adapters.irc.connection_status import ChannelMembership, ConnectionStatus
from trainbot.config import load
from trainbot.model.config import IrcConfig, Secret
from trainbot.ops.doctor.finding import Level
from trainbot.ops.doctor.irc_findings import account_findings, irc_findings, settings_findings


def lines(connection_status: ConnectionStatus, config: IrcConfig, now: float = 0.0) -> list[str]:
    return [finding.line for finding in irc_findings(config, connection_status, now) if finding.level is not Level.OK]


CONFIG = IrcConfig(server="irc.test", channels=("#c",), nick="bot", flood_burst=4, flood_interval=2.0)
WELL = ConnectionStatus(
    True, "", "bot", "bot", "InspIRCd-3", "net", 100 * 86400.0, {"#c": ChannelMembership(True, "v", "nt")}
)


def but(**changes):
    values = {name: getattr(WELL, name) for name in WELL.__slots__}
    return ConnectionStatus(**{**values, **changes})


def channel(**changes):
    return but(channels={"#c": ChannelMembership(**{"joined": True, "status": "v", "modes": "nt", **changes})})


@pytest.mark.parametrize(
    ("connection_status", "mark", "words"),
    [
        (but(certificate_ends=3.4 * 86400), "! ", "expires in 3 days"),
        (but(certificate_ends=-5.0), "! ", "expires in 0 days"),
        (but(nick="bot_"), "! ", "somebody else has the nick bot"),
        (channel(joined=False, refused="banned"), "! ", "is not in #c (banned)"),
        (channel(status="", modes="mnt"), "! ", "moderated (+m) and the bot is not voiced"),
        (channel(status=""), "- ", "neither voiced nor opped"),
        (channel(modes="ntc"), "- ", "strips formatting (+c)"),
        (channel(modes="nti"), "! ", "invite-only"),
        (channel(modes="ntk"), "! ", "has a key"),
        (channel(modes="ntu"), "! ", "auditorium"),
        (channel(modes="ntR"), "- ", "only people with a services account join or speak (+R)"),
        (channel(modes="ntr"), None, ""),
        (
            but(server="solanum-1.0-dev", channels={"#c": ChannelMembership(True, "v", "ntr")}),
            "- ",
            "only people with a services account join (+r)",
        ),
        (channel(modes="ntl"), "- ", "limit of people"),
        (
            but(server="solanum-1.0-dev", channels={"#c": ChannelMembership(True, "", "nt")}),
            "! ",
            "only about ten new people",
        ),
        (but(server="solanum-1.0-dev", network="Libera.Chat"), None, ""),
        (channel(topic_fix="/msg ChanServ FLAGS #c bot +ot"), "- ", "only operators set the topic of #c (+t)"),
        (channel(status="o"), None, ""),
        (WELL, None, ""),
    ],
)
def test_what_hurts_a_class(connection_status, mark, words):
    """Each way to stand badly is one line; voiced on a plain channel there is none."""
    found = lines(connection_status, CONFIG)
    assert [line[:2] for line in found] == ([mark] if mark else []), found
    assert all(words in line and ": " in line for line in found)


@pytest.mark.parametrize(
    ("server", "network", "burst", "interval", "mend"),
    [
        ("InspIRCd-3", "", 20, 2.0, "flood_burst = 10 and flood_interval = 2 in [irc]"),
        ("InspIRCd-3", "", 4, 0.5, "flood_burst = 4 and flood_interval = 1 in [irc]"),
        ("ngircd-26.1", "", 5, 0.1, "flood_burst = 4 and flood_interval = 0.35 in [irc]"),
        ("solanum-1.0-dev", "Libera.Chat", 4, 1.0, "flood_burst = 4 and flood_interval = 2 in [irc]"),
        ("solanum-1.0-dev", "other", 4, 1.0, None),
        ("", "libera.chat", 40, 1.0, "flood_burst = 40 and flood_interval = 2 in [irc]"),
        ("hybrid-8", "", 40, 0.0, None),
    ],
)
def test_faster_than_the_network_allows(server, network, burst, interval, mend):
    """Known programs and networks have a pace; of others nothing is said."""
    config = IrcConfig(server="irc.test", channels=("#c",), nick="bot", flood_burst=burst, flood_interval=interval)
    found = [line for line in lines(but(server=server, network=network), config) if "sends faster" in line]
    assert [mend in line for line in found] == ([True] if mend else []), found


def test_what_networks_want_to_read():
    """No TLS to elsewhere is wrong; realname, contact and a log of the channel are hints."""
    config = IrcConfig(server="irc.test", tls=False, realname="Russell", contact="", channels=("#c",))
    found = settings_findings(config, True)
    assert [finding.level for finding in found] == [Level.WRONG, Level.NOTE, Level.NOTE, Level.NOTE]
    assert settings_findings(IrcConfig(server="127.0.0.1", tls=False, contact="russell"), False) == []


async def test_on_ngircd(installed, ngircd):
    """Free nick, alone in the channel: nothing is wrong, and the visitor has left the network again."""
    heard = await installed.hears("irc", irc={"port": ngircd.port}, roles={"require_account": "no"})
    assert heard.wrong == []
    heard.one("in #class, opped", Level.OK)
    heard.one("the nick trainbot is ours", Level.OK)
    watcher = await Client.connect(ngircd.port, "watcher")
    watcher.send("WHOIS trainbot")
    await watcher.expect(" 401 ")
    await watcher.close()


async def test_nick_and_channel_taken(installed, ngircd):
    """The nick is somebody's, one channel is moderated, one is invite-only."""
    owner = await Client.connect(ngircd.port, "trainbot")
    for name in ("#class", "#closed"):
        await owner.join(name)
    owner.send("MODE #class +m")
    owner.send("MODE #closed +i")
    await owner.synced()
    heard = await installed.hears("irc", irc={"port": ngircd.port, "channels": "#class #closed"})
    await owner.close()
    heard.one("somebody else has the nick trainbot, the bot is trainbot_")
    heard.one("#class is moderated (+m)")
    heard.one("is not in #closed (")


def on(network: InspIrcd, **changes):
    return {
        "server": "localhost",
        "port": network.tls_port,
        "tls": "yes",
        "tls_ca_file": network.ca,
        "sasl": "plain",
        "account": "trainbot",
        "password": ACCOUNTS["trainbot"],
        **changes,
    }


async def test_on_inspircd(installed, network):
    """Logged in over TLS; the tests' certificate ends within two days, and that is told."""
    heard = await installed.hears("irc", irc=on(network, flood_burst=10, flood_interval=1))
    assert len(heard.wrong) == 1
    heard.one("the certificate of localhost expires in")
    heard.one("logged in as trainbot", Level.OK)


@pytest.mark.parametrize(
    ("changes", "words", "mend"),
    [
        ({"password": "not-the-one"}, "the login was refused", "NickServ"),
        ({"tls_ca_file": None}, "not signed by anyone that this machine trusts", "tls_ca_file"),
        ({"server": "127.0.0.5"}, "is for another name", "server"),
        ({"tls_fingerprint": "ab" * 32}, "another one than tls_fingerprint", "staff"),
        ({"tls": "no", "allow_plaintext": "yes", "port": 1}, "nothing listens on that port", "port"),
        ({"server": "no-such-host.invalid"}, "the name no-such-host.invalid cannot be resolved", "DNS"),
    ],
)
async def test_no_way_onto_the_network(installed, network, changes, words, mend):
    """Each reason is told apart, says what mends it, and shows no password."""
    heard = await installed.hears("irc", irc={**on(network), **changes})
    assert mend in heard.one(words).mend
    assert "not-the-one" not in repr(heard.found)


async def test_tls_where_none_is_spoken(installed):
    """The port without TLS, asked for TLS: its greeting is no handshake."""
    async with ScriptedServer() as server:
        looking = asyncio.create_task(installed.hears("irc", irc={"port": server.port, "tls": "yes"}))
        (await server.accept()).say(":irc.test NOTICE * :looking up your host")
        heard = await looking
    heard.one("the server does not use TLS on that port")


@pytest.fixture
def expired(network, tmp_path):
    """A certificate of the tests' CA that ended yesterday."""
    for name in ("ca.crt", "ca.key", "server.csr", "server.ext"):
        (tmp_path / name).write_bytes((network.folder / name).read_bytes())
    (tmp_path / "index").touch()
    (tmp_path / "serial").write_text("77")
    (tmp_path / "ca.conf").write_text(
        "[ca]\ndefault_ca=c\n[c]\nnew_certs_dir=.\ndatabase=index\nserial=serial\ndefault_md=sha256\npolicy=p\n"
        "[p]\ncommonName=supplied\n"
    )
    openssl(
        "ca",
        "-batch",
        "-config",
        "ca.conf",
        "-cert",
        "ca.crt",
        "-keyfile",
        "ca.key",
        "-in",
        "server.csr",
        "-out",
        "old.crt",
        "-startdate",
        "20200101000000Z",
        "-enddate",
        "20210101000000Z",
        "-extfile",
        "server.ext",
        cwd=tmp_path,
    )
    return tmp_path / "old.crt", network.folder / "server.key"


async def test_an_expired_certificate(installed, network, expired):
    """It has ended: the bot does not connect, and who can mend it is said."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*expired)
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    heard = await installed.hears("irc", irc=on(network, port=port))
    server.close()
    assert "staff" in heard.one("the server's certificate has expired").mend


async def test_a_server_that_says_nothing(installed, monkeypatch):
    """It accepts and is mute: the end comes, and says so."""
    monkeypatch.setattr("trainbot.ops.doctor.examine_irc.VISIT", 0.5)
    async with ScriptedServer() as server:
        heard = await installed.hears("irc", irc={"port": server.port})
    heard.one("does not answer in time")


async def test_voiced_by_services_a_moment_later(installed):
    """Services voice us after we have joined: that is waited for."""
    async with ScriptedServer() as server:
        looking = asyncio.create_task(
            installed.hears("irc", irc={"port": server.port}, roles={"require_account": "no"})
        )
        client = await server.accept()
        await client.hear("^USER")
        client.say(
            ":s CAP * LS :",
            ":s 001 trainbot :hi",
            ":s 004 trainbot s solanum-1.0 x y",
            ":s 005 trainbot CHANTYPES=# PREFIX=(ov)@+ CHANMODES=b,k,l,imnt :are",
            ":s 376 trainbot :end",
        )
        await client.hear("^JOIN")
        client.say(":trainbot!u@h JOIN #class", ":s 353 trainbot = #class :@op trainbot", ":s 366 trainbot #class :end")
        await client.hear("^WHO")
        client.say(":s 324 trainbot #class +nt", ":s 315 trainbot #class :end", ":ChanServ!c@s MODE #class +v trainbot")
        await client.hear("^QUIT")
        client.drop()
        heard = await looking
    assert heard.wrong == []
    heard.one("in #class, voiced", Level.OK)


async def test_hostile_words(installed):
    """What the server says reaches the terminal on one line, without control characters, and bounded."""
    async with ScriptedServer() as server:
        looking = asyncio.create_task(installed.hears("irc", irc={"port": server.port}))
        client = await server.accept()
        await client.hear("^USER")
        client.say(b"ERROR :\x1b[2J\x07" + b"x" * 4000)
        client.drop()
        heard = await looking
    line = heard.one("127.0.0.1 port").line
    assert line.isprintable() and len(line) < 1000


def test_secrets_do_not_show():
    """The configuration's password is in no finding, whatever the trouble."""
    config = IrcConfig(server="irc.test", sasl=("plain",), account="a", password=Secret("hunter2"), channels=("#c",))
    found = irc_findings(config, ConnectionStatus(False, "SASL login refused: no", "bot"), time.time())
    assert "hunter2" not in repr(found) + str([finding.as_json() for finding in found])


def test_accounts_that_nobody_can_have(tmp_path: Path) -> None:
    """Where bot.ini wants accounts and the network shows none, nobody could take part."""
    ini = tmp_path / "bot.ini"
    ini.write_text("[irc]\nchannels = #c\n")
    config = load(ini)
    none = but(account=None, accounts="")
    (said,) = account_findings(config, none)
    assert "nobody can get a lab or a seat" in said.line and "require_account = no" in said.line
    assert account_findings(config, but(account=None, accounts="nickserv")) == account_findings(config, WELL) == []
    assert account_findings(replace(config, require_account=False), none) == []
    assert account_findings(replace(config, irc=replace(config.irc, login_help="/msg Q AUTH …")), none) == []
