"""What the bot knows about a host now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from trainbot.model.host import HostConfig, HostReport

NOT_YET = "not reached yet"


@dataclass
class Watch:
    """A host of which something is missed.  ``silence``: for how many seconds neither its sshd nor its labs have answered,
    while other hosts were heard; ``alone``: for how many none was heard; ``others``: the signs of life of other hosts
    until the last probe."""

    silence: float = 0.0
    alone: float = 0.0
    others: int = 0
    greetings: int = 0  # answers of its sshd in a row, and of nothing else: it is overloaded
    listen_at: datetime | None = None  # when to probe it next; None during a probe


@dataclass
class HostView:
    """What we last heard of a host.  ``io_wait`` and ``clock_off`` as in HostStatus.  ``drained``: no new labs there."""

    config: HostConfig
    up: bool = False
    report: HostReport | None = None
    trouble: str = NOT_YET
    down_since: datetime | None = None
    lost: bool = False  # given up: its people have been moved elsewhere
    watch: Watch | None = None  # while something of it is missed
    signs: int = 0  # how often it has answered anything
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
    def answers(self) -> bool:
        """Whether something of it answered the last time."""
        if self.watch is None:
            return self.up
        return self.watch.listen_at is not None and not self.watch.silence

    @property
    def has_ssh(self) -> bool:
        """Whether its labs have ssh: domains of libvirt's test driver run nothing."""
        return not self.config.uri.startswith("test")

    def clock_stepped(self, by: timedelta) -> None:
        self.down_since, self.last_trouble_at = (
            None if at is None else at + by for at in (self.down_since, self.last_trouble_at)
        )
        if self.watch is not None and self.watch.listen_at is not None:
            self.watch.listen_at += by

    def troubled(self, text: str, now: datetime) -> None:
        """Records the latest problem with the host, for organisers."""
        self.last_trouble, self.last_trouble_at = text, now
