"""What the bot knows about a host now."""

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
    lost: bool = False  # given up: its people have been moved elsewhere
    listen_at: datetime | None = None  # when to probe its labs next; None during a probe
    silences: int = 0  # how many probes in a row found all of its labs silent
    greets: bool = False  # its own ssh server answered the last probe: the host is busy, not dead
    io_wait: float | None = None
    clock_off: float | None = None
    drained: bool = False
    last_trouble: str = ""
    last_trouble_at: datetime | None = None

    @property
    def unheard(self) -> bool:
        """Whether we have only just started and the host has not had time to answer."""
        return not self.up and self.report is None and self.trouble == NOT_YET

    @property
    def has_ssh(self) -> bool:
        """Whether its labs have ssh: domains of libvirt's test driver run nothing."""
        return not self.config.uri.startswith("test")

    def troubled(self, text: str, now: datetime) -> None:
        """Records the latest problem with the host, for organisers."""
        self.last_trouble, self.last_trouble_at = text, now
