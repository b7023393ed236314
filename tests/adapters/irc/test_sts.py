"""Networks that want TLS (STS), servers that are tried in turn, and a login that is given up."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.irc.conftest import QUICK
from tests.adapters.irc.conftest import config as plain_config
from tests.peers.certificates import make_certificates
from tests.peers.scripted import ScriptedServer
from trainbot.adapters.irc import transport
from trainbot.adapters.irc.sts import LONGEST, StsPolicies, StsPolicy
from trainbot.core.messages import Connected
from trainbot.model.config import Secret


@pytest.mark.parametrize(
    ("value", "offer"),
    [
        ("", StsPolicy()),
        ("port=6697", StsPolicy(6697)),
        ("duration=300,port=6697,preload", StsPolicy(6697, 300)),
        ("duration=0", StsPolicy(None, 0)),
        ("port=0", StsPolicy()),
        ("port=70000,duration=-1", StsPolicy()),
        ("port", StsPolicy()),
        ("duration=99999999999999", StsPolicy(None, LONGEST)),
        ("port=²,duration=x", StsPolicy()),
    ],
)
def test_what_a_server_asks_for(value: str, offer: StsPolicy) -> None:
    """Numbers out of range count as not said."""
    assert StsPolicy.parse(value) == offer


@given(st.text(max_size=80))
def test_no_offer_breaks_us(value: str) -> None:
    """Whatever a server offers, a port is a port and a duration is bounded."""
    offer = StsPolicy.parse(value)
    assert offer.port is None or 0 < offer.port < 65536
    assert offer.duration is None or 0 <= offer.duration <= LONGEST


def test_policies_outlive_us(tmp_path) -> None:
    """A policy holds for its duration, in the next process too; 0 takes it back, rubbish in the file is none."""
    file = tmp_path / "sts.json"
    StsPolicies(file).heard("IRC.Example.org", 6697, 300, 1000.0)
    again = StsPolicies(file)
    assert (again.port("irc.example.org", 1299.0), again.port("irc.example.org", 1300.0)) == (6697, None)
    again.heard("irc.example.org", 6697, 0, 1001.0)
    assert StsPolicies(file).port("irc.example.org", 1001.0) is None
    file.write_text('{"a": 3}')
    assert StsPolicies(file).port("a", 0) is None


@pytest.fixture
async def secure(tmp_path):
    """A scripted server with a certificate for localhost; ``ca`` signs it."""
    make_certificates(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    server = ScriptedServer()
    listening = await asyncio.start_server(server._on_client, "127.0.0.1", 0, ssl=context)
    server.port, server.ca = listening.sockets[0].getsockname()[1], tmp_path / "ca.crt"
    yield server
    listening.close()


async def test_who_comes_without_tls_is_sent_to_it(scripted, secure, make_bot):
    """On STS the bot leaves at once, before a word about itself but its nick, and comes back with TLS; what the
    network said then holds for the next connection, which never begins without."""
    bot = make_bot(
        scripted.port,
        server="localhost",
        tls_ca_file=secure.ca,
        sasl=("plain",),
        account="a",
        password=Secret("geheim"),
        allow_plaintext=True,
    )
    first = await scripted.accept()
    first.say(f":irc.test CAP * LS :sasl=PLAIN sts=port={secure.port},duration=1000")
    await first.gone()
    assert not any(line.startswith(("CAP REQ", "AUTHENTICATE", "CAP END")) for line in first.lines)
    inside = await secure.accept()
    await inside.hear("^CAP LS 302")
    inside.say(":irc.test CAP * LS :sasl=PLAIN sts=duration=1000")
    await inside.hear("^CAP REQ :sasl$")
    inside.say(":irc.test CAP * ACK :sasl")
    await inside.hear("^AUTHENTICATE PLAIN")
    inside.say("AUTHENTICATE +")
    await inside.hear("^AUTHENTICATE ")
    inside.say(":irc.test 903 * :ok", ":irc.test 001 trainbot :hi", ":irc.test 376 trainbot :end")
    await bot.until(Connected)
    inside.drop()
    await (await secure.accept()).hear("^CAP LS 302")


async def test_tls_that_fails_is_no_reason_to_go_without(scripted, secure, make_bot):
    """Where the TLS that the network wants cannot be trusted, the bot stays outside and says nothing secret."""
    bot = make_bot(
        scripted.port, server="localhost", sasl=("plain",), account="a", password=Secret("geheim"), allow_plaintext=True
    )
    first = await scripted.accept()
    first.say(f":irc.test CAP * LS :sasl=PLAIN sts=port={secure.port}")
    await first.gone()
    await bot.in_trouble("(?i)certificate")
    assert not any("geheim" in line or line.startswith("AUTHENTICATE") for line in first.lines)


@pytest.mark.parametrize("right", [True, False])
async def test_a_pin_without_tls_waits_for_the_tls_that_the_network_wants(scripted, secure, make_bot, right):
    """With tls = no there is no certificate to compare: the bot hears that the network wants TLS, and there the pin counts."""
    der = ssl.PEM_cert_to_DER_cert((secure.ca.parent / "server.crt").read_text())
    pin = hashlib.sha256(der).hexdigest() if right else "ab" * 32
    bot = make_bot(scripted.port, server="localhost", tls_fingerprint=pin)
    first = await scripted.accept()
    first.say(f":irc.test CAP * LS :sts=port={secure.port}")
    await first.gone()
    if not right:
        await bot.in_trouble("another one than tls_fingerprint")
        return
    inside = await secure.accept()
    await inside.hear("^CAP LS 302")
    inside.say(":irc.test CAP * LS :", ":irc.test 001 trainbot :hi", ":irc.test 376 trainbot :end")
    await bot.until(Connected)


async def test_a_pin_without_tls_on_a_network_that_does_not_want_it(scripted, make_bot):
    """It has no effect; trainbot check says so."""
    bot = make_bot(scripted.port, tls_fingerprint="ab" * 32)
    await (await scripted.accept()).welcome()
    await bot.until(Connected)


@pytest.mark.parametrize("closes", ["bot", "server", "both"])
async def test_a_connection_with_tls_is_closed_only_once(secure, monkeypatch, closes):
    """In Python 3.11 abort() fails on a TLS connection that was closed twice, or closed after the server had gone."""
    monkeypatch.setattr(transport, "_LINGER", 0.0)
    wrong = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: wrong.append(context))
    config = plain_config(secure.port, server="localhost", tls=True, tls_ca_file=secure.ca)
    link = await transport.connect(config, lambda line: None, lambda: None)
    link.write("QUIT :bye")
    there = await secure.accept()
    if closes != "bot":
        there.drop()
    if closes == "server":
        await link.closed.wait()
    link.close()
    link.close()
    await link.closed.wait()
    link.close()
    link.hold()
    link.go_on()
    link.write("too late")
    cut = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, cut.set)  # after the calls that were put off
    await cut.wait()
    assert wrong == []


async def test_servers_in_turn(scripted, make_bot):
    """A server that is not there is followed by the next; the one that took us is the first to be tried again."""
    async with ScriptedServer() as gone:
        dead = gone.port
    bot = make_bot(dead, more_servers=(("127.0.0.1", dead), ("127.0.0.1", scripted.port)))
    first = await scripted.accept()
    await first.welcome()
    await bot.until(Connected)
    first.drop()
    await (await scripted.accept()).welcome()
    await bot.until(Connected)


async def refuse(server: ScriptedServer) -> None:
    client = await server.accept()
    client.say(":irc.test CAP * LS :sasl=PLAIN")
    await client.hear("^CAP REQ :sasl$")
    client.say(":irc.test CAP * ACK :sasl")
    await client.hear("^AUTHENTICATE PLAIN")
    client.say("AUTHENTICATE +")
    await client.hear("^AUTHENTICATE ")
    client.say(":irc.test 904 * :wrong password")
    await client.gone()


async def test_a_wrong_password_is_not_tried_for_ever(scripted, make_bot):
    """After the second refusal the bot waits for another configuration, then comes in with it at once."""
    login = {"sasl": ("plain",), "account": "bot", "allow_plaintext": True}
    bot = make_bot(scripted.port, password=Secret("wrong"), patience=replace(QUICK, longest=0.1), **login)
    for _ in range(2):
        await refuse(scripted)
    await bot.in_trouble("wrong password")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(scripted._clients.get(), 0.5)  # many times the longest wait between two tries
    bot.door.reconfigure(plain_config(scripted.port, password=Secret("right"), **login))
    assert await (await scripted.accept()).hear("^CAP LS 302")
