"""What the scheduler asks of hosts and of the gateway, and what they report about labs."""

from __future__ import annotations

from dataclasses import dataclass

from trainbot.model.host import LabSpec


@dataclass(frozen=True, slots=True)
class HostWork:
    """To be handed to the host's worker after the commit."""

    host: str
    action: str
    lab: str
    spec: LabSpec | None


@dataclass(frozen=True, slots=True)
class LabRoute:
    """How a lab is reached: ``via`` as Route.via, ``host_key`` what its ssh server shows ('': any)."""

    address: str
    port: int
    via: str = ""
    user: str = "root"
    host_key: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """Somebody is to try until one can log in there (only until an ssh server speaks, RFC 4253 4.2, where its key is
    not known), and to say Booted."""

    lab: str
    way: LabRoute


@dataclass(frozen=True, slots=True)
class CheckLogin:
    """Somebody is to log in there once, and to say Checked."""

    lab: str
    way: LabRoute


@dataclass(frozen=True, slots=True)
class ProbeHost:
    """Somebody is to find out whether any ssh server speaks at these addresses, and to say Heard."""

    host: str
    endpoints: tuple[tuple[str, int], ...]
    via: str = ""


@dataclass(frozen=True, slots=True)
class HostProbed:
    """Whether any lab of this host, which does not answer, still speaks; ``greets``: its own ssh server does."""

    host: str
    speaks: bool
    greets: bool = False


@dataclass(frozen=True, slots=True)
class LabBooted:
    """One can log in to the lab."""

    lab: str


@dataclass(frozen=True, slots=True)
class LoginChecked:
    """Whether one could log in to the lab just now; ``error``: one sentence where not."""

    lab: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """What the host itself says: ``io_wait``: share of all its cores' time since the last status, 0 to 1 (None at
    first); ``clock_off``: its clock minus ours, seconds."""

    host: str
    io_wait: float | None
    clock_off: float
