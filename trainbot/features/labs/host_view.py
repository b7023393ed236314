"""What is known of a host now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trainbot.model.host import HostConfig, HostReport

NOT_YET = "not reached yet"


@dataclass
class HostView:
    """What we last heard of a host.  ``io_wait`` and ``clock_off`` as in HostStatus.  ``drained``: no new labs there."""

    config: HostConfig
    up: bool = False
    report: HostReport | None = None
    trouble: str = NOT_YET
    down_since: datetime | None = None
    lost: bool = False  # given up: its people have been seated elsewhere
    listen_at: datetime | None = None  # when its labs are to be listened to next; None while somebody listens
    silences: int = 0  # how often in a row none of its labs spoke when they were listened to
    greets: bool = False  # its own ssh server did, when its labs were listened to last: it is busy, not dead
    io_wait: float | None = None
    clock_off: float | None = None
    drained: bool = False
    last_trouble: str = ""
    last_trouble_at: datetime | None = None

    @property
    def unheard(self) -> bool:
        """We have begun just now, and it had no time to answer yet."""
        return not self.up and self.report is None and self.trouble == NOT_YET

    @property
    def has_ssh(self) -> bool:
        """libvirt's test driver makes domains that run nothing."""
        return not self.config.uri.startswith("test")

    def troubled(self, text: str, now: datetime) -> None:
        """The last trouble with it, for organisers."""
        self.last_trouble, self.last_trouble_at = text, now
