"""The questions of ``trainbot init``: asked one after the other, or answered by options."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from trainbot.core.zones import canonical, names
from trainbot.ops.init import answers as read
from trainbot.ops.init.answers import Answers


class Person(Protocol):
    """Who answers."""

    def ask(self, question: str, default: str | None) -> str:
        """What they typed, or ``default`` for nothing."""

    def secret(self, question: str) -> str:
        """What they typed, which is not shown."""

    def confirm(self, question: str, default: bool) -> bool: ...

    def say(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Question:
    """``option``: of the command line, without its dashes; ``default``: '' if there is none; ``take``: the answers with
    this one, ValueError if it is none."""

    option: str
    text: str
    default: Callable[[Answers], str]
    take: Callable[[Answers, str], Answers]


def _server(a: Answers, text: str) -> Answers:
    name, port = read.read_server(text)
    return replace(a, server=name, port=port or (read.TLS_PORT if a.tls else read.PLAIN_PORT))


def _tls(a: Answers, text: str) -> Answers:
    if text.strip().lower() not in ("yes", "y", "no", "n"):
        raise ValueError(f'"{text[:20]}" is neither yes nor no')
    tls = text.strip().lower()[0] == "y"
    usual = (read.PLAIN_PORT, read.TLS_PORT)
    return replace(a, tls=tls, port=usual[tls] if a.port == usual[not tls] else a.port)


def _plain(a: Answers) -> bool:
    """Whether nobody would expect TLS there."""
    return a.port == read.PLAIN_PORT or a.server in ("localhost", "127.0.0.1", "::1")


def _account(a: Answers, text: str) -> Answers:
    account = read.read_account(text)
    if account and not a.tls:
        raise ValueError("without TLS everybody on the way could read its password: type none, or begin again with TLS")
    return replace(a, account=account)


def _address(a: Answers, text: str) -> Answers:
    name, port = read.read_address(text)
    return replace(a, address=name, ssh_port=port or a.ssh_port)


NETWORK = (
    Question("server", "IRC server", lambda a: a.server, _server),
    Question(
        "tls",
        "TLS (yes or no)",
        lambda a: "no" if _plain(a) and not a.fingerprint else "yes",
        _tls,
    ),
    Question("nick", "The bot's nick", lambda a: a.nick, lambda a, text: replace(a, nick=read.read_nick(text))),
    Question(
        "channel",
        "Channel for classes, such as #selinux-class",
        lambda a: " ".join(a.channels),
        lambda a, text: replace(a, channels=read.read_channels(text)),
    ),
    Question(
        "organiser",
        "Organiser: your account, or a mask such as *!*@staff.example.org",
        lambda a: " ".join(rule.removeprefix("account:") for rule in a.organisers),
        lambda a, text: replace(a, organisers=read.read_organisers(text)),
    ),
)
ACCOUNT = Question(
    "account",
    "The bot's services account, or none",
    lambda a: a.account or "none",
    _account,
)
REST = (
    Question(
        "zone",
        "Time zones of your learners: cities, separated by commas",
        lambda a: system_zone(),
        lambda a, text: replace(a, zones=read.read_zones(text, datetime.now(UTC))),
    ),
    Question(
        "host",
        "Lab hosts: root@XENHOST, qemu+ssh://root@KVMHOST/system, here (this machine), or none",
        lambda a: "none",
        lambda a, text: replace(a, hosts=read.read_hosts(text)),
    ),
    Question(
        "address",
        "Where learners reach this machine with ssh: HOST or HOST:PORT",
        lambda a: f"{own_address()}:{a.ssh_port}",
        _address,
    ),
)
EVERY = (*NETWORK, ACCOUNT, *REST)


def take_options(options: Mapping[str, str], start: Answers) -> tuple[Answers, list[str]]:
    """The answers that the options give, and every fault in them."""
    answers, faults = start, []
    for question in EVERY:
        if question.option in options:
            try:
                answers = question.take(answers, options[question.option])
            except ValueError as error:
                faults.append(f"--{question.option}: {error}")
    return answers, faults


def missing(questions: tuple[Question, ...], answers: Answers, options: Mapping[str, str]) -> list[str]:
    """The options without which nothing can be written."""
    return [
        f"--{question.option} is missing: {question.text[0].lower()}{question.text[1:]}"
        for question in questions
        if question.option not in options and not question.default(answers)
    ]


def ask_all(
    questions: tuple[Question, ...], answers: Answers, options: Mapping[str, str], person: Person | None
) -> Answers:
    """Asks what the options leave open, each until the answer is right; without a person the defaults are taken."""
    for question in questions:
        if question.option not in options:
            answers = ask(question, answers, person)
    return answers


def ask(question: Question, answers: Answers, person: Person | None) -> Answers:
    default = question.default(answers)
    if person is None:
        return question.take(answers, default)
    while True:
        try:
            return question.take(answers, person.ask(question.text, default or None))
        except ValueError as error:
            person.say(f"  {error}")


def system_zone() -> str:
    """The time zone of this machine (TZ, or localtime(5)); UTC if it cannot be told."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if not named:
        named = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2]
    return canonical(named) if named in names() else "UTC"


def own_address() -> str:
    """The full name of this machine, else the address from which it reaches others, else localhost.  Sends nothing."""
    name = socket.getfqdn()
    if "." in name and not name.startswith("localhost"):
        return name
    for family, elsewhere, shape in ((socket.AF_INET, "192.0.2.1", "{}"), (socket.AF_INET6, "2001:db8::1", "[{}]")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((elsewhere, 9))
                found: Any = probe.getsockname()
                return shape.format(found[0])
        except OSError:
            continue
    return "localhost"
