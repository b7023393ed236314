"""``trainbot init`` on InspIRCd with Atheme or Anope: what it sees, and that what it says to type does what it is for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.doctor.conftest import Heard
from tests.ops.init.test_init import Person
from tests.peers.anope import AnopeNetwork
from tests.peers.client import Client
from tests.peers.inspircd import InspIrcd, network_with
from trainbot.config import load
from trainbot.images.build.progress_bar import Silent
from trainbot.ops.doctor.doctor import subjects
from trainbot.ops.doctor.examine import examine
from trainbot.ops.doctor.finding import Level
from trainbot.ops.doctor.here import LocalFacts
from trainbot.ops.init.init import Given, init

OLGA = "olgas-own"


@pytest.fixture(scope="module", params=["Atheme", "Anope"])
def services(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[InspIrcd, str]]:
    """A network, and what its services are."""
    kind = AnopeNetwork if request.param == "Anope" else None
    with network_with(tmp_path_factory.mktemp("network"), {"olga": OLGA}, kind) as server:
        yield server, request.param


@pytest.fixture
def network(services: tuple[InspIrcd, str]) -> InspIrcd:
    return services[0]


async def makes(folder: Path, given: Given, person: Person | None = None) -> list[str]:
    said: list[str] = []
    await asyncio.to_thread(init, folder / "bot.ini", given, person, said.append, lambda text: None)
    print(*said, sep="\n")
    return said


def options(network: InspIrcd, **more: str) -> dict[str, str]:
    where = {"server": f"127.0.0.1:{network.tls_port}", "tls": "yes", "channel": "#class", "organiser": "olga"}
    return {**where, "address": "lab.a.org", "zone": "UTC", "host": "none", "nick": "trainbot", **more}


async def types(client: Client, lines: list[str], who: str, **words: str) -> None:
    """Types the commands below that line into an IRC client; ``words`` are put in the place of names in capitals."""
    start = next(number for number, line in enumerate(lines) if line.strip().startswith(who))
    for line in lines[start + 1 :]:
        if not line.strip().startswith("/"):
            break
        for name, value in words.items():
            line = line.replace(name.replace("_", "-"), value)
        await client.synced()  # before, not after: services may answer the last line at once
        word, _, rest = line.strip().removeprefix("/").partition(" ")
        if word == "msg":
            client.say(*rest.split(" ", 1))
        else:
            client.send(f"{word.upper()} {rest}")


async def test_what_is_typed_gives_the_bot_its_account_and_its_rights(
    services: tuple[InspIrcd, str], tmp_path: Path
) -> None:
    """The account and the channel are registered, and the bot has voice, not more, as soon as it joins; doctor has nothing to
    complain of then.  A second look sees both."""
    network, name = services
    given = Given(options(network, account="trainbot"), fingerprint=network.fingerprint())
    said = await makes(tmp_path / "one", given)
    config = load(tmp_path / "one" / "bot.ini")
    assert config.irc.sasl[-1] == "plain" and config.irc.account == "trainbot" and config.require_account
    assert not [line for line in said if line.startswith("!")]
    assert any(f"with TLS, services: {name}, SASL, account trainbot is not registered yet" in line for line in said)
    password = (tmp_path / "one" / "secrets" / "irc").read_text().strip()
    assert password == config.irc.password.reveal() and password not in "\n".join(said)

    bot = await Client.connect(network.port, "trainbot2")
    await types(bot, said, "as the bot", PASSWORD=password, MAIL_ADDRESS="bot@a.org")
    await bot.expect(network.registered)
    olga = await Client.connect(network.port, "olga")
    await olga.identify("olga", OLGA)
    await types(olga, said, "as the owner of #class")
    await olga.synced()
    await bot.join("#class")
    await bot.expect(r"MODE #class \+\S*v\S* .*trainbot")
    await bot.close()
    heard = Heard(await examine(subjects(LocalFacts(config), ("irc",)), Silent()))
    assert heard.wrong == [] and heard.one("in #class, voiced", Level.OK)
    assert not [finding.line for finding in heard.found if "#class lets only" in finding.line]
    await olga.close()

    again = Given(options(network, account="trainbot"), password=password, fingerprint=network.fingerprint())
    said = await makes(tmp_path / "two", again)
    assert any("account trainbot exists" in line for line in said)
    assert not any("REGISTER" in line for line in said)


async def test_a_certificate_that_is_not_trusted(network: InspIrcd, tmp_path: Path) -> None:
    """It is shown with its SHA-256, and trusted only after a yes; without one the network is not seen, which is said."""
    person = Person("none")
    await makes(tmp_path / "yes", Given(options(network)), person)
    assert load(tmp_path / "yes" / "bot.ini").irc.tls_fingerprint == network.fingerprint()
    assert "Trust exactly this certificate?" in person.seen
    said = await makes(tmp_path / "no", Given(options(network)))
    assert load(tmp_path / "no" / "bot.ini").irc.tls_fingerprint == ""
    assert any("certificate is not trusted" in line for line in said)
    assert "! the network was not looked at, so what is to be typed there is a guess" in said


async def test_a_fingerprint_is_for_tls(network: InspIrcd, tmp_path: Path) -> None:
    """Whoever gives one connects with TLS, to this machine too."""
    wanted = options(network, account="none")
    del wanted["tls"]
    said = await makes(tmp_path, Given(wanted, fingerprint=network.fingerprint()))
    assert load(tmp_path / "bot.ini").irc.tls and any("reached with TLS" in line for line in said)


async def test_names_that_services_do_not_know(network: InspIrcd, tmp_path: Path) -> None:
    """An organiser who is spelt wrong is named."""
    given = Given(options(network, organiser="olgaa"), fingerprint=network.fingerprint())
    said = await makes(tmp_path, given)
    assert "! the organiser's account olgaa is not registered: is it spelt right?" in said


async def test_a_server_that_is_not_there(tmp_path: Path, network: InspIrcd) -> None:
    """bot.ini is written all the same, and the reason is said."""
    gone = {**options(network), "server": "127.0.0.1:1", "tls": "no"}
    said = await makes(tmp_path, Given(gone))
    assert any("127.0.0.1:1 could not be looked at: " in line for line in said)
    assert (tmp_path / "bot.ini").exists()
