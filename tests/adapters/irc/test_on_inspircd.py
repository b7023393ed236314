"""The door on InspIRCd with Atheme: accounts, SASL over TLS, real flood limits."""

from __future__ import annotations

import base64
import hashlib
import ssl

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.adapters.irc.conftest import login, secret
from tests.peers.certificates import openssl
from tests.peers.inspircd import free_port
from trainbot.config.irc_login import load_key
from trainbot.core.errors import ConfigError
from trainbot.core.messages import Arrived, ChannelMembers, Connected, Incoming, Left, Line, LineSent, Renamed
from trainbot.model.config import Secret


async def test_logs_in_over_tls(network, make_bot, people):
    """SASL PLAIN over verified TLS: the network shows our services account."""
    bot = make_bot(network.tls_port, **login(network))
    await bot.in_channel()
    alice = await people(network.port, "alice")
    alice.send("WHOIS trainbot")
    await alice.expect(r" 330 \S+ trainbot trainbot ")


async def owner_says(network, people, line, answer):
    """The bot's owner tells NickServ something about the bot's account."""
    owner = await people(network.port, f"owner{free_port()}", source="127.0.0.3")
    await owner.identify("trainbot", secret("trainbot").reveal())
    owner.say("NickServ", line)
    await owner.expect(answer)


async def test_a_client_certificate_is_a_login(network, make_bot, people):
    """CertFP: with SASL EXTERNAL the certificate that NickServ knows logs us in, and no password exists."""
    der = ssl.PEM_cert_to_DER_cert((network.folder / "client.crt").read_text())
    await owner_says(network, people, f"CERT ADD {hashlib.sha256(der).hexdigest()}", "(?i)added fingerprint")
    shown = {"tls_client_cert": network.folder / "client.crt", "tls_client_key": network.folder / "client.key"}
    bot = make_bot(network.tls_port, nick="certified", **login(network, sasl=("external",), password=Secret(), **shown))
    await bot.in_channel()
    assert bot.door.connection_status().account == "trainbot"


async def test_a_signed_challenge_is_a_login(network, make_bot, people, tmp_path):
    """ECDSA-NIST256P-CHALLENGE with a key that openssl made and whose public half NickServ knows."""
    file = tmp_path / "ecdsa.pem"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(file), cwd=tmp_path)
    point = load_key(file.read_bytes()).public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    await owner_says(network, people, f"SET PUBKEY {base64.b64encode(point).decode()}", "(?i)public key")
    bot = make_bot(
        network.tls_port,
        nick="signed",
        **login(network, sasl=("ecdsa-nist256p-challenge",), password=Secret(), ecdsa_key_file=file),
    )
    await bot.in_channel()
    there = bot.door.connection_status()
    assert there.account == "trainbot" and there.tls.startswith("TLSv1.")


async def test_the_next_mechanism_where_one_is_refused(network, make_bot):
    """A certificate that NickServ does not know is refused, and the password is tried in the same connection."""
    shown = {"tls_client_cert": network.folder / "server.crt", "tls_client_key": network.folder / "server.key"}
    bot = make_bot(
        network.tls_port, nick="second", **login(network, sasl=("external", "scram-sha-256", "plain"), **shown)
    )
    await bot.in_channel()
    assert bot.door.connection_status().account == "trainbot"


async def test_without_sasl_nickserv_is_told(network, make_bot, people):
    """Where bot.ini says nickserv = yes, the bot tells NickServ its password, and joins once it is known."""
    watcher = await people(network.port, "gatekeeper", source="127.0.0.3")
    await watcher.join("#known")
    watcher.send("MODE #known +R")  # only people with an account get in
    await watcher.synced()
    bot = make_bot(network.tls_port, nick="told", channels=("#known",), **login(network, sasl=(), nickserv=True))
    await bot.in_channel("#known")
    assert bot.door.connection_status().account == "trainbot"


async def test_a_channel_with_a_key(network, make_bot, people, caplog):
    """The key of bot.ini lets us in, and is in no line of the log."""
    caplog.set_level("DEBUG", "trainbot")
    owner = await people(network.port, "keyholder", source="127.0.0.3")
    await owner.join("#keyed")
    owner.send("MODE #keyed +k sesame")
    await owner.synced()
    bot = make_bot(network.port, nick="keyed", channels=("#keyed",), keys=(("#keyed", Secret("sesame")),))
    await bot.in_channel("#keyed")
    assert "JOIN #keyed ***" in caplog.text
    assert "JOIN #keyed sesame" not in caplog.text


