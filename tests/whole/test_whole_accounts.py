"""A network with accounts: InspIRCd and Atheme, over TLS, with the bot as an operator runs it."""

from __future__ import annotations

import base64
import signal

import pytest

from tests.whole.running import CHANNEL, NICK


@pytest.fixture
def bot(network, make_bot, accounts):
    """On TLS with the network's own CA, logged in by SASL PLAIN; roles by account."""
    secret = network.folder / "bot.password"
    secret.write_text(accounts["trainbot"] + "\n")
    return make_bot(
        network.tls_port,
        irc={
            "server": "localhost",
            "tls": "yes",
            "tls_ca_file": network.ca,
            "sasl": "plain",
            "account": "trainbot",
            "password_file": secret,
            "flood_burst": 5,
            "flood_interval": 0.5,
        },
        roles={
            "organiser": "account:russell",
            "presenter": "account:russell",
            "helper": None,
            "require_account": "yes",
        },
    )


async def test_accounts_decide_and_nicks_do_not(network, bot, people, accounts):
    """The bot is logged in over TLS; the presenter is known by account; who takes the presenter's nick gets
    nothing; a learner needs an account for a lab, and keeps the lab under another nick and another connection."""
    alice = await people(network.port, "alice_", source="127.0.0.4")
    russell = await people(network.port, "russell", source="127.0.0.4")
    await russell.identify("russell", accounts["russell"])
    await bot.arrive(alice, "-vv")
    alice.send(f"WHOIS {NICK}")
    await alice.expect(rf" (671|320) \S+ {NICK} .*secure")
    await alice.expect(rf" 330 \S+ {NICK} trainbot ")
    await bot.logs("host xen1 answers")
    await russell.ask("!start", "begins, with russell", CHANNEL)

    await alice.ask("!lab debian", "/msg NickServ IDENTIFY PASSWORD logs you in, .*REGISTER", "")
    assert bot.rows("select count(*) from lease") == [(0,)]
    await alice.identify("alice", accounts["alice"])
    line = await alice.ask("!lab debian", "your debian lab: password (\\S+)", "")
    assert "claim" not in line[0]
    lease = bot.rows("select id, lab_id, person_id from lease where ended_at is null")
    alice.send("NICK alice_2")
    await alice.expect("NICK :?alice_2")
    alice.nick = "alice_2"
    await alice.ask("!lab", "debian .* left", "")
    again = await people(network.port, "elsewhere", source="127.0.0.4")
    await again.identify("alice", accounts["alice"])
    await again.ask("!lab debian", "your debian lab: password", "")
    assert bot.rows("select id, lab_id, person_id from lease where ended_at is null") == lease

    russell.send("QUIT :bye")
    await alice.expect("^:russell!.* QUIT")
    impostor = await people(network.port, "russell", source="127.0.0.4")
    for command in ("!next", "!end", "!hosts", "!take", "!yes"):
        await impostor.ask(command, "is for|nothing to confirm", None)
    await impostor.whisper("#class !goto 3", "is for presenters")
    assert bot.rows("select step, ended_at from class") == [(0, None)]
    sasl = base64.b64encode(f"trainbot\0trainbot\0{accounts['trainbot']}".encode()).decode()
    assert bot.leaks(*accounts.values(), sasl, line[1]) == []


async def test_a_wrong_password_is_no_reason_to_come_without_it(network, bot, people, accounts):
    """Refused by SASL, the bot never joins: it says why, tries once more, and waits for another bot.ini: with that it comes."""
    bot.change(irc={"password_file": None, "password": "guessed"})
    watcher = await people(network.port, "watcher", source="127.0.0.4")
    await bot.start()
    await bot.logs("no IRC connection to localhost .*SASL login refused.*next try in")
    await bot.logs("refuses the bot: SASL login refused.*not trying again until bot.ini changes")
    await watcher.synced()
    assert not [line for line in watcher.lines if f":{NICK}!" in line]
    assert bot.leaks("guessed") == []
    checked = await bot.shell("lab", "list")
    assert checked.code == 0, checked
    bot.change(irc={"password": accounts["trainbot"]})
    bot.process.send_signal(signal.SIGHUP)
    await watcher.bot_joins()


async def test_a_server_that_nobody_vouches_for_is_refused(network, bot):
    """A certificate of an unknown CA ends the try before a password is said."""
    bot.change(irc={"tls_ca_file": None})
    await bot.start()
    await bot.logs("no IRC connection to localhost .*certificate.*next try in")
