"""What the scheduler requests from hosts and from the gateway, and what they report about labs."""

from __future__ import annotations

from dataclasses import dataclass

from trainbot.model.host import LabSpec


@dataclass(frozen=True, slots=True)
class HostWork:
    """An action for the host's worker, handed over after the commit."""

    host: str
    action: str
    lab: str
    spec: LabSpec | None


@dataclass(frozen=True, slots=True)
class LabRoute:
    """How to reach a lab.  ``via``: as in Route.via; ``host_key``: the key of its ssh server ('': any)."""

    address: str
    port: int
    via: str = ""
    user: str = "root"
    host_key: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """A request to try until a login works (if the lab's key is unknown: until an ssh server speaks, RFC 4253 4.2), and
    then to report LabBooted."""

    lab: str
    way: LabRoute


@dataclass(frozen=True, slots=True)
class CheckLogin:
    """A request to log in to the lab once, and to report LoginChecked."""

    lab: str
    way: LabRoute


@dataclass(frozen=True, slots=True)
class ProbeHost:
    """A request to listen to a host for a second and to report HostProbed: to its libvirt, its sshd (``via``) and the ssh
    servers of its labs.  ``begins``: it was not listened to just before."""

    host: str
    endpoints: tuple[tuple[str, int], ...]
    via: str = ""
    begins: bool = True


@dataclass(frozen=True, slots=True)
class HostProbed:
    """One round of listening.  ``speaks``: a lab answered; ``greets``: the host's sshd did; ``accepts``: its sshd says
    nothing, but its machine accepts connections.  ``span``: seconds that were listened since the round before, 0 if this
    process was not awake all the time, so that silence means nothing."""

    host: str
    speaks: bool
    greets: bool = False
    accepts: bool = False
    span: float = 1.0


@dataclass(frozen=True, slots=True)
class LabBooted:
    """The lab accepts logins."""

    lab: str


@dataclass(frozen=True, slots=True)
class LoginChecked:
    """Whether a login to the lab worked just now; ``error``: one sentence if it did not; ``slow``: it only took too
    long."""

    lab: str
    error: str = ""
    slow: bool = False


@dataclass(frozen=True, slots=True)
class HostStatus:
    """What the host itself reports.  ``io_wait``: share of all its cores' time since the last status, 0 to 1 (None at
    first); ``clock_off``: its clock minus ours, in seconds."""

    host: str
    io_wait: float | None
    clock_off: float
