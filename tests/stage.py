"""A bot without doors, for dialogs: ``talk("alice", "!lab debian")`` gives what she is told."""

from __future__ import annotations

import functools
import itertools
import sqlite3
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect

from trainbot.adapters.calendars.feed import where_of
from trainbot.adapters.db import Store
from trainbot.adapters.db.engine import COMMITS
from trainbot.adapters.db.migrate import revisions
from trainbot.adapters.db.tables import metadata
from trainbot.adapters.irc.connection_status import AccountSystem, ChannelMembership, ConnectionStatus
from trainbot.bot.events import Event, Outcome, Tick
from trainbot.bot.installation import SshAccess
from trainbot.bot.turn import Bot
from trainbot.bot.wiring import Wiring
from trainbot.bot.workers.calendar_writer import CalendarFiles
from trainbot.config import Config, load
from trainbot.core.clock import ClockStepped
from trainbot.core.messages import (
    ChannelMembers,
    Incoming,
    Left,
    Line,
    LineSent,
    Modes,
    Outgoing,
    Renamed,
    Sender,
    Topic,
)
from trainbot.gateway.routes import Route
from trainbot.model.disk_space import DiskUse
from trainbot.model.host import Domain, DomainState, HostLost, HostReport, HostUp, HostWorkDone, Mode
from trainbot.model.kept_files import DeleteKept, KeepFiles, RestoreFiles
from trainbot.model.lab import Lab, LabState, Lease
from trainbot.model.lab_events import CheckLogin, HostProbed, HostWork, LabBooted, LoginChecked, Probe, ProbeHost
from trainbot.model.lab_image import LabImage
from trainbot.model.ports import Installation
from trainbot.model.script_events import RunScript, ScriptEnded

START = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
CHANNEL = "#class"
INI = """
[irc]
channels = {channel}
nick = trainbot
tls = no
[store]
url = sqlite:///{folder}/trainbot.db
state = {folder}/state
[roles]
organiser = account:olga
presenter = account:russell
helper = account:hannah
require_account = {require_account}
[schedule]
folder = {folder}/schedules
zones = Australia/Melbourne Europe/Berlin America/New_York
[exercises]
folder = {folder}/exercises
[labs]
spare = {spare}
public_address = lab.example.org
[host.xen1]
uri = {uri}
labs = {labs}
[image.debian]
[image.centos]
[records]
folder = {folder}/public
log = {log}
"""
EXERCISE = {
    "index.json": """{"title": "SE Linux for beginners", "image": "debian", "details": {
      "intro": {"title": "Welcome", "text": "intro.md"},
      "steps": [{"title": "Look", "text": "1.md", "hints": ["Look *closer*.", "Say `getenforce`."],
                 "solution": "1-solution.md"}, {"title": "Change", "text": "2.md"}, {"title": "Check", "text": "3.md"}],
      "finish": {"title": "Well done", "text": "finish.md"}}}""",
    "intro.md": "What SE Linux *is*.",
    "1.md": "See which mode it is in:\n\n```\ngetenforce\n```\n\nIt says `Enforcing`.",
    "1-solution.md": "```\ngetenforce\n```",
    "2.md": "Allow it:\n\n```\nsetsebool -P squid_connect_any 1\n```",
    "3.md": "Look again.",
    "finish.md": "That was all.",
}


