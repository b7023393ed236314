"""Reads pasted public ssh keys, and detects those cut off by the IRC line length."""

from __future__ import annotations

import base64
import binascii
import re

LINE = re.compile(
    r"(ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa|sk-[a-z0-9@.-]+) +([A-Za-z0-9+/]+={0,2})(?: .*)?"
)
FIELDS = {"ssh-ed25519": 2, "ssh-rsa": 3, "sk-ssh-ed25519@openssh.com": 3, "sk-ecdsa-sha2-nistp256@openssh.com": 4}


def read_key(text: str) -> str | None:
    """Returns "TYPE BASE64" from the line of a .pub file; None if it is not a key or is incomplete.

    The base64 contains the type again and then the key's fields, each preceded by its length (RFC 4253 6.6).
    """
    found = LINE.fullmatch(text)
    if found is None:
        return None
    try:
        rest = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        return None
    fields = []
    while rest:
        length = int.from_bytes(rest[:4])
        if len(rest) < 4 + length:
            return None
        fields.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    whole = fields[:1] == [found[1].encode()] and len(fields) == FIELDS.get(found[1], 3) and all(fields)
    return f"{found[1]} {found[2]}" if whole else None
