"""ChanServ does for the bot what the bot may not do itself, on Atheme and on Anope, with the rights of docs/operating.md."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adapters.irc.conftest import PASSWORDS, login, secret
from tests.peers.anope import AnopeNetwork
from tests.peers.inspircd import InspIrcd, network_with
from trainbot.core.messages import AskChanServ, Topic

LOCKS = {"+VirotA": "SET #topic TOPICLOCK ON", "+Viuot": "TOPIC #topic LOCK"}
RIGHTS = {"atheme": "+VirotA", "anope": "+Viuot"}  # docs/operating.md


@pytest.fixture(scope="module", params=list(RIGHTS))
def services(request, tmp_path_factory) -> Iterator[tuple[InspIrcd, str]]:
    """A network, and the rights that the bot gets in a channel."""
    kind = AnopeNetwork if request.param == "anope" else None
    accounts = {account: password.replace(" ", "_") for account, password in PASSWORDS.items()}
    with network_with(tmp_path_factory.mktemp(request.param), accounts, kind) as server:
        yield server, RIGHTS[request.param]


async def owned(network, people, channel, rights=""):
    """A channel that belongs to somebody, where the bot's account has these rights."""
    owner = await people(network.port, f"o{channel[1:]}", source="127.0.0.3")
    await owner.identify("presenter", secret("presenter").reveal())
    await owner.join(channel)
    owner.say("ChanServ", f"REGISTER {channel} class")
    await owner.expect("(?i)NOTICE .*registered")
    owner.send(f"MODE {channel} +nt")
    await owner.synced()
    if rights:
        owner.say("ChanServ", f"FLAGS {channel} trainbot {rights}")
        await owner.expect("(?i)NOTICE .*(flags|access).* set|NOTICE .*[+]V")
    return owner


async def test_chanserv_sets_the_topic(services, make_bot, people):
    """Also where only services may change it (TOPICLOCK); as it was asked, in one line, whatever the bot speaks with."""
    network, rights = services
    owner = await owned(network, people, "#topic", rights.replace("o", "") if "A" in rights else "+Vit")
    owner.say("ChanServ", LOCKS[rights])
    await owner.expect("(?i)NOTICE .*topic ?lock")
    bot = make_bot(network.tls_port, nick="setter", channels=("#topic",), notice=True, **login(network))
    await bot.in_channel("#topic")
    text = "Welcome | next: SE Linux for all, Sat 5 Dec 08:00 UTC | !sessions"
    bot.door.send(AskChanServ("#topic", "TOPIC", text))
    heard = await owner.expect(r"^:(\S+) TOPIC #topic :(.*)$")
    assert heard[2] == text
    assert bot.door.account == "trainbot"
    bot.door.send(AskChanServ("#topic", "TOPIC", "x" * 300))
    assert set((await owner.expect(r" TOPIC #topic :(x.*)$"))[1]) == {"x"}


async def test_chanserv_makes_it_an_operator(services, make_bot, people):
    """OP, after which it may set the topic itself."""
    network, rights = services
    owner = await owned(network, people, "#op", rights.replace("O", ""))
    bot = make_bot(network.tls_port, nick="asker", channels=("#op",), **login(network))
    await bot.in_channel("#op")
    bot.door.send(AskChanServ("#op", "OP"))
    await owner.expect(r"MODE #op \S*o\S* .*asker")
    bot.door.send(Topic("#op", "set by itself"))
    assert (await owner.expect(r"^:(asker)!\S+ TOPIC #op :(.*)$"))[2] == "set by itself"


async def test_without_rights_nothing_happens(services, make_bot, people):
    """ChanServ refuses, and nothing of it reaches the channel."""
    network, _rights = services
    owner = await owned(network, people, "#norights")
    bot = make_bot(network.tls_port, nick="nobody", channels=("#norights",), **login(network))
    await bot.in_channel("#norights")
    for request, text in (("TOPIC", "mine"), ("OP", "")):
        bot.door.send(AskChanServ("#norights", request, text))
    owner.send("TOPIC #norights :theirs")
    assert (await owner.expect(r" TOPIC #norights :(.*)$"))[1] == "theirs"
    assert "o" not in bot.door.membership("#norights").status
