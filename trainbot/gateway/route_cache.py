"""Saves the latest table of routes in a file, for a gateway that starts while the bot is not running."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

from trainbot.adapters.state_folder import ROUTES
from trainbot.core.clock import boot_id
from trainbot.core.files import write_whole

log = logging.getLogger(__name__)
TOO_OLD = 24 * 3600  # seconds: leases are shorter, and a lab's address may belong to somebody else by then
TOO_LARGE = 64 << 20  # bytes


def keep(state: Path, table: Any) -> None:
    """Saves ``table`` (JSON) with mode 0600, atomically; errors are only logged.

    Without fsync: this runs at every change, and no session survives a power cut anyway.  The file holds names, public keys and peppered digests, no password.
    """
    try:
        moment = {"kept_at": time.time(), "boot_id": boot_id(), "boottime": time.clock_gettime(time.CLOCK_BOOTTIME)}
        write_whole(state / ROUTES, json.dumps({**moment, "table": table}), 0o600, durable=False)
    except (OSError, ValueError, TypeError) as error:
        log.warning("cannot save the table of routes: %s", error)


def last(state: Path) -> Any:
    """The saved table, to be validated as any other; None if there is none or it is too old."""
    path = state / ROUTES
    try:
        with path.open("rb") as file:
            kept = dict(json.loads(file.read(TOO_LARGE)))
        age = _age(kept)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        log.warning("cannot read %s, so it is ignored: %s", path, error)
        return None
    if not -TOO_OLD < age < TOO_OLD:
        log.info("%s is too old and is ignored", path)
        return None
    return kept.get("table")


def _age(kept: dict[str, Any]) -> float:
    """Seconds since it was saved, by the wall clock only if the machine was started since: somebody may have set it."""
    if kept.get("boot_id") and kept["boot_id"] == boot_id():
        return time.clock_gettime(time.CLOCK_BOOTTIME) - float(kept["boottime"])
    return time.time() - float(kept["kept_at"])
