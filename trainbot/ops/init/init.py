"""``trainbot init``: asks or takes options, looks at the network, writes bot.ini and its folders, and says what comes next.

Without a network it works all the same: what could not be looked at is assumed, and said."""

from __future__ import annotations

import os
import secrets
import shlex
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trainbot.adapters.irc.network_look import NetworkFacts
from trainbot.config import load
from trainbot.config.irc_login import SASL_MECHANISMS
from trainbot.core.errors import ConfigError
from trainbot.model.shell_commands import ROW, ssh_command
from trainbot.ops.init import files, questions
from trainbot.ops.init.answers import NONE, Answers, accounts_in, plain, read_fingerprint, values_of
from trainbot.ops.init.network import doubts, looked
from trainbot.ops.init.questions import ACCOUNT, NETWORK, REST, Person
from trainbot.ops.init.services_lines import services_lines
from trainbot.ops.init.template import filled

PASSWORDS = ("scram-sha-256", "plain")  # mechanisms with a password, best first
LAB_MIB, KEPT_MIB, MOST_HERE = 512, 2048, 8  # memory of a lab with its emulator, and for all else on this machine


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says.  ``options``: by their name; ``password``: the bot's, '' to ask or to make one;
    ``password_file``: bot.ini names it; ``offline``: the network is not looked at."""

    options: Mapping[str, str]
    password: str = ""
    password_file: Path | None = None
    fingerprint: str = ""
    offline: bool = False


def init(
    path: Path, given: Given, person: Person | None, say: Callable[[str], None], progress: Callable[[str], None]
) -> None:
    """``person``: who answers; None takes the default of everything that the options leave open.  ConfigError names every
    fault of the options, and if bot.ini exists."""
    place = files.place_for(path)
    answers, faults = questions.take_options(given.options, Answers())
    if given.fingerprint:
        try:
            answers = replace(answers, fingerprint=read_fingerprint(given.fingerprint))
        except ValueError as error:
            faults.append(f"--tls-fingerprint: {error}")
    if person is None:
        faults += questions.missing((*NETWORK, ACCOUNT, *REST), answers, given.options)
    faults += _password_faults(given, place)
    if faults:
        raise ConfigError(faults)
    if not given.password and given.password_file is None and place.password.exists():
        given = replace(given, password_file=place.password)
    if person is not None:
        person.say("Enter takes what is in [brackets]. Nothing is written before the end.")
    answers = questions.ask_all(NETWORK, answers, given.options, person)
    facts = None
    if not given.offline:
        account = given.options.get("account", "none")
        answers, facts = looked(answers, answers.nick if account in NONE else account, person, say, progress)
    if facts is not None and not facts.services and "organiser" not in given.options and person is not None:
        while accounts_in(answers.organisers):
            person.say(
                "  this network has no services, so nobody has an account: give a mask, such as *!*@staff.example.org"
            )
            answers = questions.ask(NETWORK[-1], replace(answers, organisers=()), person)
    answers = _account(answers, given, facts, person)
    password = _password(answers, given, person)
    answers = questions.ask_all(REST, answers, given.options, person)
    accounts = facts is None or bool(facts.services)
    login = _login(answers, given, facts)
    values = values_of(answers, login, accounts=accounts, labs_here=_labs_here(), kvm=os.access("/dev/kvm", os.W_OK))
    text = filled(place.template, values)
    _proof(place, text, password)
    if password:
        files.write_password(place, password)
    files.write_ini(place, text)
    config = load(place.path)
    made = [] if place.like is not None else files.make_folders(config)  # the package has made them
    folders = [str(folder.relative_to(place.path.resolve().parent)) for folder in made]
    say(f"wrote {place.path}" + (f" and the folders {', '.join(folders)}" if folders else ""))
    for line in next_steps(answers, facts, place, bool(password) and not given.password):
        say(line)


def _password_faults(given: Given, place: files.Place) -> list[str]:
    if given.password_file is not None and not given.password_file.is_file():
        return [f"--password-file: there is no file {given.password_file}"]
    if given.password and place.password.exists():
        return [f"{place.password} exists, and is not changed: use it with --password-file {place.password}"]
    return []


# -- the bot's account -------------------------------------------------------------------------------


def _account(answers: Answers, given: Given, facts: NetworkFacts | None, person: Person | None) -> Answers:
    if "account" in given.options or (facts is not None and not facts.services):
        return answers
    wanted = bool(given.password or given.password_file) or (answers.tls and person is not None)
    return questions.ask(ACCOUNT, replace(answers, account=answers.nick if wanted else ""), person)


def _password(answers: Answers, given: Given, person: Person | None) -> str:
    """The password to write into a file of its own; '' if there is no account, or the file is there."""
    if not answers.account or given.password_file is not None:
        return ""
    if given.password or person is None:
        return given.password or secrets.token_urlsafe(18)
    while True:
        typed = person.secret(f"Password of {answers.account} (not shown; Enter makes a new one for a new account)")
        try:
            if " " in plain(typed):
                raise ValueError("a services password contains no spaces")
        except ValueError as error:
            person.say("  a password without spaces and control characters, please" if typed else f"  {error}")
            continue
        return typed or secrets.token_urlsafe(18)


def _login(answers: Answers, given: Given, facts: NetworkFacts | None) -> dict[str, str]:
    """The options of [irc] for the bot's account."""
    if not answers.account:
        return {}
    file = given.password_file.resolve() if given.password_file is not None else files.PASSWORD
    named = {"account": answers.account, "password_file": str(file)}
    if facts is not None and facts.sasl == ():
        return {"nickserv": "yes", **named}
    offered = PASSWORDS if facts is None or facts.sasl is None else [name for name in PASSWORDS if name in facts.sasl]
    assert set(PASSWORDS) <= set(SASL_MECHANISMS)
    return {"sasl": " ".join(offered or PASSWORDS), **named}


