"""An installation, and copies of it made by a sender that a test directs."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trainbot.adapters.copies import wire
from trainbot.adapters.copies.sources import environment, sources
from trainbot.adapters.db.migrate import revisions
from trainbot.adapters.db.opening import open_store
from trainbot.config import load
from trainbot.model.copies import CopiedFile, Manifest
from trainbot.ops.copies.receive import Receiver

OWNER = "5c1d2f6e-0000-4000-8000-000000000001"
INI = """\
; the class of May
[irc]
server = 127.0.0.1
tls = no
channels = #class
nick = trainbot

[labs]
public_address = lab.example.net ; people type this

[exercises]
folder = exercises

[schedule]
folder = schedules

[gateway]
lab_key = keys/lab_key
"""


class Sender:
    """The first machine, in ``folder``; its copies go to ``copies``."""

    def __init__(self, folder: Path, copies: Path) -> None:
        self.folder, self.copies = folder, copies
        for name in ("state", "exercises/one", "schedules", "keys"):
            (folder / name).mkdir(parents=True)
        self.ini = folder / "bot.ini"
        self.ini.write_text(INI)
        (folder / "exercises" / "one" / "text.md").write_text("# One\n")
        (folder / "schedules" / "course.toml").write_text("# none yet\n")
        (folder / "keys" / "lab_key").write_text("secret of the labs\n")
        for name in ("pepper", "gateway_host_key", "known_hosts", "gateway.log", "gateway.lock", "routes.json"):
            (folder / "state" / name).write_text(f"{name} of the first machine\n")
        (folder / "state" / "images").mkdir()
        (folder / "state" / "images" / "disk.img").write_text("not copied\n")
        self.store = open_store(self.config.store.url, self.config.store.state)
        self.tail = self.store.follow()
        self.epoch, self.owner, self.program = 1, OWNER, "0.1.0-test"
        self.note("owner", OWNER)

    @property
    def config(self):
        return load(self.ini)

    def note(self, name: str, text: str) -> None:
        with self.store.transaction():
            self.store.settings.set(name, text)

    def hello(self) -> bytes:
        return wire.line(
            {
                "kind": "hello",
                "installation": self.owner,
                "epoch": self.epoch,
                "program": self.program,
                "at": datetime.now(UTC).isoformat(),
                "kept": 3,
            }
        )

    def file(self, name: str, data: bytes) -> bytes:
        return wire.line({"kind": "file", "name": name, "bytes": len(data)}) + data

    def whole(self) -> bytes:
        """A new copy."""
        self.store.checkpoint()
        self.tail.begin()
        found = {source.name: source.path.read_bytes() for source in sources(self.config)}
        database = (self.folder / "trainbot.db").read_bytes()
        files = tuple(CopiedFile(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in found.items())
        manifest = Manifest(
            self.program,
            revisions()[-1],
            self.owner,
            self.epoch,
            datetime.now(UTC),
            self.store.commits,
            CopiedFile("trainbot.db", len(database), hashlib.sha256(database).hexdigest()),
            files,
            environment(self.config),
        )
        said = wire.line({"kind": "begin"}) + b"".join(self.file(name, data) for name, data in found.items())
        return said + self.file("trainbot.db", database) + wire.line({"kind": "done", "manifest": manifest.to_json()})

    def changes(self) -> bytes:
        """What has happened since, and the beat after it."""
        self.tail.read()
        said = b""
        for part in self.tail.take():
            head = {"kind": "part", "generation": part.generation, "offset": part.offset, "bytes": len(part.data)}
            said += wire.line(head) + part.data
        beat = {"kind": "beat", "commits": self.store.commits, "at": datetime.now(UTC).isoformat()}
        return said + wire.line(beat)

    def send(self, *said: bytes) -> list[dict]:
        """The receiver's answers."""
        out = io.BytesIO()
        Receiver(self.copies, io.BytesIO(b"".join(said)), out).run()
        return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.fixture
def sender(tmp_path):
    made = Sender(tmp_path / "first", tmp_path / "copies")
    yield made
    made.store.close()


@pytest.fixture
def copied(sender):
    """Its newest copy, with changes after it."""
    sender.note("step", "4")
    first = sender.whole()
    sender.note("step", "5")
    answers = sender.send(sender.hello(), first, sender.changes())
    assert [sorted(answer) for answer in answers] == [
        ["clock_off", "ok"],
        ["commits", "database", "name", "ok"],
        ["commits", "ok"],
    ]
    return next(sender.copies.glob("copy-*"))
