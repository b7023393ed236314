"""A published image at home: downloaded, compared and started as its how-to says, with nothing of the installation."""

from __future__ import annotations

import html
import os
import re
import selectors
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.peers.web import serving
from trainbot.images.build.image_folder import read_image
from trainbot.images.build.progress_bar import Silent
from trainbot.images.publishing.publish import publish
from trainbot.model.exercise import Exercise

pytestmark = pytest.mark.images
BOOT = 300  # seconds at most; 40 without hardware virtualisation on an idle core
_CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")


class Console:
    """The terminal in which the machine was started; QEMU's host is 10.0.2.2 in it."""

    def __init__(self, command: list[str], cwd: Path) -> None:
        self.machine = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def until(self, form: str, seconds: float = BOOT) -> str:
        seen, deadline = "", time.monotonic() + seconds
        with selectors.DefaultSelector() as ready:
            ready.register(self.machine.stdout, selectors.EVENT_READ)
            while not re.search(form, seen):
                assert ready.select(max(deadline - time.monotonic(), 0)), f"{form} did not come: {seen[-3000:]}"
                data = os.read(self.machine.stdout.fileno(), 65536)
                assert data, f"the machine ended: {seen[-3000:]}"
                seen = _CODES.sub("", seen + data.decode(errors="replace"))
        return seen

    def run(self, line: str, seconds: float = 60) -> str:
        """What the shell there says to that line."""
        self.machine.stdin.write(f"{line}; echo it is 'done'\n".encode())
        self.machine.stdin.flush()
        said = self.until(r"(?m)^it is done$", seconds)
        # what is typed before the prompt is there is echoed twice
        return said.rpartition("'done'\n")[2].rpartition("it is done")[0].strip()

    def end(self) -> None:
        self.machine.kill()
        self.machine.wait()
        self.machine.stdin.close()
        self.machine.stdout.close()


def test_the_image_runs_at_home_as_the_how_to_says(lab_image, shipped_exercise: Exercise, tmp_path: Path) -> None:
    """Downloaded with its line, compared, unpacked, booted with its command: root on the console, SE Linux enforcing, a
    host key of its own, nobody's key; the exercise's check runs, and a key put in by the how-to's line opens ssh."""
    image = read_image(lab_image.folder)
    with serving(tmp_path / "public") as web:
        base = f"http://127.0.0.1:{web.port}"
        folder = publish(image, [shipped_exercise], tmp_path / "public", base, Silent())
        page = html.unescape((folder / "index.html").read_text())
        get = next(block for block in re.findall(r"<pre><code>(.*?)</code>", page, re.DOTALL) if "curl" in block)
        home = tmp_path / "home"
        script = re.sub(r"sudo install .*\n", "", get)
        home.mkdir()
        done = subprocess.run(["sh", "-e", "-c", script], cwd=home, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "debian.img.zst: OK" in done.stdout
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ssh_port = free.getsockname()[1]
        starter = home / "debian-qemu.sh"
        starter.write_text(starter.read_text().replace(":2022-", f":{ssh_port}-"))
        # not KVM: on some nested machines it is there, and boots nothing (imaging.accel)
        console = Console(["sh", "debian-qemu.sh", "-snapshot", "-machine", "accel=tcg"], home)
        try:
            console.until(r"root@debian:~# ")
            assert console.run("getenforce") == "Enforcing"
            assert console.run("ls ~/.ssh") == ""
            console.run("systemctl is-active --wait ssh.service", BOOT)
            made = console.run("cat /etc/ssh/ssh_host_ed25519_key.pub")
            assert made.startswith("ssh-ed25519 ") and made.split()[1] != image.host_key.split()[1]
            assert "sshd_key_t" in console.run("stat -c %C /etc/ssh/ssh_host_ed25519_key")
            script = f"curl -fsSO http://10.0.2.2:{web.port}/images/debian/selinux-debian.sh && sh selinux-debian.sh"
            assert "step 4 is not done yet" in console.run(f"{script} 4", 200)
            assert_ssh(ssh_port, lab_image.key, tmp_path, made, let_in=False)
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "mine"], check=True)
            console.run(f"echo '{(tmp_path / 'mine.pub').read_text().strip()}' > ~/.ssh/authorized_keys")
            assert_ssh(ssh_port, tmp_path / "mine", tmp_path, made, let_in=True)
            assert_ssh(ssh_port, lab_image.key, tmp_path, made, let_in=False)
        finally:
            console.end()


def assert_ssh(port: int, key: Path, folder: Path, host_key: str, let_in: bool) -> None:
    """OpenSSH gets in with that key or not, to the host key that the console showed."""
    private = folder / f"private-{key.name}"
    private.write_bytes(key.read_bytes())
    private.chmod(0o600)
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {' '.join(host_key.split()[:2])}\n")
    done = subprocess.run(
        [
            "ssh",
            "-i",
            private,
            "-p",
            str(port),
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "BatchMode=yes",
            "-o",
            f"UserKnownHostsFile={known}",
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "ConnectTimeout=60",
            "root@127.0.0.1",
            "id -un",
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if let_in:
        assert (done.returncode, done.stdout) == (0, "root\n"), done.stderr
    else:
        assert "Permission denied (publickey)" in done.stderr, done.stderr
