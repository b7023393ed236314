"""Signing keys made for a test, with GnuPG: whatever a distribution can do with its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path


class Signing:
    """Keys by name, in a keyring of their own; ``close`` ends its agent."""

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700)
        self._home = home
        self.fingerprints: dict[str, str] = {}

    def close(self) -> None:
        subprocess.run(["gpgconf", "--homedir", self._home, "--kill", "all"], check=True, capture_output=True)

    def make(self, name: str, *, at: str = "20260101T000000", until: str = "never", kind: str = "ed25519") -> str:
        """A key that was made at that time; returns its fingerprint."""
        self.gpg("--faked-system-time", at, "--quick-gen-key", f"{name} <{name}@example.org>", kind, "sign", until)
        listed = self.gpg("--with-colons", "--list-keys", f"{name}@example.org").decode().splitlines()
        self.fingerprints[name] = next(line.split(":")[9] for line in listed if line.startswith("fpr"))
        return self.fingerprints[name]

    def public(self, *names: str, armored: bool = True) -> bytes:
        return self.gpg(*(["--armor"] if armored else []), "--export", *(self.fingerprints[name] for name in names))

    def revoke(self, name: str) -> None:
        fingerprint = self.fingerprints[name]
        ready = self._home / "openpgp-revocs.d" / f"{fingerprint}.rev"
        self.gpg("--import", said=ready.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))

    def inline(self, text: bytes, *names: str, how: tuple[str, ...] = ()) -> bytes:
        return self.gpg(*how, *self._users(names), "--armor", "--clearsign", said=text)

    def detached(self, text: bytes, *names: str, how: tuple[str, ...] = ()) -> bytes:
        return self.gpg(*how, *self._users(names), "--detach-sign", said=text)

    def gpg(self, *words: str, said: bytes = b"") -> bytes:
        command = [
            "gpg",
            "--homedir",
            str(self._home),
            "--batch",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ]
        ran = subprocess.run(
            [*command, *words], input=said, capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"}
        )
        assert ran.returncode == 0, ran.stderr.decode()
        return ran.stdout

    def _users(self, names: tuple[str, ...]) -> list[str]:
        return [word for name in names for word in ("--local-user", self.fingerprints[name])]


def fingerprint_of(key: Path) -> list[str]:
    """The primary fingerprints in a file of public keys."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        command = ["gpg", "--homedir", home, "--batch", "--show-keys", "--with-colons", str(key)]
        ran = subprocess.run(command, capture_output=True, text=True)
    lines = [line.split(":") for line in ran.stdout.splitlines()]
    return [after[9] for line, after in pairwise(lines) if line[0] == "pub" and after[0] == "fpr"]
