"""Two machines for bots, in network namespaces, on a wire with the one where the tests, the IRC server and the hosts are."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Self

from tests.whole.running import RunningBot
from trainbot.adapters.state_folder import lab_key

HERE, FIRST, SECOND = "10.99.7.254", "10.99.7.1", "10.99.7.2"
SOURCES = Path(__file__).parents[2]


def ip(*words: str, check: bool = True) -> str:
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True).stdout


class Wire:
    """``down`` takes a machine off it.  Nothing of it is left at the end."""

    def __enter__(self) -> Self:
        self._take_away()
        ip("link", "add", "tbsbr", "type", "bridge")
        ip("address", "add", f"{HERE}/24", "dev", "tbsbr")
        ip("link", "set", "tbsbr", "up")
        for name, address in (("first", FIRST), ("second", SECOND)):
            ip("netns", "add", f"tbs-{name}")
            ip("link", "add", f"tbs{name}", "type", "veth", "peer", "name", "eth0", "netns", f"tbs-{name}")
            ip("link", "set", f"tbs{name}", "master", "tbsbr", "up")
            for words in (f"address add {address}/24 dev eth0", "link set eth0 up", "link set lo up"):
                ip("-n", f"tbs-{name}", *words.split())
        return self

    def __exit__(self, *_: object) -> None:
        self._take_away()

    def down(self, name: str) -> None:
        ip("link", "set", f"tbs{name}", "down")

    def up(self, name: str) -> None:
        ip("link", "set", f"tbs{name}", "up")

    def move_address(self) -> None:
        """The first one's address is the second's from now on, as with keepalived."""
        ip("-n", "tbs-second", "address", "add", f"{FIRST}/24", "dev", "eth0")
        ip("neighbour", "flush", "dev", "tbsbr")

    def move_back(self) -> None:
        ip("-n", "tbs-second", "address", "delete", f"{FIRST}/24", "dev", "eth0")
        ip("neighbour", "flush", "dev", "tbsbr")

    @staticmethod
    def _take_away() -> None:
        for name in ("first", "second"):
            kill_all(name)
            ip("netns", "delete", f"tbs-{name}", check=False)
            ip("link", "delete", f"tbs{name}", check=False)
        ip("link", "delete", "tbsbr", check=False)


def kill_all(name: str) -> None:
    """As when the machine loses its power."""
    for pid in ip("netns", "pids", f"tbs-{name}", check=False).split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


class Machine(RunningBot):
    """A bot in the namespace ``name``."""

    def __init__(self, name: str, port: int, **sections: object) -> None:
        self.name = name
        super().__init__(Path(tempfile.mkdtemp(prefix="tb-")), port, **sections)

    def command(self, *words: str) -> tuple[str, ...]:
        return ("ip", "netns", "exec", f"tbs-{self.name}", *super().command(*words))

    def image_has(self, host_key: str) -> None:
        """The labs' ssh server has that key."""
        path = self.folder / "images" / "debian" / "image.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "host_key": host_key}))

    def lab_is_at(self, address: str, port: int) -> None:
        """libvirt's test driver knows no addresses; the bot does not run meanwhile."""
        with closing(sqlite3.connect(self.folder / "trainbot.db")) as database, database:
            database.execute("update lab set address = ?, ssh_port = ?", (address, port))

    def empty(self) -> None:
        """Only the images are there, as docs/operating.md says."""
        for path in self.folder.iterdir():
            if path.name != "images":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    async def start_with(self, *words: str) -> None:
        """``trainbot`` with these words instead of run."""
        run, self.command = self.command, lambda *_: run(*words)  # type: ignore[method-assign]
        try:
            await self.start()
        finally:
            del self.command

    async def close(self) -> None:
        if not self.ini.exists():
            self.ini.touch()
        await super().close()
        shutil.rmtree(self.folder)


class Sshd:
    """The sshd of the second machine, which admits ``key`` for copies to ``folder`` only."""

    def __init__(self, folder: Path, key: str, copies: Path) -> None:
        self.folder, self._process = folder, None
        folder.mkdir()
        self.public = lab_key(folder / "host_key")
        program = f"env PYTHONPATH={SOURCES} {sys.executable} -m trainbot copy receive {copies}"
        (folder / "keys").write_text(f'restrict,command="{program}" {key}\n')
        (folder / "conf").write_text(
            f"ListenAddress {SECOND}\nHostKey {folder}/host_key\nAuthorizedKeysFile {folder}/keys\nUsePAM no\n"
            "StrictModes no\nPermitRootLogin yes\nPidFile none\n"
        )

    def start(self) -> None:
        Path("/run/sshd").mkdir(exist_ok=True)
        words = ["ip", "netns", "exec", "tbs-second", "/usr/sbin/sshd", "-D", "-E", f"{self.folder}/log"]
        self._process = subprocess.Popen([*words, "-f", f"{self.folder}/conf"])

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
