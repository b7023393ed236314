"""The ssh account on a host that leads to its labs and nowhere else, as bot.ini and routes name it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address

ACCOUNT = "trainbot-door"  # the account that ``trainbot host prepare`` creates
SSH = 22
NODE = "{node}"  # in the address: the name of the node of a host of several
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_ADDRESS = re.compile(r"[\w.:][\w.:-]*", re.ASCII)
_PORT = re.compile(r"(.*):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class JumpHost:
    """USER@ADDRESS:PORT; an IPv6 address is bare in ``address`` and in brackets as text (RFC 3986 3.2.2)."""

    user: str
    address: str
    port: int = SSH

    @classmethod
    def parse(cls, text: str, *, user: str = "", port: int | None = None) -> JumpHost:
        """Reads USER@ADDRESS:PORT.  USER or PORT may be missing if ``user`` or ``port`` is given.  An IPv6 address
        without brackets is taken to end in a port if it ends in digits.  Raises ValueError for anything else."""
        name, _, rest = text.rpartition("@")
        found = _PORT.fullmatch(rest)
        address, number = (found[1], int(found[2])) if found else (rest, port or 0)
        if bracketed := address.startswith("[") and address.endswith("]"):
            address = address[1:-1]
        if bracketed or ":" in address:
            IPv6Address(address)
        if not (_USER.fullmatch(name or user) and _ADDRESS.fullmatch(address) and 0 < number < 65536):
            raise ValueError(f'"{text}" is not USER@ADDRESS:PORT')
        return cls(name or user, address, number)

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.user}@{address}:{self.port}"
