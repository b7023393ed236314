"""A worker with a hole before login: it stands in for one that a stranger has taken over.

It is a worker as any other, confined as any other.  Whoever gives the user name ``hole`` has the password, the name of an
attack and its arguments (JSON), played in this process, and is told by the disconnect message what came of it.  After a
login the command ``hole …`` does the same.
"""

from __future__ import annotations

import asyncio
import base64
import ctypes
import json
import os
import socket
import sys

import asyncssh

sys.path.insert(0, os.environ["PYTHONPATH"])

from asyncssh.packet import Boolean, Byte, String

from trainbot.gateway.wire import packed
from trainbot.gateway.worker import process, ssh_connection
from trainbot.gateway.worker.ssh_connection import SshConnection
from trainbot.gateway.worker.ssh_session import LearnerEnd

libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {"fork": 57, "clone3": 435, "pidfd_open": 434, "io_uring_setup": 425, "memfd_create": 319}
#: Of the worker, opened before it is confined: what stands in its memory is no secret to one who has taken it over.
KEPT_OPEN = []
os.register_at_fork(
    after_in_child=lambda: KEPT_OPEN.extend(open(f"/proc/self/{name}", "rb") for name in ("maps", "mem"))  # noqa: SIM115
)


class Attacks:
    """What it tries; each method is one attack."""

    def __init__(self, connection) -> None:
        self.link = connection._gateway
        self.wire = self.link._wire
        self.session = connection._conn._session_id

    # -- on the machine

    async def read(self, path):
        handle = os.open(path, os.O_RDONLY)
        return os.read(handle, 1).hex()

    async def write(self, path):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))

    async def tcp(self, port):
        socket.create_connection(("127.0.0.1", port), 5).close()

    async def unix(self, path):
        socket.socket(socket.AF_UNIX).connect(path)

    async def udp(self, port):
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port))

    async def run(self, path):
        if libc.execve(path.encode(), None, None) < 0:
            raise OSError(ctypes.get_errno(), "")

    async def call(self, name, *arguments):
        if libc.syscall(NUMBERS[name], *arguments) < 0:
            raise OSError(ctypes.get_errno(), "")

    async def trace(self, pid):
        if libc.ptrace(16, pid, 0, 0) < 0:
            raise OSError(ctypes.get_errno(), "")

    async def signal(self, pid):
        os.kill(pid, 0)

    async def environ(self):
        return dict(os.environ)

    async def find(self, *texts):
        """Which of these texts stand in this process's memory, read without being asked (proc(5), maps and mem)."""
        maps, memory = KEPT_OPEN
        maps.seek(0)
        found = set()
        for line in maps.read().decode().splitlines():
            (start, _, end), rights = line.split()[0].partition("-"), line.split()[1]
            if "w" in rights:
                memory.seek(int(start, 16))
                try:
                    content = memory.read(int(end, 16) - int(start, 16))
                except OSError:
                    continue
                found |= {n for n, (one, other) in enumerate(texts) if in_one(content, one.encode(), other.encode())}
        return sorted(found)

    # -- on the gateway

    async def ask(self, do, fields):
        said = (await asyncio.wait_for(self.link._ask(do, **fields), 10)).said
        return {name: value for name, value in said.items() if name not in ("id", "to", "do")}

    async def dial_and_sign(self, requests):
        """The signatures that it gets after one socket to a lab."""
        said, sock = await self.link._ask("dial")
        sock.close()
        return [(await self.link.ask("sign", dial=said["to"], data=data))["signature"] for data in requests]

    async def stay(self, seconds):
        """Does not end a visit that is over: what still comes from the lab's socket."""
        _, sock = await self.link._ask("dial")
        self.link.listener = None  # deaf to the gateway
        sock.setblocking(False)
        loop, heard = asyncio.get_running_loop(), b""
        async with asyncio.timeout(seconds):
            while part := await loop.sock_recv(sock, 1000):
                heard += part
        again = (await self.link._ask("dial")).said
        return [heard.decode("utf-8", "replace")[:4], "key" in again]

    async def forge(self, user, key):
        """Says that this key has signed in this ssh session."""
        blob, kind = base64.b64decode(key), String(b"ssh-ed25519")
        packet = Byte(50) + String(user) + String(b"ssh-connection") + String(b"publickey") + Boolean(True) + kind
        data = String(self.session) + packet + String(blob)
        wanted = await self.link.ask("key", user=user, key=key)
        said = await self.link.ask("signed", data=packed(data), signature=packed(kind + String(b"x" * 64)))
        return [wanted["ok"], said["ok"]]

    async def say(self, message):
        self.wire.send({"id": self.link._number, **message})
        await asyncio.sleep(30)

    async def raw(self, text, times):
        self.wire._sock.send(text.encode() * times)
        await asyncio.sleep(30)

    async def with_socket(self):
        near, _far = os.pipe()
        socket.send_fds(self.wire._sock, [b'{"do":"log","level":20,"text":"a socket"}'], [near])
        return os.fstat(near).st_ino

    async def flood(self, seconds):
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            self.wire.send({"do": "log", "level": 20, "text": "x" * 1000})
            await asyncio.sleep(0)


def in_one(content: bytes, one: bytes, other: bytes) -> bool:
    """Whether ``one`` stands there with ``other`` after it; they are never joined here, or would stand there then."""
    at = content.find(one)
    while at >= 0 and not content.startswith(other, at + len(one)):
        at = content.find(one, at + 1)
    return at >= 0


async def played(connection: SshConnection, attack: str) -> str:
    """What came of it, as JSON."""
    name, *arguments = json.loads(attack)
    try:
        said = await getattr(Attacks(connection), name)(*arguments)
    except OSError as error:
        said = f"errno {error.errno}"
    except Exception as error:
        said = repr(error)
    return json.dumps("done" if said is None else said)


class HoledConnection(SshConnection):
    async def validate_password(self, username, password):
        if username != "hole":
            return await super().validate_password(username, password)
        self._conn.disconnect(asyncssh.DISC_BY_APPLICATION, await played(self, password))
        return False


class HoledEnd(LearnerEnd):
    """A session whose command is ``hole`` and an attack, on a connection that has a login."""

    def session_started(self):
        if self._command is None or not self._command.startswith("hole "):
            super().session_started()
        else:
            self._tasks.start(self._play(self._command.removeprefix("hole ")), "an attack")

    async def _play(self, attack):
        self.chan.write((await played(self._connection, attack)).encode())
        self.chan.exit(0)


process.SshConnection = HoledConnection
ssh_connection.LearnerEnd = ssh_connection.GuestEnd = HoledEnd
process.main()
