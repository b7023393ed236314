"""Looks at the network that the answers name, and asks what to do if that fails."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Callable
from dataclasses import replace

from trainbot.adapters.irc.connect_errors import in_words
from trainbot.adapters.irc.network_look import NetworkFacts, look
from trainbot.core.errors import BackendError
from trainbot.model.config import IrcConfig
from trainbot.ops.init import questions
from trainbot.ops.init.answers import Answers, accounts_in
from trainbot.ops.init.questions import NETWORK, Person

SERVER, TLS = NETWORK[:2]


def looked(
    answers: Answers, account: str, person: Person | None, say: Callable[[str], None], progress: Callable[[str], None]
) -> tuple[Answers, NetworkFacts | None]:
    """The answers, with another server or a pinned certificate if the person wanted that, and what was seen; None if the
    network was not.  ``account``: the name that the bot's account will have."""
    while True:
        asked = tuple(dict.fromkeys((account, *accounts_in(answers.organisers), *answers.channels)))
        config = IrcConfig(answers.server, answers.port, tls=answers.tls, tls_fingerprint=answers.fingerprint)
        try:
            facts = asyncio.run(look(config, asked, progress))
        except (OSError, BackendError) as error:
            why = in_words(error) if isinstance(error, OSError) else str(error)
            say(f"! {answers.server}:{answers.port} could not be looked at: {why}")
            if person is None:
                return answers, None
            if isinstance(error, ssl.SSLCertVerificationError) and (pin := _certificate(answers)):
                say(
                    f"  The SHA-256 of its certificate is {pin}. Ask the people who run the server whether that is right."
                )
                if person.confirm("Trust exactly this certificate?", False):
                    answers = replace(answers, fingerprint=pin)
                    continue
            if person.confirm("Go on without having seen the network?", True):
                return answers, None
            answers = questions.ask(TLS, questions.ask(SERVER, answers, person), person)
            continue
        say(_seen(facts, answers, account))
        return answers, facts


def _seen(facts: NetworkFacts, answers: Answers, account: str) -> str:
    """One line about the network."""
    parts = [f"{facts.network or answers.server}: reached{' with TLS' if answers.tls else ''}"]
    parts.append(f"services: {facts.services}" if facts.services else "no services, so nobody has an account")
    if facts.services:
        parts.append("SASL" if facts.sasl != () else "no SASL")
    if account in facts.registered and facts.services:
        parts.append(f"account {account} {'exists' if facts.registered[account] else 'is not registered yet'}")
    return "  " + ", ".join(parts)


def doubts(facts: NetworkFacts | None, answers: Answers) -> list[str]:
    """What may be wrong, or was not seen."""
    if facts is None:
        return ["the network was not looked at, so what is to be typed there is a guess"]
    if not facts.services:
        return [
            f"this network has no services now, so the organiser account {name} proves nothing: give a mask (NICK!USER@HOST)"
            for name in accounts_in(answers.organisers)
        ]
    return [
        f"the organiser's account {name} is not registered: is it spelt right?"
        for name in accounts_in(answers.organisers)
        if facts.registered.get(name) is False
    ]


def _certificate(answers: Answers) -> str:
    """The SHA-256 of the server's certificate, '' if it cannot be had."""
    try:
        pem = ssl.get_server_certificate((answers.server, answers.port), timeout=10)
    except OSError:
        return ""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
