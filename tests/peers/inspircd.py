"""InspIRCd with Atheme on loopback: a network with accounts, IRCv3 and flood limits, for tests.

Flood limits (InspIRCd's own defaults) hold for clients from 127.0.0.1; any other 127.x address is
free of them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.certificates import make_certificates

HERE = Path(__file__).parent
DEADLINE = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Child:
    """A server in the foreground; ``started`` once its output holds ``marker``."""

    def __init__(self, arguments: list[str], marker: str, log: Path) -> None:
        self._marker, self._log = marker, log
        self._ready = threading.Event()
        program = shutil.which(arguments[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert program, f"{arguments[0]} is not installed"
        self.process = subprocess.Popen(
            [program, *arguments[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(DEADLINE):
            self.stop()
            raise AssertionError(f"{arguments[0]} did not start: {log.read_text(errors='replace')}")

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self._log.open("wb") as log:
            for line in self.process.stdout:
                log.write(line)
                log.flush()
                if self._marker in line.decode("utf-8", "replace"):
                    self._ready.set()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join()


def cannot_link(kind: type[InspIrcd] | None) -> str:
    """Why the two cannot be linked; '' if they can."""
    said = [
        subprocess.run([program, option], capture_output=True, text=True, check=False).stdout
        for program, option in (("/usr/sbin/inspircd", "--version"), ("atheme-services", "-v"))
    ]
    if "InspIRCd-4" not in said[0]:
        return ""
    if kind is not None:
        return "Anope was only tried with InspIRCd 3: Debian 13 has 4"
    if "atheme 7.2" in said[1]:
        return "InspIRCd 4 accepts protocol 1205 and newer, and Atheme 7.2 speaks 1202: Debian 13 has both"
    return ""


@contextmanager
def network_with(folder: Path, accounts: Mapping[str, str], kind: type[InspIrcd] | None = None) -> Iterator[InspIrcd]:
    """A pair that runs, with these accounts and their passwords.  Skips the test where the two cannot be linked."""
    if why := cannot_link(kind):
        pytest.skip(why)
    server = (kind or InspIrcd)(folder)
    try:
        server.start()
        for account, password in accounts.items():
            server.register(account, password)
        yield server
    finally:
        server.stop()


class InspIrcd:
    """The pair of servers.  ``port`` is plain, ``tls_port`` TLS (``ca`` signs its certificate)."""

    host = "127.0.0.1"
    registered = "is now registered"  # in NickServ's answer

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.tls_port, self._link_port = free_port(), free_port(), free_port()
        self.ca = folder / "ca.crt"
        self._servers: list[Child] = []

    def start(self) -> None:
        make_certificates(self.folder)
        (self.folder / "inspircd.conf").write_text(self.filled("inspircd.conf"))
        self.start_inspircd()
        self.start_services()

    def filled(self, name: str) -> str:
        """The configuration of that name, with our folder and ports."""
        text = (HERE / f"{name}.in").read_text()
        for mark, value in (
            ("@RUN@", self.folder),
            ("@PLAIN@", self.port),
            ("@TLS@", self.tls_port),
            ("@LINK@", self._link_port),
        ):
            text = text.replace(mark, str(value))
        return text

    def start_services(self) -> None:
        (self.folder / "atheme").mkdir(exist_ok=True)
        (self.folder / "atheme" / "services.db").touch()
        (self.folder / "atheme.conf").write_text(self.filled("atheme.conf"))
        self.start_atheme()

    def start_inspircd(self) -> None:
        as_root = ["--runasroot"] if os.geteuid() == 0 else []
        conf = str(self.folder / "inspircd.conf")
        command = ["inspircd", "--nofork", *as_root, "--config", conf]
        self._servers.append(Child(command, "is now running", self.folder / "inspircd.out"))

    def start_atheme(self) -> None:
        run = self.folder
        command = ["atheme-services", "-n", "-c", str(run / "atheme.conf"), "-D", str(run / "atheme")]
        command += ["-p", str(run / "atheme.pid"), "-l", str(run / "atheme.log")]
        self._servers.append(Child(command, "finished synching", run / "atheme.out"))

    def stop(self) -> None:
        for server in reversed(self._servers):
            server.stop()
        self._servers.clear()

    def register(self, account: str, password: str) -> None:
        """Makes a services account, as a person would: with NickServ."""
        with socket.create_connection((self.host, self.port), DEADLINE, ("127.0.0.9", 0)) as raw:
            lines = raw.makefile("rw", encoding="utf-8", newline="\r\n")
            lines.write(f"NICK {account}\r\nUSER {account} 0 * :{account}\r\n")
            lines.flush()
            for line in lines:
                if line.startswith("PING"):
                    lines.write(line.replace("PING", "PONG", 1))
                if " 001 " in line:
                    lines.write(f"PRIVMSG NickServ :REGISTER {password} {account}@example.org\r\n")
                lines.flush()
                if " NOTICE " in line and self.registered in line:
                    return
            raise AssertionError(f"NickServ did not register {account}")

    def fingerprint(self) -> str:
        """SHA-256 of the server's certificate, as tls_fingerprint wants it."""
        der = ssl.PEM_cert_to_DER_cert((self.folder / "server.crt").read_text())
        return hashlib.sha256(der).hexdigest()