@pytest.mark.parametrize(
    ("mode", "channel"), [("+i", "#invited"), ("+b *!*@127.0.0.1", "#banned"), ("+k x", "#locked")]
)
async def test_chanserv_lets_us_in(network, make_bot, people, mode, channel):
    """Where only invited people get in, or we are banned, or do not know the key, ChanServ opens for our account."""
    owner = await people(network.port, f"own{channel[1:]}", source="127.0.0.3")
    await owner.identify("presenter", "presenter-pass")
    await owner.join(channel)
    owner.say("ChanServ", f"REGISTER {channel}")
    await owner.expect("now registered")
    owner.say("ChanServ", f"FLAGS {channel} trainbot +irV")
    await owner.expect("Flags .* were set")
    owner.send(f"MODE {channel} {mode}")
    await owner.synced()
    bot = make_bot(network.tls_port, nick=f"b{channel[1:]}", channels=(channel,), **login(network))
    await bot.in_channel(channel)


async def test_we_are_labelled_as_a_bot(network, make_bot, people):
    """On a network that has a mode for bots we wear it, and WHOIS says so."""
    bot = make_bot(network.port, nick="labelled")
    await bot.in_channel()
    alice = await people(network.port, "curious")
    alice.send("WHOIS labelled")
    await alice.expect(r" 335 \S+ labelled ")


async def test_a_wrong_password_stays_outside(network, make_bot):
    """With a wrong password the bot is never on the network, and says why."""
    bot = make_bot(network.tls_port, **login(network, password=Secret("wrong")))
    await bot.in_trouble("SASL")
    assert not any(isinstance(event, Connected) for event in bot.events)
    assert "wrong" not in bot.door.trouble


async def test_an_untrusted_certificate_stays_outside(network, make_bot):
    """A certificate that the system's store does not know is refused before a word is said."""
    bot = make_bot(network.tls_port, **login(network, tls_ca_file=None))
    await bot.in_trouble("not trusted .*tls_ca_file or tls_fingerprint")


async def test_a_certificate_for_another_name_stays_outside(network, make_bot):
    """A certificate by the right CA, but for another name, is refused."""
    bot = make_bot(network.tls_port, **login(network, server="127.0.0.5"))
    await bot.in_trouble("(?i)certificate")


async def test_a_pinned_certificate(network, make_bot):
    """The fingerprint alone is enough trust, without any CA."""
    pin = login(network, tls_ca_file=None, tls_fingerprint=network.fingerprint())
    await make_bot(network.tls_port, nick="pinned", **pin).in_channel()


async def test_another_certificate_than_the_pinned_one(network, make_bot):
    """With a fingerprint, another certificate is refused even where its CA is trusted."""
    bot = make_bot(network.tls_port, **login(network, tls_fingerprint="ab" * 32))
    await bot.in_trouble("tls_fingerprint")


def test_a_missing_ca_file_is_said(network, make_bot, tmp_path):
    """A certificate file that is not there is an error of the configuration, at once."""
    with pytest.raises(ConfigError, match="tls"):
        make_bot(network.tls_port, **login(network, tls_ca_file=tmp_path / "none"))


async def test_accounts_are_seen(network, make_bot, people):
    """Who was there before us has an account by WHOX, who comes by extended-join, who logs in by
    account-notify; each line carries it."""
    early = await people(network.port, "early")
    await early.identify("presenter", "presenter-pass")
    await early.join("#accounts")
    bot = make_bot(network.port, nick="seer", channels=("#accounts",))
    present = (await bot.in_channel("#accounts")).present
    assert [(person.nick, person.account) for person in present] == [("early", "presenter")]
    late = await people(network.port, "late")
    await late.join("#accounts")
    assert (await bot.until(Arrived)).sender.account is None
    await late.identify("alice", "alice-pass")
    assert (await bot.until(Renamed)).after.account == "alice"
    late.say("#accounts", "it is me")
    assert (await bot.until(Incoming)).sender.account == "alice"
    late.send("NICK later")
    assert (await bot.until(Renamed)).after.account == "alice"
    early.say("seer", "privately")
    assert (await bot.until(Incoming, channel=None)).sender.account == "presenter"
    late.say("NickServ", "LOGOUT")
    assert (await bot.until(Renamed)).after.account is None


async def test_a_stranger_in_private(network, make_bot, people):
    """Somebody in none of our channels has the account of the tag; without login, none."""
    bot = make_bot(network.port, nick="seer2")
    await bot.in_channel()
    stranger = await people(network.port, "stranger")
    stranger.say("seer2", "one")
    assert (await bot.until(Incoming)).sender.account is None
    await stranger.identify("alice", "alice-pass")
    stranger.say("seer2", "two")
    assert (await bot.until(Incoming)).sender.account == "alice"
    assert bot.door.find("stranger") is None


