"""Other people's bots to compare with: Limnoria and Sopel, each installed by pip into an environment of its own.

    .venv/bin/python benchmarks/peers.py        installs both and says where

Each is configured as its own documentation does for one channel of one server, without limits on how fast it may talk
or be talked to and without what fetches from the internet, and answers ``!ping`` in the channel with one short line.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # not this folder: irc.py here is no library

from tests.whole.running import CHANNEL
from trainbot.ops.demo.world import cache_folder

NOBODY = 65534
LIMNORIA = """\
supybot.nick: {nick}
supybot.ident: {nick}
supybot.log.level: WARNING
supybot.log.stdout: False
supybot.networks: local
supybot.networks.local.servers: 127.0.0.1:{port}
supybot.networks.local.channels: {channel}
supybot.networks.local.ssl: False
supybot.protocols.irc.throttleTime: 0.0
supybot.abuse.flood.command: False
supybot.abuse.flood.command.invalid: False
supybot.reply.whenAddressedBy.chars: !
supybot.directories.backup: {folder}/backup
supybot.directories.conf: {folder}/conf
supybot.directories.data: {folder}/data
supybot.directories.data.tmp: {folder}/tmp
supybot.directories.log: {folder}/logs
""" + "".join(
    f"supybot.plugins.{plugin}: True\n"  # those that supybot-wizard switches on
    for plugin in ("Admin", "Channel", "Config", "Misc", "User", "Utilities")
)
SOPEL = """\
[core]
nick = {nick}
host = 127.0.0.1
port = {port}
use_ssl = false
owner = somebody
channels =
    "{channel}"
prefix = !
logging_level = WARNING
exclude =
    find_updates
    pronouns
    safety
flood_burst_lines = 100000
flood_max_wait = 0
antiloop_threshold = 0
"""


@dataclass(frozen=True)
class Peer:
    """One release of another bot.

    ``settings``: its configuration file, with {nick}, {port}, {channel} and {folder} to fill in.  ``command``: a
    program of the environment and its words, {file} being that file.  ``answer``: a pattern of what it says to
    ``question``.
    """

    name: str
    version: str
    settings: str
    command: tuple[str, ...]
    question: str = "!ping"
    answer: str = r"\b[Pp]ong\b"

    @property
    def environment(self) -> Path:
        return cache_folder() / "peers" / f"{self.name}-{self.version}"

    def install(self, tell: Callable[[str], None] = print) -> None:
        """Into its environment, unless it is there.  CalledProcessError if pip cannot."""
        if (self.environment / "installed").exists():
            return
        tell(f"installing {self.name} {self.version} into {self.environment}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", self.environment], check=True)
        pip = [self.environment / "bin" / "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, f"{self.name}=={self.version}"], check=True)
        (self.environment / "installed").touch()

    @contextmanager
    def running(self, port: int, nick: str) -> Iterator[subprocess.Popen[bytes]]:
        """Installed and started, with a folder of its own; it joins ``CHANNEL`` a moment later.  Killed afterwards."""
        self.install()
        with tempfile.TemporaryDirectory(prefix=f"{self.name}-") as folder:
            file = Path(folder) / f"{self.name}.cfg"
            file.write_text(self.settings.format(nick=nick, port=port, channel=CHANNEL, folder=folder))
            program, *words = (word.format(file=file) for word in self.command)
            with (Path(folder) / "output").open("wb") as output:
                process = subprocess.Popen(
                    [*self._as_nobody(Path(folder)), str(self.environment / "bin" / program), *words],
                    cwd=folder,
                    env={**os.environ, "HOME": folder},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    @staticmethod
    def _as_nobody(folder: Path) -> list[str]:
        """The words before a program that refuses to be root: it is nobody, who may read what root may."""
        if os.geteuid() != 0:
            return []
        os.chown(folder, NOBODY, NOBODY)
        for file in folder.iterdir():
            os.chown(file, NOBODY, NOBODY)
        may = "+dac_read_search"
        who = ["--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
        return ["setpriv", *who, "--inh-caps", may, "--ambient-caps", may]


PEERS = (
    Peer("limnoria", "2026.10.4", LIMNORIA, ("limnoria", "{file}")),
    Peer("sopel", "8.0.4", SOPEL, ("sopel", "start", "-c", "{file}")),
)


def main() -> None:
    for peer in PEERS:
        peer.install()
        print(f"{peer.name} {peer.version} is in {peer.environment}")


if __name__ == "__main__":
    main()