@functools.cache
def empty_database() -> bytes:
    """All tables, made once for all stages."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/trainbot.db")
        with store.transaction():
            metadata.create_all(store.connection)
            store.connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
            store.connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (revisions()[-1],))
        store.close()
        return (Path(folder) / "trainbot.db").read_bytes()


_compiled: dict[Any, Any] = {}


@functools.cache
def _dialect() -> Dialect:
    """One for all stages: what is compiled belongs to it."""
    return Store("sqlite:///:memory:").connection.dialect


def opened(url: str) -> Store:
    """The bot's store, without what would take half of a dialog's time: it waits for no disk (a stage never loses power),
    and queries that any stage of this process has compiled are not compiled again."""
    store = Store(url)
    database = store.connection.connection.dbapi_connection
    assert isinstance(database, sqlite3.Connection)
    database.execute("PRAGMA synchronous=OFF")
    store.connection.dialect = _dialect()
    store.connection.execution_options(compiled_cache=_compiled)
    return store


class Net:
    """The network as the chat door would know it."""

    nick = "trainbot"

    def __init__(self) -> None:
        self.people: dict[str, Sender] = {}
        self.channels: dict[str, set[str]] = {CHANNEL: set()}
        self.topics: dict[str, str] = {}
        self.modes: dict[str, str] = {}
        self.status = "o"
        self.account: str | None = None
        self.topic_octets = 380
        self.lost, self.lost_at = "", None
        self.accounts = AccountSystem.NICKSERV
        self.marks: set[tuple[str, str]] = set()  # (channel, nick) of who is voiced

    def fold(self, name: str) -> str:
        return name.lower()

    def members(self, channel: str) -> Sequence[Sender]:
        return [self.people[nick] for nick in sorted(self.channels.get(channel, ())) if nick in self.people]

    def holds(self, channel: str, nick: str) -> bool:
        return self.fold(nick) in self.channels.get(channel, ())

    def membership(self, channel: str) -> ChannelMembership:
        return ChannelMembership(
            True, self.status, self.modes.get(channel, "nt"), "", self.topics.get(channel, ""), self.topic_octets
        )

    def connection_status(self) -> ConnectionStatus:
        return ConnectionStatus(
            True,
            "",
            self.nick,
            self.account,
            "ngircd-26",
            "Testnet",
            channels={CHANNEL: self.membership(CHANNEL)},
            host="irc.example.org",
            lost=self.lost,
            lost_at=self.lost_at,
            accounts=self.accounts,
        )

    def marked(self, channel: str, nick: str) -> bool:
        return (channel, self.fold(nick)) in self.marks

    def carries_out(self, out: Outgoing) -> None:
        """As a server does, where we are operators."""
        if isinstance(out, Topic):
            self.topics[out.channel] = out.text
        elif isinstance(out, Modes) and not out.nicks and self.status:
            self.modes[out.channel] = "nt" + "m" * (out.change == "+m")
        elif isinstance(out, Modes) and self.status:
            changed = {(out.channel, self.fold(nick)) for nick in out.nicks}
            self.marks = self.marks | changed if out.change.startswith("+v") else self.marks - changed

    def find(self, nick: str) -> Sender | None:
        found = self.people.get(self.fold(nick))
        return found if any(self.fold(nick) in there for there in self.channels.values()) else None


class StageAccess(SshAccess):
    def fingerprint(self) -> str:
        return "SHA256:abc"


class NextPort:
    def free_port(self, taken: Collection[int]) -> int:
        return max(taken, default=20000) + 1


class Stage:
    """Everybody is in the channel; alice, bob, carol have accounts, as have the staff; ``stranger`` has none."""

    wiring_type: type[Wiring] = Wiring

    def __init__(
        self,
        folder: Path,
        *,
        labs: int = 5,
        spare: int = 0,
        require_account: str = "yes",
        log: str = "no",
        per_person: int = 1,
        images: Sequence[str] = ("debian",),
        uri: str = "xen:///system",
        channels: Sequence[str] = (CHANNEL,),
        talk: str = "",
        hosts: Sequence[str] = ("xen1",),
        included: bool = False,
    ) -> None:
        self.folder, self.now, self.images = folder, START, images
        self.host_boots = True  # labs that were made come to speak ssh
        self.tests_only = uri.startswith("test:")  # libvirt's test driver: domains that run nothing
        (folder / "schedules").mkdir(parents=True, exist_ok=True)
        exercise = folder / "exercises" / "selinux"
        exercise.mkdir(parents=True, exist_ok=True)
        for name, text in EXERCISE.items():
            (exercise / name).write_text(text)
        ini = folder / "bot.ini"
        ini.write_text(
            INI.format(
                folder=folder,
                channel=" ".join(channels),
                labs=labs,
                spare=spare,
                log=log,
                uri=uri,
                require_account=require_account,
            )
            + (f"[channel.{CHANNEL}]\ntalk = {talk}\n" if talk else "")
        )
        self.config: Config = load(ini)
        if not included:  # the exercises that come with trainbot: reading them takes time
            self.config = replace(self.config, exercises=replace(self.config.exercises, included=None))
        self.config = replace(self.config, labs=replace(self.config.labs, per_person=per_person))
        self.net = Net()
        self.net.channels.update({channel: set() for channel in channels})
        self.said: list[Outgoing] = []  # all that the last turn said, as it went to the door
        first = self.config.hosts[0]
        self.config = replace(self.config, hosts=tuple(replace(first, name=name) for name in hosts))
        self.hosts: dict[str, dict[str, Domain]] = {host.name: {} for host in self.config.hosts}
        self.works = itertools.count()
        self.began: list[HostWork | Probe | ProbeHost] = []
        self.scripts: list[RunScript] = []  # begun in labs, and not ended
        self.files: list[KeepFiles | RestoreFiles] = []  # own files that are being kept or restored
        self.deleted_but: frozenset[int] = frozenset()  # the kept archives that were not deleted last
        (folder / "trainbot.db").write_bytes(empty_database())
        self.store = opened(self.config.store.url)
        for name in ("alice", "bob", "carol", "russell", "olga", "hannah"):
            self.join(name, account=name)
        self.join("stranger")
        self.start()

    def start(self) -> None:
        """A bot as it is after a start (again): only the store remembers."""
        image = LabImage(
            "",
            Path("/i/disk.img"),
            Path("/i/vmlinuz"),
            Path("/i/initrd"),
            "root=LABEL=debian",
            {Mode.ENFORCING: "enforcing=1", Mode.PERMISSIVE: "enforcing=0"},
            384,
            1,
            "root",
            "ssh-ed25519 AAAA",
        )
        self.pepper = b"p" * 32
        access = StageAccess(
            2222, self.config.labs.public_address, self.config.require_account, self.folder, self.pepper
        )
        images = {name: replace(image, name=name) for name in self.images}
        unready = {"centos": "the centos image is not there yet"}
        installation = Installation("owner", access, NextPort(), images, unready)
        self.bot = Bot(self.wiring_type(self.config, self.store, self.net, installation))
        self.press = CalendarFiles(where_of(self.config, "owner"), self.config.schedule, self.config.records.folder)

    @property
    def wiring(self) -> Wiring:
        return self.bot.wiring

    def restart(self) -> list[tuple[str, str]]:
        """kill -9 and a new process: a new bot on the same file, and a roll call of who is there."""
        self.store.close()
        self.store = opened(self.config.store.url)
        self.began, self.scripts, self.files = [], [], []
        self.start()
        return self.happens(
            *(ChannelMembers(channel, tuple(self.net.members(channel)), self.now) for channel in self.net.channels)
        )

    def change_ini(self, more: str) -> None:
        """A bot with these sections besides, started again."""
        ini = self.folder / "bot.ini"
        ini.write_text(ini.read_text() + more)
        self.config = replace(
            load(ini), labs=self.config.labs, hosts=self.config.hosts, exercises=self.config.exercises
        )
        self.restart()

    # -- people ------------------------------------------------------------------------------------

    def join(self, nick: str, *, account: str | None = None, host: str = "example.net") -> None:
        self.net.people[nick.lower()] = Sender(nick, nick.lower(), host, account)
        self.net.channels[CHANNEL].add(nick.lower())

    def enter(self, nick: str, channel: str) -> None:
        self.net.channels[channel].add(nick.lower())

    def leave(self, nick: str) -> None:
        for there in self.net.channels.values():
            there.discard(nick.lower())
        self.net.marks = {mark for mark in self.net.marks if mark[1] != nick.lower()}
        sender = self.net.people.pop(nick.lower())
        self.happens(Left(sender, None, True, self.now))

    def rename(self, nick: str, new: str, *, account: str | None = None) -> None:
        before = self.net.people.pop(nick.lower())
        after = replace(before, nick=new, account=account or before.account)
        self.net.people[new.lower()] = after
        self.net.marks = {(channel, new.lower() if who == nick.lower() else who) for channel, who in self.net.marks}
        for there in self.net.channels.values():
            if nick.lower() in there:
                there.remove(nick.lower())
                there.add(new.lower())
        self.happens(Renamed(before, after, self.now))

    # -- what happens --------------------------------------------------------------------------------

    def turn(self, *events: Event) -> Outcome:
        outcome = self.bot.turn(list(events), self.now)
        self.began += [work for work in outcome.work if isinstance(work, HostWork | Probe | CheckLogin | ProbeHost)]
        self.files += [work for work in outcome.work if isinstance(work, KeepFiles | RestoreFiles)]
        for work in outcome.work:
            self.deleted_but = work.but if isinstance(work, DeleteKept) else self.deleted_but
        self.scripts += [work for work in outcome.work if isinstance(work, RunScript)]
        for out in outcome.say:
            self.net.carries_out(out)
        if outcome.publish is not None:
            with self.store.transaction():
                published = self.press.published(self.wiring.sessions.session_store, outcome.publish.at)
            self.turn(published)
        return outcome

    def happens(self, *events: Event) -> list[tuple[str, str]]:
        """(target, text) of what is said; whatever had a ticket counts as said."""
        said: list[Outgoing] = []
        while events:
            more = self.turn(*events).say
            events = tuple(
                LineSent(line.ticket, self.now) for line in more if isinstance(line, Line) and line.ticket is not None
            )
            said += more
        self.said = said
        return [
            (line.target, plain(text))
            for line in said
            if isinstance(line, Line)
            for text in (line.text, line.command)
            if text
        ]

    def dump(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table but the count of transactions: what a command that failed must not have changed."""
        with self.store.transaction():
            return {
                table.name: [tuple(row) for row in self.store.connection.execute(table.select()) if row[0] != COMMITS]
                for table in metadata.sorted_tables
            }

    def labs(self) -> list[Lab]:
        """Those that are alive."""
        with self.store.transaction():
            return self.store.labs.alive()

    def leases(self) -> list[Lease]:
        """Those that are open."""
        with self.store.transaction():
            return self.store.leases.open()

    def name_of(self, person: int) -> str:
        with self.store.transaction():
            return self.store.people.get(person).nick

    def schedule(self, name: str, text: str) -> None:
        (self.folder / "schedules" / name).write_text(text)

    def hear(self, nick: str, text: str, channel: str | None = CHANNEL) -> list[tuple[str, str]]:
        """All that is said when ``nick`` says this."""
        return self.happens(Incoming(self.net.people[nick.lower()], channel, text, self.now))

    def talk(self, nick: str, text: str, channel: str | None = CHANNEL) -> list[str]:
        """The texts alone."""
        return [line for _target, line in self.hear(nick, text, channel)]

    def use_key(self, nick: str, key: str) -> None:
        """Saves a key of theirs, which they have signed with."""
        self.whisper(nick, f"key {key}")
        with self.store.transaction():
            self.store.people.keys.change({"key": key}, proven=True)
        self.turn()

    def whisper(self, nick: str, text: str) -> list[str]:
        return self.talk(nick, text, channel=None)

    def wait(self, **span: float) -> list[tuple[str, str]]:
        self.now += timedelta(**span)
        return self.happens(Tick())

    def set_clock(self, **by: float) -> list[tuple[str, str]]:
        """Somebody sets the machine's clock: no time passes."""
        self.now += timedelta(**by)
        return self.happens(ClockStepped(timedelta(**by)), Tick())

    # -- hosts ---------------------------------------------------------------------------------------

    def host_up(self, name: str = "xen1", free: int = 8192) -> list[tuple[str, str]]:
        return self.happens(HostUp(HostReport(name, tuple(self.hosts[name].values()), 16384, free, 4)))

    def crowd(self, labs: int) -> None:
        """As many labs, spread over the hosts, which know them; each belongs to somebody of its own."""
        names = list(self.hosts)
        with self.store.transaction():
            for number in range(labs):
                self._lent(number, names[number % len(names)], number // len(names) + 1)

    def _lent(self, number: int, host: str, slot: int) -> None:
        id = f"{number:08}-0000-4000-8000-000000000000"
        name = f"tb-debian-{id[:8]}"
        self.store.labs.add(
            id=id,
            name=name,
            image="debian",
            mode=Mode.ENFORCING,
            host=host,
            state=LabState.READY,
            port=0,
            address="10.0.0.1",
            ssh_port=22,
            tries=0,
            fault="",
            made_at=START,
            state_at=START,
            slot=slot,
            run="1",
            checked_at=START,
        )
        nick = f"l{number}"
        person = self.store.people.add(account=nick, nick=nick, zone="", in_view=True, seen_at=START)
        self.store.leases.add(
            person_id=person,
            image="debian",
            mode=Mode.ENFORCING,
            lab_id=id,
            digest="x",
            asked_at=START,
            expires_at=START.replace(hour=20),
            ended_why="",
        )
        self.hosts[host][id] = Domain(id, name, DomainState.RUNNING, ("10.0.0.1", 22), "1", DiskUse(10240, 500))

    def listens(self, *silent: str, seconds: int = 7, **how: bool) -> list[tuple[str, str]]:
        """Hosts that are missed are listened to for so long: those that are ``silent`` answer nothing (or what ``how`` of
        HostProbed says), all others do."""
        said = []
        for _ in range(seconds):
            said += self.wait(seconds=1)
            asked = [item for item in self.began if isinstance(item, ProbeHost)]
            self.began = [item for item in self.began if not isinstance(item, ProbeHost)]
            for item in sorted(asked, key=lambda item: item.host in silent):
                told = HostProbed(item.host, False, **how) if item.host in silent else HostProbed(item.host, True)
                said += self.happens(told)
        return said

    def loses(self, *names: str) -> list[tuple[str, str]]:
        """Hosts go silent and stay so; what is said until they count as lost."""
        said = self.happens(*(HostLost(name, "keepalive") for name in names))
        return said + self.listens(*names) + self.wait(seconds=1)

    def hosts_work(self) -> list[tuple[str, str]]:
        """Does all that hosts were asked to do, until nothing is left; what was said meanwhile."""
        said = []
        while self.began:
            work, self.began = self.began, []
            for item in work:
                if isinstance(item, Probe):
                    said += self.happens(LabBooted(item.lab)) if self.host_boots else []
                    continue
                if isinstance(item, CheckLogin):
                    said += self.happens(LoginChecked(item.lab))
                if isinstance(item, ProbeHost | CheckLogin):
                    continue
                domains = self.hosts[item.host]
                if item.action == "destroy":
                    domains.pop(item.lab, None)
                elif item.spec is not None:
                    address = None if self.tests_only else ("127.0.0.1", 20000)
                    domains[item.lab] = Domain(item.lab, item.spec.name, DomainState.RUNNING, address)
                said += self.happens(HostWorkDone(item.host, item.lab, item.action, domains.get(item.lab)))
        return said

    def labs_run(
        self, exit: int | None = 0, said: str = "", slow: bool = False
    ) -> tuple[list[str], list[tuple[str, str]]]:
        """The scripts that run in labs now end so: their texts, and what is said then."""
        ended, self.scripts = self.scripts, []
        return (
            [script.stdin.strip() for script in ended],
            self.happens(*(ScriptEnded(script.play, exit, said, slow) for script in ended)) if ended else [],
        )

    def routes(self) -> list[Route]:
        """Who gets where, as the gateway is told."""
        with self.store.transaction():
            return self.wiring.gateway.routes()


def plain(text: str) -> str:
    """Without IRC's formatting codes."""
    return "".join(c for c in text if c not in "\x02\x0f\x11\x1d\x1f\x16")
