"""ZNC on loopback: a bouncer between the bot and its network, which hides account-tag."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.peers.daemons import DEADLINE, unprivileged, wait_for_port
from tests.peers.inspircd import free_port

PASSWORD = "bouncer-pass"
LOGIN = f"bot/class:{PASSWORD}"
"""The server password of who comes to the bouncer's only network."""
CONF = """Version = 1.8.2
ProtectWebSessions = true
<Listener here>
  Host = 127.0.0.1
  Port = {port}
  IPv4 = true
  IPv6 = false
  SSL = false
</Listener>
<User bot>
  Nick = {nick}
  AltNick = {nick}_
  Ident = bot
  RealName = bot
  <Network class>
    Server = 127.0.0.1 {server}
    FloodBurst = 100
    FloodRate = 100.00
    JoinDelay = 0
  </Network>
  <Pass password>
    Method = sha256
    Hash = {digest}
    Salt = salt
  </Pass>
</User>
"""


class Znc:
    """A bouncer for one user (it makes root wait for half a minute), on the network at loopback's ``server``."""

    def __init__(self, server: int, nick: str) -> None:
        self.folder, self.port = Path(tempfile.mkdtemp(prefix="znc-")), free_port()
        digest = hashlib.sha256(f"{PASSWORD}salt".encode()).hexdigest()
        (self.folder / "configs").mkdir()
        (self.folder / "configs" / "znc.conf").write_text(
            CONF.format(port=self.port, server=server, nick=nick, digest=digest)
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["znc", "--foreground", "--datadir", str(self.folder)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **unprivileged(self.folder),
        )
        wait_for_port(self.port, self._process)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(DEADLINE)
        shutil.rmtree(self.folder)
