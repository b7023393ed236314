"""Which gateway is installed."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import trainbot


def program() -> str:
    """Identifies the installed gateway: trainbot's version and a digest of the gateway's sources, since an installation
    from a checkout changes without a new version."""
    digest = hashlib.sha256()
    for folder in ("gateway", "adapters/control"):
        for path in sorted((Path(trainbot.__file__).parent / folder).rglob("*.py")):
            with suppress(OSError):
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{trainbot.__version__}-{digest.hexdigest()[:12]}"
