"""A libvirtd of our own with libvirt's test driver: a host that lives on when the bot dies, and that can be killed.

It runs as nobody where we are root, so that it keeps out of the machine's own libvirt folders.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import libvirt

from trainbot.ops.demo.ngircd import free_port

DEADLINE = 20.0
CONF = """\
listen_tls = {tls}
listen_tcp = 1
listen_addr = "127.0.0.1"
tcp_port = "{port}"
auth_tcp = "none"
unix_sock_dir = "{folder}"
tls_port = "{tls_port}"
ca_file = "{folder}/ca.crt"
cert_file = "{folder}/server.crt"
key_file = "{folder}/server.key"
"""


class Libvirtd:
    """``uri`` is the host's.  Its domains are there as long as the daemon is.  ``certificates``: a folder of
    make_certificates, with which it listens at ``tls_port`` as well."""

    def __init__(self, certificates: Path | None = None) -> None:
        self.port, self.tls_port = free_port(), free_port()
        self._certificates = certificates
        self.uri = f"test+tcp://127.0.0.1:{self.port}/default"
        self.folder = Path(tempfile.mkdtemp(prefix="tb-libvirtd-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._kept: libvirt.virConnect | None = None

    def start(self) -> None:
        conf = self.folder / "libvirtd.conf"
        conf.write_text(
            CONF.format(
                port=self.port, folder=self.folder, tls=int(self._certificates is not None), tls_port=self.tls_port
            )
        )
        for name in ("ca.crt", "server.crt", "server.key") if self._certificates is not None else ():
            shutil.copy(self._certificates / name, self.folder)
        own = {name: str(self.folder) for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
        user = {}
        if os.geteuid() == 0:
            user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, "nobody", "nogroup")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:  # sd_notify(3)
            ready.bind(str(self.folder / "ready"))
            (self.folder / "ready").chmod(0o666)
            ready.settimeout(DEADLINE)
            program = shutil.which("libvirtd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
            assert program, "libvirtd is not installed"
            self._process = subprocess.Popen(
                [program, "--listen", "-f", conf, "-p", self.folder / "pid"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                env={"PATH": os.environ["PATH"], **own, "NOTIFY_SOCKET": str(self.folder / "ready")},
                **user,
            )
            while b"READY=1" not in ready.recv(4096):
                pass
        (self.folder / "ready").unlink()
        self._kept = libvirt.open(self.uri)  # the test driver forgets its domains with the last connection

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def domains(self) -> dict[str, int]:
        """UUID -> id of those that run, the driver's own example left out."""
        assert self._kept is not None
        return {domain.UUIDString(): domain.ID() for domain in self._kept.listAllDomains() if domain.name() != "test"}

    def kill(self) -> None:
        """As when the machine loses its power."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self._kept = None  # after it: to close the connection is a question, which a stopped process never answers

    def stop(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