async def test_an_impostor_has_no_account(network, make_bot, people):
    """Whoever takes the presenter's nick does not have the presenter's account, nor what waits for
    the presenter."""
    presenter = await people(network.port, "professor")
    await presenter.identify("presenter", "presenter-pass")
    await presenter.join("#impostor")
    bot = make_bot(network.port, nick="seer3", channels=("#impostor",))
    await bot.in_channel("#impostor")
    presenter.send("QUIT :out")
    left = await bot.until(Left)
    assert (left.sender.account, left.last) == ("presenter", True)
    impostor = await people(network.port, "professor", source="127.0.0.6")
    await impostor.join("#impostor")
    assert (await bot.until(Arrived)).sender.account is None
    impostor.say("#impostor", "!next")
    assert (await bot.until(Incoming)).sender.account is None
    impostor.say("seer3", "!next")
    assert (await bot.until(Incoming, channel=None)).sender.account is None


async def test_history_is_not_obeyed(network, make_bot, people):
    """What a channel's history says again at our join is no new command."""
    owner = await people(network.port, "keeper")
    await owner.join("#history")
    owner.send("MODE #history +H 50:1h")
    owner.say("#history", "!lab debian")
    await owner.synced()
    reader = await people(network.port, "reader", caps="server-time batch")
    reader.send("JOIN #history")
    await reader.expect(":!lab debian$")  # the server does say it again
    bot = make_bot(network.port, nick="seer4", channels=("#history",))
    await bot.in_channel("#history")
    owner.say("#history", "fresh")
    await bot.until(Incoming, text="fresh")
    assert bot.heard() == [("keeper", "#history", "fresh")]


LONG = "x" * 400
DEADLY = 45  # such lines at once: ten are taken, the rest is more than the 10 KiB that may wait
FLOOD = 20


async def test_a_flood_at_once_is_a_kill(network, people):
    """The limits of this server are real: without a pace it ends the connection."""
    watcher = await people(network.port, "watcher", source="127.0.0.3")
    await watcher.join("#clumsy")
    clumsy = await people(network.port, "clumsy", source="127.0.0.1")
    await clumsy.join("#clumsy")
    for number in range(DEADLY):
        clumsy.say("#clumsy", f"{number} {LONG}")
    await watcher.expect("^:clumsy!.* QUIT :.*RecvQ exceeded")


async def test_a_paced_flood_is_no_kill(network, make_bot, people):
    """Lines that are put at once reach their target in order at the pace of bot.ini, and the bot stays."""
    bot = make_bot(network.port, nick="talker", channels=("#flood",), flood_burst=10, flood_interval=0.8)
    alice = await people(network.port, "listener", source="127.0.0.3")
    await alice.join("#flood")
    await bot.in_channel("#flood")
    for number in range(FLOOD):
        bot.door.send(Line("#flood", f"{number} {LONG}", ticket=number))
    await alice.expect(f":{FLOOD - 1} x", within=60)
    said = [line.split(" :")[1].split()[0] for line in alice.lines if "PRIVMSG #flood" in line]
    assert said == [str(number) for number in range(FLOOD)]
    assert {event.ticket for event in bot.events if isinstance(event, LineSent)} == set(range(FLOOD))
    assert bot.door.connected and sum(isinstance(event, ChannelMembers) for event in bot.events) == 1


async def test_a_channel_without_formatting_hears_every_line(network, make_bot, people):
    """In a channel that is +c (before we come, or later) lines are said without formatting codes, instead of being
    refused; once it is -c they have them again."""
    owner = await people(network.port, "strict", source="127.0.0.3")
    await owner.join("#strict")
    owner.send("MODE #strict +c")
    await owner.synced()
    bot = make_bot(network.port, nick="stylish", channels=("#strict",))
    await bot.in_channel("#strict")
    bot.door.send(Line("#strict", "\x02Step 1\x02: \x11id -Z\x11"))
    await owner.expect(":Step 1: id -Z$")
    for mode, number, shown in (("-c", 2, "\x02Step 2\x02"), ("+c", 3, "Step 3")):
        owner.send(f"MODE #strict {mode}")
        owner.say("#strict", f"it is {mode}")
        await bot.until(Incoming, text=f"it is {mode}")  # so it has heard of the mode before
        bot.door.send(Line("#strict", f"\x02Step {number}\x02"))
        await owner.expect(f":{shown}$")
