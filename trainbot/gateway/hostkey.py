"""The gateway's host key: created once, kept, and shown so that people can compare it."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from trainbot.adapters.state_folder import HOST_KEY
from trainbot.core.errors import BackendError
from trainbot.core.files import make_once, write_whole


def load_or_make(state: Path) -> bytes:
    """The private host key (ed25519, OpenSSH format, RFC 8709) in ``state``, created with mode 0600 if missing.

    Its public half is next to it (.pub), so that the fingerprint can be shown without asyncssh.
    """
    import asyncssh  # not needed for the public key

    path = state / HOST_KEY
    try:
        if not path.exists():
            make_once(path, asyncssh.generate_private_key("ssh-ed25519").export_private_key())
        private = path.read_bytes()
        public = asyncssh.import_private_key(private).export_public_key()
        if make_once(_pub(path), public) != public:
            write_whole(_pub(path), public, 0o600)
    except (OSError, ValueError) as error:  # asyncssh.KeyImportError is a ValueError
        raise BackendError(f"cannot read or create the gateway's host key {path}: {error}") from None
    return private


def public_key(state: Path) -> str:
    """ "ssh-ed25519 AAAA…" of the gateway, as in known_hosts; the key is created if missing."""
    pub = _pub(state / HOST_KEY)
    if not pub.exists():
        load_or_make(state)
    return " ".join(pub.read_text("ascii").split()[:2])


def fingerprint(state: Path) -> str:
    """ "SHA256:…" of the gateway's key, as OpenSSH shows it (RFC 4648 base64 without padding)."""
    blob = base64.b64decode(public_key(state).split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii").rstrip("=")


def _pub(path: Path) -> Path:
    return path.with_name(path.name + ".pub")
