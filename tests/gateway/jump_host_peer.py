"""A stand-in for a Xen host's sshd: OpenSSH's own, as an ordinary process on a port of its own, with one account whose
key has one forced command (the lab-door that ships, or what a test puts in its place)."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

SHIPPED = Path(__file__).parents[2] / "trainbot" / "ops" / "host_setup" / "files"
SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
CONFIG = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin forced-commands-only
LogLevel DEBUG1
MaxStartups 10:30:100
# sshd runs a forced command through the login shell of whoever runs the tests, whose start-up files are none of ours:
# it finds an empty home, and bash, which under ssh reads bashrc files where it is the outermost shell, is told otherwise
SetEnv HOME={folder}/home SHLVL=1
{more}
"""


def keygen(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "somebody", "-f", path], check=True)
    return " ".join(path.with_name(path.name + ".pub").read_text().split()[:2])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class JumpHostPeer:
    """``labs``: the addresses that lab-door leads to; ``port``: where their ssh is (22 on a real host)."""

    def __init__(
        self, folder: Path, key: str, port: int, labs: tuple[str, ...] = ("127.0.0.1",), more: str = ""
    ) -> None:
        assert SSHD is not None, "openssh-server is needed: scripts/setup test"
        self.folder = folder
        (folder / "home").mkdir(parents=True)
        self.public = keygen(folder / "host_key")
        self.port = free_port()
        (folder / "config").write_text(CONFIG.format(port=self.port, folder=folder, more=more))
        (folder / "authorized").write_text(f'restrict,command="{folder}/lab-door" {key}\n')
        (folder / "door").write_text("".join([f"folder {folder}\n", *(f"lab {address}\n" for address in labs)]))
        self.ship(port)
        self.process: subprocess.Popen | None = None

    def ship(self, port: int) -> None:
        """The programs that host prepare puts onto a host, but for where they lie and for the port."""
        for name in ("relay", "lab-door"):
            text = (SHIPPED / name).read_text().replace("my $port = 22;", f"my $port = {port};")
            text = text.replace("/usr/local/lib/trainbot", str(self.folder)).replace(
                "/etc/trainbot/door", f"{self.folder}/door"
            )
            self.put(name, text)

    def put(self, name: str, text: str) -> None:
        draft = self.folder / f".{name}"
        draft.write_text(text)
        draft.chmod(0o755)
        draft.rename(self.folder / name)

    @property
    def via(self) -> str:
        return f"{getpass.getuser()}@127.0.0.1:{self.port}"

    @property
    def known(self) -> str:
        """Its line in known_hosts."""
        return f"[127.0.0.1]:{self.port} {self.public}\n"

    def start(self) -> JumpHostPeer:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd of root wants it
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", self.folder / "config"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.log()
                time.sleep(0.02)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def logins(self) -> int:
        """Connections that were let in so far."""
        return self.log().count("Accepted publickey")

    def signal(self, number: int) -> None:
        """To sshd and everything that it began: the host as a whole."""
        assert self.process is not None
        for pid in (self.process.pid, *_children(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        if self.process is None:
            return
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process = None


def _children(pid: int) -> list[int]:
    """All processes below that one."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]
