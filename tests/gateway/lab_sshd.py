"""A stand-in for a lab's sshd, run as a process: real shells, ptys and files in a folder of its own.

    lab_sshd.py FOLDER HOST_KEY AUTHORIZED_KEYS PORT

Prints the port that it listens on.  Every user name gets the shell of whoever runs it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import struct
import sys
import termios

import asyncssh

FOLDER, HOST_KEY, AUTHORIZED, PORT = sys.argv[1:5]


class Shell(asyncssh.SSHServerSession):
    """A command on a pseudo-terminal, or a shell."""

    def __init__(self) -> None:
        self.command = None
        self.readable = None  # called when the terminal has output
        self.size = None
        self.process = None

    def connection_made(self, chan):
        self.chan = chan

    def pty_requested(self, term_type, term_size, term_modes):
        self.size = term_size
        return True

    def exec_requested(self, command):
        self.command = command
        return True

    def shell_requested(self):
        return True

    def subsystem_requested(self, subsystem):
        """OpenSSH's own sftp server, as a real lab has it."""
        self.command = "exec /usr/lib/openssh/sftp-server"
        return subsystem == "sftp"

    def session_started(self):
        self.task = asyncio.ensure_future(self.run_pty() if self.size else self.run())

    def environment(self):
        passed = {k: v for k, v in self.chan.get_environment().items() if k == "LANG" or k.startswith("LC_")}
        term = {"TERM": self.chan.get_terminal_type()} if self.size else {}
        return {"PATH": os.environ["PATH"], "HOME": FOLDER, "TMUX_TMPDIR": FOLDER, "PS1": "lab# ", **passed, **term}

    def arguments(self):
        return ("/bin/sh", "-c", self.command) if self.command else ("/bin/sh",)

    async def run(self):
        self.process = await asyncio.create_subprocess_exec(
            *self.arguments(),
            cwd=FOLDER,
            env=self.environment(),
            start_new_session=True,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self.room = asyncio.Event()
        self.room.set()
        self.feed = self.process.stdin
        for data in self.__dict__.pop("early", []):
            self.feed.write(data)
        if self.__dict__.get("ended"):
            self.feed.close()
        await asyncio.gather(self.copy(self.process.stdout, None), self.copy(self.process.stderr, 1))
        self.finish(await self.process.wait())

    async def copy(self, reader, datatype):
        while data := await reader.read(65536):
            await self.room.wait()
            if self.chan.is_closing():
                return
            self.chan.write(data, datatype)

    async def run_pty(self):
        loop = asyncio.get_running_loop()
        self.master, slave = os.openpty()
        self.resize()
        self.process = await asyncio.create_subprocess_exec(
            *self.arguments(),
            cwd=FOLDER,
            env=self.environment(),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        over = loop.create_future()

        def readable():
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if data and not self.chan.is_closing():
                self.chan.write(data)
            else:
                loop.remove_reader(self.master)
                over.done() or over.set_result(None)

        self.readable = readable
        loop.add_reader(self.master, readable)
        await over
        self.readable = None
        self.finish(await self.process.wait())

    def resize(self):
        width, height, *pixels = self.size
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, *pixels))

    def finish(self, status):
        if status < 0:
            self.chan.exit_with_signal(signal.Signals(-status).name[3:], msg="\x1b[31mhostile")
        else:
            self.chan.exit(status)

    def terminal_size_changed(self, *size):
        self.size = size
        self.resize()

    def signal_received(self, name):
        os.killpg(self.process.pid, signal.Signals["SIG" + name])

    def data_received(self, data, datatype):
        if self.size:
            os.write(self.master, data)
        elif self.process is None:
            self.__dict__.setdefault("early", []).append(data)
        else:
            self.feed.write(data)
            if self.feed.transport.get_write_buffer_size() > 1 << 20:
                self.chan.pause_reading()
                self.draining = asyncio.ensure_future(self.drained())

    async def drained(self):
        try:
            await self.feed.drain()
        except ConnectionError:
            return
        self.chan.resume_reading()

    def eof_received(self):
        self.ended = True
        if self.process is not None and not self.size:
            self.feed.close()
        return True

    def pause_writing(self):
        if not self.size:
            self.room.clear()
        elif self.readable:
            asyncio.get_running_loop().remove_reader(self.master)

    def resume_writing(self):
        if not self.size:
            self.room.set()
        elif self.readable:
            asyncio.get_running_loop().add_reader(self.master, self.readable)

    def connection_lost(self, exc):
        if self.process is not None and self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGHUP)
        if self.readable:  # it sees the end, also if it was to wait
            asyncio.get_running_loop().add_reader(self.master, self.readable)
        if hasattr(self, "room"):
            self.room.set()


class Server(asyncssh.SSHServer):
    def session_requested(self):
        return Shell()

    def connection_requested(self, *destination):
        return True


async def main():
    for each in (signal.SIGHUP, signal.SIGINT):  # as sshd: commands hear them, whatever started us ignores
        signal.signal(each, signal.SIG_DFL)
    listener = await asyncssh.listen(
        "127.0.0.1",
        int(PORT),
        server_factory=Server,
        server_host_keys=[HOST_KEY],
        authorized_client_keys=AUTHORIZED,
        encoding=None,
        line_editor=False,
        allow_scp=False,
    )
    print(listener.get_port(), flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
