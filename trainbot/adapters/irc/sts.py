"""Strict transport security (ircv3.net/specs/extensions/sts): once a network has required TLS, we never connect without
it.

The policies are kept in one JSON file: host -> port and expiry (epoch seconds).
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from trainbot.core.files import write_whole

log = logging.getLogger(__name__)

LONGEST = 5 * 366 * 86400  # longest duration of a policy in seconds
_MOST = 1000  # most hosts read from the file


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """The value of the capability: ``port`` for clients that connected without TLS, ``duration`` in seconds for those
    with TLS."""

    port: int | None = None
    duration: int | None = None

    @classmethod
    def parse(cls, value: str) -> StsPolicy:
        """Parses ``value``.  Keys whose values are not numbers of a sensible size count as absent."""
        found = dict(item.partition("=")[::2] for item in value.split(","))
        port, duration = _number(found.get("port", ""), 65535), _number(found.get("duration", ""), LONGEST)
        return cls(port or None, duration)


def _number(text: str, most: int) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        return None
    return min(int(text), most) if most == LONGEST else int(text) if int(text) <= most else None


class StsPolicies:
    """The TLS policies of networks.  Without a file they are kept only as long as this process runs."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._hosts: dict[str, dict[str, int]] = self._read()

    def port(self, host: str, now: float) -> int | None:
        """Returns the port at which ``host`` must be reached with TLS, or None if no policy is known."""
        policy = self._hosts.get(host.lower())
        return policy["port"] if policy and now < policy["until"] else None

    def heard(self, host: str, port: int, duration: int, now: float) -> None:
        """Stores the policy that ``host`` announced over TLS at ``port``; a duration of 0 removes it."""
        self._hosts.pop(host.lower(), None)
        if duration:
            self._hosts[host.lower()] = {"port": port, "until": int(now + duration)}
        self._write()

    def _read(self) -> dict[str, dict[str, int]]:
        try:
            found = json.loads(self._file.read_text()) if self._file and self._file.exists() else {}
            return {
                str(host): {name: int(policy[name]) for name in ("port", "until")}
                for host, policy in list(found.items())[:_MOST]
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("%s is damaged; the networks' TLS policies in it are forgotten: %s", self._file, error)
            return {}

    def _write(self) -> None:
        if self._file is None:
            return
        try:
            write_whole(self._file, json.dumps(self._hosts))
        except OSError as error:
            log.error(
                "cannot write %s; the network's TLS policy is kept only until trainbot stops: %s", self._file, error
            )