# -- the end -----------------------------------------------------------------------------------------


def _proof(place: files.Place, text: str, password: str) -> None:
    """ConfigError with every fault that the bot would find in this bot.ini, before anything is written in its place."""
    with tempfile.TemporaryDirectory(prefix="trainbot-init-") as folder:
        draft = Path(folder) / "bot.ini"
        draft.write_text(text, encoding="utf-8")
        draft.chmod(0o600)
        if password:
            (draft.parent / files.PASSWORD).parent.mkdir(mode=0o700)
            (draft.parent / files.PASSWORD).write_text("x\n")
        try:
            load(draft)
        except ConfigError as error:
            raise ConfigError([problem.replace(folder, str(place.path.parent)) for problem in error.problems]) from None


def _labs_here() -> int:
    """How many labs this machine's memory holds."""
    mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return max(1, min(MOST_HERE, (mib - KEPT_MIB) // LAB_MIB))


def next_steps(answers: Answers, facts: NetworkFacts | None, place: files.Place, new_password: bool) -> list[str]:
    """What may be wrong, and what to type next: on the network and here."""
    lines = [f"! {doubt}" for doubt in doubts(facts, answers)]
    command = ssh_command(answers.ssh_port, answers.address, "debian")
    if len(command) > ROW:
        lines.append(
            f"! {command} does not fit a row of an IRC client with 80 columns: a shorter name is easier to paste"
        )
    typed = services_lines(answers, facts, str(place.password) if new_password else "")
    lines += ["On the network, once:", *(f"  {line}" for line in typed)] if typed else []
    packaged = place.like is not None
    option = "" if packaged or place.path == Path("bot.ini") else f" -c {shlex.quote(str(place.path))}"
    run = "runuser -u trainbot -- trainbot" if packaged else "trainbot"
    lines += ["Then, here:", f"  {run} check{option}"]
    if answers.hosts:
        lines.append(f"  {run} image build debian{option}")
        lines += [f"  {run} host prepare {host.name}{option}" for host in answers.hosts if not host.here]
    start = "systemctl enable --now trainbot-gateway trainbot" if packaged else f"trainbot run{option}"
    return [*lines, f"  {run} doctor{option}", f"  {start}"]
