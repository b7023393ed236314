"""Which keys are taken: whole ones of every kind that OpenSSH makes, and nothing less."""

from __future__ import annotations

import subprocess

import pytest

from trainbot.features.people.keys import read_key


@pytest.mark.parametrize("kind", [["ed25519"], ["ecdsa", "-b", "256"], ["ecdsa", "-b", "521"], ["rsa", "-b", "2048"]])
def test_a_key_is_taken_whole_or_not_at_all(tmp_path, kind):
    """What ssh-keygen makes is taken, with its comment or without; cut anywhere, it is not."""
    subprocess.run(["ssh-keygen", "-q", "-t", *kind, "-N", "", "-C", "a comment", "-f", tmp_path / "key"], check=True)
    line = (tmp_path / "key.pub").read_text().strip()
    key = " ".join(line.split()[:2])
    assert read_key(line) == read_key(key) == key
    assert [cut for cut in range(len(key)) if read_key(key[:cut])] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 " + "A" * 68,
        "ssh-ed25519 ====",
        "forget it",
        "ssh-dss AAAA",
        'command="id" ssh-ed25519 AAAA',
    ],
)
def test_what_is_no_key(text):
    """Neither rubbish nor options before a key."""
    assert read_key(text) is None
