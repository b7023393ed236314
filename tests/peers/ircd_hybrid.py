"""ircd-hybrid on loopback: accounts without account-tag, flood limits, bans and throttling; and a services' server for it.

Its package conflicts with ngircd's, so ``scripts/setup test`` unpacks it beside the system, into the cache.  Where its
modules are is compiled in: it runs in a mount namespace of its own in which they are there.  It refuses to run as root: in a
user namespace in it, nobody is.

Flood limits hold for clients from 127.0.0.1; any other 127.x address is free of them.  ``BANNED`` is not let in.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.peers.daemons import DEADLINE, wait_for_port
from tests.peers.inspircd import free_port
from trainbot.ops.demo.world import cache_folder

BANNED = "127.0.0.66"
CONF = """\
serverinfo {{ name = "hybrid.class.test"; description = "tests"; network_name = "class"; sid = "0HY"; hub = yes;
  max_nick_length = 30; }};
admin {{ name = "tests"; description = "tests"; email = "<root@localhost>"; }};
class {{ name = "users"; ping_time = 90 seconds; number_per_ip_local = 500; number_per_ip_global = 500;
  max_number = 500; sendq = 1 megabyte; }};
class {{ name = "servers"; ping_time = 90 seconds; connectfreq = 5 minutes; max_number = 5; sendq = 1 megabyte; }};
listen {{ host = "127.0.0.1"; port = {port}; }};
auth {{ user = "*@127.0.0.1"; class = "users"; }};
auth {{ user = "*@*"; class = "users"; flags = can_flood; }};
kill {{ user = "*@{banned}"; reason = "no bots from there"; }};
connect {{ name = "services.class.test"; host = "127.0.0.1"; send_password = "between"; accept_password = "between";
  class = "servers"; }};
service {{ name = "services.class.test"; }};
general {{ throttle_count = {throttle}; throttle_time = 3 seconds; disable_auth = yes; }};
"""
ENTER = 'mount -t overlay overlay -o "lowerdir=$1:/usr/lib" /usr/lib && shift && exec unshare -U --map-user=1 --map-group=1 "$@"'


class IrcdHybrid:
    """``throttle``: connections that one address may make in three seconds."""

    def __init__(self, *, throttle: int = 1000) -> None:
        self.port, self._throttle = free_port(), throttle
        self._folder = Path(tempfile.mkdtemp(prefix="hybrid-"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        there = cache_folder() / "ircd-hybrid"
        program = there / "usr/sbin/ircd-hybrid"
        assert program.exists(), "ircd-hybrid is not unpacked: scripts/setup test"
        run = self._folder
        modules = there / "etc/ircd-hybrid/modules.conf"  # 8.2.46 (Debian 13) loads only those that are listed
        listed = f'.include "{modules}"\n' if modules.exists() else ""
        conf = CONF.format(port=self.port, throttle=self._throttle, banned=BANNED)
        (run / "ircd.conf").write_text(conf + listed)
        files = [word for name in ("kline", "dline", "xline", "resv") for word in (f"-{name}file", str(run / name))]
        command = [
            str(program),
            "-foreground",
            "-configfile",
            str(run / "ircd.conf"),
            "-logfile",
            str(run / "log"),
            "-pidfile",
            str(run / "pid"),
            *files,
        ]
        self._process = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c", ENTER, "sh", str(there / "usr/lib"), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port, self._process)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(DEADLINE)
        shutil.rmtree(self._folder)


class Services:
    """What logs people in there: a server of the network (TS6), as Anope and Atheme are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._people: dict[str, tuple[str, str]] = {}  # nick -> (UID, since when it has that nick)

    @classmethod
    async def connect(cls, port: int) -> Services:
        services = cls(*await asyncio.open_connection("127.0.0.1", port))
        services._say("PASS between", "CAPAB :EOB TBURST ENCAP", "SERVER services.class.test 1 0SV + :services")
        await services._until(r" EOB$")
        services._say(f"SVINFO 6 6 0 :{int(time.time())}", ":0SV EOB")
        return services

    async def login(self, nick: str, account: str) -> None:
        """``account`` is ``*`` to log somebody out.  They have been seen to come before."""
        while nick not in self._people:
            await self._until(f" UID {re.escape(nick)} ")
        self._say(f":0SV SVSACCOUNT {' '.join(self._people[nick])} {account}")

    def close(self) -> None:
        self._writer.transport.abort()

    def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def _until(self, pattern: str) -> None:
        async with asyncio.timeout(DEADLINE):
            while raw := await self._reader.readline():
                line = raw.decode().rstrip("\r\n")
                if line.startswith("PING"):
                    self._say(f":0SV PONG services.class.test :{line.split(' ')[1].lstrip(':')}")
                if found := re.match(r":\S+ UID (\S+) \d+ (\d+) \S+ \S+ \S+ \S+ \S+ (\S+) ", line):
                    self._people[found[1]] = (found[3], found[2])
                if re.search(pattern, line):
                    return
        raise AssertionError(f"ircd-hybrid did not say {pattern}")
