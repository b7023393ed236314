"""state/known_hosts, which the gateway trusts hosts' doors by (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).  Pure."""

from __future__ import annotations

from collections.abc import Sequence


def pattern(address: str, port: int) -> str:
    return address if port == 22 else f"[{address}]:{port}"


def replaced(text: str, address: str, port: int, keys: Sequence[str]) -> str:
    """``text`` with ``keys`` ("TYPE BASE64" each) as that server's, and no others of it; other servers' lines stay."""
    name = pattern(address, port)
    others = [line for line in text.splitlines() if line.split(" ", 1)[0] != name]
    return "\n".join([*others, *(f"{name} {key}" for key in dict.fromkeys(keys))]) + "\n"
