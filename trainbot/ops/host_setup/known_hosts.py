"""Edits state/known_hosts, the gateway's list of trusted jump hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).  Pure."""

from __future__ import annotations

from collections.abc import Sequence


def pattern(address: str, port: int) -> str:
    return address if port == 22 else f"[{address}]:{port}"


def replaced(text: str, address: str, port: int, keys: Sequence[str]) -> str:
    """``text`` with that server's lines replaced by ``keys`` ("TYPE BASE64" each); other servers' lines stay."""
    name = pattern(address, port)
    others = [line for line in text.splitlines() if line.split(" ", 1)[0] != name]
    return "\n".join([*others, *(f"{name} {key}" for key in dict.fromkeys(keys))]) + "\n"
