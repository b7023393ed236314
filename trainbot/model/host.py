"""Hosts as the rest of trainbot sees them: values in, values out, no library types."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from trainbot.model.disk_space import DiskUse
from trainbot.model.host_address import host_address
from trainbot.model.jump_host import NODE

NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")


def machine_name(host: str, node: str) -> str:
    """What a machine that runs labs is called: HOST, or HOST/NODE where the host has several."""
    return f"{host}/{node}" if node else host


class Mode(enum.StrEnum):
    """The SE Linux mode in which a lab is booted (a kernel argument)."""

    ENFORCING = "enforcing"
    PERMISSIVE = "permissive"


class GuestType(enum.StrEnum):
    """How a lab runs on Xen (other hosts have no choice).  PVH is the default.  Old kernels (CentOS 5) support only PV.
    HVM is for guests that support neither; it needs a device model, so it is used only if asked for."""

    PVH = "pvh"
    PV = "pv"
    HVM = "hvm"


@dataclass(frozen=True, slots=True)
class LabSpec:
    """Everything needed to make one lab.  ``id`` is the domain's UUID (RFC 9562, lower case, dashes), which is
    committed to the store before this is used.  Memory in MiB.  Paths are on the host.
    ``disk`` is the image's own disk, which is never written to: the lab gets an overlay on it.  It is qcow2 if its
    name ends in that, otherwise raw.  ``cmdline`` has no console=: the driver adds the host's.
    ``port`` is the TCP port on the bot's loopback that leads to the lab's ssh (embedded QEMU only; 0 elsewhere).
    ``slot``: its number on its host, from 1; no two labs of a host have the same (model.slots; 0: none).
    ``cpu_percent``: the limit, in percent of one core (Xen's scheduler; 0: all of its CPUs).
    ``node``: where it is to be made, on hosts of several nodes ('' elsewhere).  A lab that exists stays where it is."""

    id: str
    name: str
    image: str
    disk: Path
    kernel: Path
    initrd: Path
    cmdline: str
    memory_mib: int
    vcpus: int = 1
    port: int = 0
    owner: str = ""  # the installation's id: a domain without it is not ours
    guest: GuestType = GuestType.PVH
    slot: int = 0
    cpu_percent: int = 0
    node: str = ""


class DomainState(enum.StrEnum):
    RUNNING = "running"
    OFF = "off"
    CRASHED = "crashed"
    STALLED = "stalled"  # its host's disk is full: it stands still until it is resumed


ON = frozenset((DomainState.RUNNING, DomainState.STALLED))


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of ours as the host reports it.  ``endpoint``: (address, TCP port) of its ssh, if known.  ``run``:
    differs after each boot (Xen: the domain's number), '' if the host cannot tell.  ``disk``, ``cpu`` (seconds of CPU time
    used since it was started): only in a report, and None if unknown.  ``node``: the node of its host that it is on ('' where
    there is only one)."""

    id: str
    name: str
    state: DomainState
    endpoint: tuple[str, int] | None = None
    run: str = ""
    disk: DiskUse | None = None
    cpu: float | None = None
    node: str = ""


@dataclass(frozen=True, slots=True)
class NodeReport:
    """One node of a host of several; values as in HostReport.  ``up``: whether it answers its host; ``labs``: how many of
    ours are there; ``drained``: whoever runs the host wants nothing new there."""

    name: str
    up: bool
    free_mib: int = 0
    labs: int = 0
    memory_mib: int = 0
    cpus: int = 0
    disk_mib: int | None = None
    disk_free_mib: int | None = None
    images: frozenset[str] | None = None
    drained: bool = False


@dataclass(frozen=True, slots=True)
class HostReport:
    """One reading of what a host has.  Memory and disk in MiB (``disk_mib``, ``disk_free_mib``: size and free space of
    the file system of the labs' disks; None: unknown).  ``images``: the versions that are complete there (model.image_files; None: it reads the bot's own files).
    ``busy``: share of all its cores' time that was used since the last reading, 0 to 1; None at first.
    ``parts``: all of its nodes, if it has several.  A lab on a node that does not answer is reported as it was last known,
    or left out: nothing is concluded from either."""

    name: str
    domains: tuple[Domain, ...] = ()
    memory_mib: int = 0
    free_mib: int = 0
    cpus: int = 0
    hypervisor: str = ""
    disk_mib: int | None = None
    disk_free_mib: int | None = None
    images: frozenset[str] | None = None
    busy: float | None = None
    parts: tuple[NodeReport, ...] = ()


class HostDriver(Protocol):
    """What a host can do.  Calls block (they run in threads of the host's own worker), are safe to repeat, and raise
    HostDown (unreachable; whether it was done is unknown), NoSuchThing or BackendError."""

    @property
    def at_once(self) -> int:
        """How many calls it takes at a time, each from another thread.  ``open``, ``report`` and ``ping`` never run beside
        each other, nor do two actions on one lab, unless the first did not return in time.  ``close`` comes when no call
        is under way."""

    @property
    def shared(self) -> bool:
        """Whether other trainbots could reach the host as well, so that it has to be claimed."""

    def open(self) -> None:
        """Opens a new connection and claims the host.  Raises HostDown if it belongs to another trainbot, Superseded if
        another machine has taken over from this one."""

    def close(self) -> None:
        """Closes the connection.  The labs keep running."""

    def claims(self) -> list[str]:
        """Opens the host and returns who else claims it."""

    def signs(self) -> frozenset[str]:
        """Opens the host and returns the signs of life of a bot of this installation.  Claims nothing."""

    def take(self) -> list[str]:
        """Opens the host and claims it even if others had it; returns those others.  Their labs are not touched."""

    def report(self) -> HostReport: ...
    def ping(self) -> None:
        """One question over the connection that costs the host nothing."""

    def make(self, spec: LabSpec) -> Domain:
        """Makes the lab if it does not exist, with a fresh overlay and domain; starts the existing one if it is off."""

    def reset(self, spec: LabSpec) -> Domain:
        """Starts the lab on a fresh overlay; everything on its old disk is lost."""

    def reboot(self, id: str) -> None:
        """Turns the lab off and on; its disk is kept."""

    def snapshot(self, spec: LabSpec) -> Domain:
        """Turns the lab off and on, and keeps its disk as it was then, beneath the overlay that it writes to from now
        on."""

    def rollback(self, spec: LabSpec) -> Domain:
        """Turns the lab off and on with its disk as the last snapshot kept it.  Raises NoSuchThing if there is no
        snapshot: then the lab runs on as it was."""

    def pause(self, id: str) -> None:
        """Stops the lab's CPUs; its memory, disk and connections stay.  Nothing happens if it is off."""

    def resume(self, id: str) -> None:
        """Lets a paused lab go on; starts it with its disk if it is off."""

    def destroy(self, id: str) -> None:
        """Removes the domain and its disk.  No error if they do not exist."""


@dataclass(frozen=True, slots=True)
class HostUp:
    """The host answered; ``report`` is what it has.  ``moving``: labs with an action under way while it was read, about
    which it says nothing certain."""

    report: HostReport
    moving: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class HostSuperseded:
    """Another machine has taken over from this one, as the claim on the host says."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class HostLost:
    """The host no longer answers (the connection is retried automatically, for ever)."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class HostDoubted:
    """The host is late with something, which may mean nothing: it has to be probed.  ``reason``: one sentence."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class HostWorkDone:
    """An action on a lab has ended.  ``error``: None, or one sentence; ``down``: the host did not answer."""

    host: str
    lab: str
    action: str
    domain: Domain | None = None
    error: str | None = None
    down: bool = False


HostEvent = HostUp | HostLost | HostDoubted | HostWorkDone


@dataclass(frozen=True, slots=True)
class HostConfig:
    """[host.NAME].  ``labs``: at most this many; times in seconds.

    ``images``: where that host keeps copies of images (None: it reads the bot's own files).  ``door``: USER@ADDRESS:PORT
    of its jump host, the ssh account that leads to its labs and nowhere else ('': they are reached directly); {node} in it
    stands for the name of the lab's node.
    ``subnet``: of the labs' network, which ``host prepare`` sets up; ``allow``: where labs may connect to from it
    (ADDRESS:PORT each).  ``bandwidth``: KiB that each lab may send per second (0: no limit); ``disk_rate``:
    MiB that it may read and write per second together (QEMU only; 0: no limit).
    """

    name: str
    uri: str
    labs: int = 15
    folder: Path = field(default_factory=lambda: Path("labs"))  # overlays (embedded) or the pool's target (remote)
    network: str = "default"
    keepalive: int = 3  # seconds between keepalive messages ...
    keepalive_count: int = 2  # ... of which this many may go unanswered
    deadline: float = 60.0  # of one call
    kvm: bool | None = None  # QEMU only: hardware virtualisation works; otherwise labs are emulated; None: ask the host
    images: Path | None = None
    door: str = ""
    subnet: str = "10.77.0.0/22"
    allow: tuple[str, ...] = ()
    bandwidth: int = 0
    disk_rate: int = 100

    @property
    def has_slots(self) -> bool:
        """Whether its labs are on a network of their own, where each has a number (model.slots)."""
        return host_address(self.uri).kind.has_slots

    def door_of(self, node: str) -> str | None:
        """The jump host that leads to labs on that node; None if it is not known, or nothing that a node can be called."""
        if NODE not in self.door:
            return self.door
        return self.door.replace(NODE, node) if NODE_NAME.fullmatch(node) else None

    def at_node(self, node: str) -> HostConfig | None:
        """The host as it is at one of its nodes, and called HOST/NODE; None if no node can be called that."""
        door = self.door_of(node)
        if door is None or not NODE_NAME.fullmatch(node):
            return None
        return replace(self, name=machine_name(self.name, node), door=door)
