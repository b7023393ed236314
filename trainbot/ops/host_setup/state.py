"""The state of a host, its desired state, and the steps between them: values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trainbot.model import slots
from trainbot.model.host import HostConfig
from trainbot.ops.host_setup.acceleration import Kvm
from trainbot.ops.host_setup.hypervisors import XEN, Hypervisor, hypervisor_of

BRIDGE = "tb-labs"
#: Our bridge's group_fwd_mask: frames to 01:80:c2:00:00:03 to :0f pass the filters like all others.  Otherwise the
#: bridge would handle LLDP frames before the filters and learn from them, and a lab could redirect another lab's frames.
GROUPS = "0xfff8"
PROJECT = 2007  # XFS's number for the labs' disks together
WEIGHT = 2048  # of dom0, for Xen's scheduler; a lab has 256
SLICE_WEIGHT = 50  # of all virtual machines together (systemd's machine.slice); the host's services have 100
OLDEST_LIBVIRT = (9, 0)  # on KVM hosts


@dataclass(frozen=True, slots=True)
class ImageFileCopy:
    """One file of an image's version: ``source`` here, ``name`` in the host's image folder; ``sha256`` in hex; ``size`` in
    bytes, of which ``data`` are not holes."""

    version: str
    source: Path
    name: str
    sha256: str
    size: int
    data: int


@dataclass(frozen=True, slots=True)
class DesiredState:
    """``jump_key``: the public half of the gateway's key to the jump host ('' if there is none); ``jump_address``: (address,
    port) of its sshd as the gateway reaches it; ``now``: our time, in seconds since 1970."""

    host: HostConfig
    jump_key: str
    jump_address: tuple[str, int] | None
    copies: tuple[ImageFileCopy, ...]
    now: float

    @property
    def hypervisor(self) -> Hypervisor:
        return hypervisor_of(self.host.uri) or XEN

    @property
    def pools(self) -> dict[str, str]:
        """libvirt's storage pools: name -> folder."""
        found = {"trainbot": str(self.host.folder)}
        if self.host.images is not None:
            found["trainbot-images"] = str(self.host.images)
        return found

    @property
    def slots(self) -> range:
        return range(1, self.host.labs + 1)

    @property
    def addresses(self) -> dict[str, str]:
        """MAC -> IP of every slot."""
        return {slots.mac_address(slot): str(slots.address(self.host.subnet, slot)) for slot in self.slots}


@dataclass(frozen=True, slots=True)
class InstalledFile:
    """A file on the host; ``mode`` for example "644 root:root"."""

    sha256: str
    mode: str


@dataclass(frozen=True, slots=True)
class Pool:
    """A libvirt storage pool; ``path`` is '' unless it is a folder."""

    path: str
    active: bool
    autostart: bool


@dataclass(frozen=True, slots=True)
class Quota:
    """The XFS file system of the labs' disks, which counts projects (xfs_quota(8)): its size, the limit of the labs' folder
    (0: none), both in MiB, and where it is mounted."""

    size: int
    limit: int
    mount: str


@dataclass(frozen=True, slots=True)
class NetworkState:
    """The parts of a libvirt network that matter here.  ``hosts``: (MAC, address) pairs for DHCP."""

    ours: bool
    bridge: str
    forward: str
    stp: bool
    delay: int
    address: str
    netmask: str
    hosts: frozenset[tuple[str, str]]
    ranges: int
    dns: bool


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What facts.sh found.  Memory and disk in MiB; ``clock`` in seconds since 1970; '' and () if absent.

    ``network``: as defined, ``live``: as it runs, ``filed``: its definition lies there, whether
    or not libvirt answers; ``ports``: the interfaces on our bridge, ``groups``: its mask;
    ``others``: other libvirt networks on our bridge; ``routes``: (subnet, interface) of IPv4 routes; ``dropping``:
    others' nftables chains that drop by default; ``backing``: image files that labs' disks are based on; ``verified``:
    image file -> its sha256, if the file is unchanged since it was computed; ``parts``: unfinished copies;
    ``jump_account``: the account's line of passwd(5).  ``weight``: of dom0, or of machine.slice (None: there are none).

    Of KVM hosts alone: ``memory``: (total, available); ``kvm``; ``emulator``: as whom QEMU runs; ``barred``: folders
    and images' files that are closed to it; ``security``: libvirt's drivers that confine QEMU; ``apparmor``: the kernel has it on.
    """

    user: int = 0
    machine: str = ""
    system: str = ""
    family: frozenset[str] = frozenset()
    dom0: bool = False
    xen: dict[str, str] = field(default_factory=dict)
    clock: float = 0.0
    disk_free: int = 0
    quota: Quota | None = None
    packages: frozenset[str] = frozenset()
    libvirtd: frozenset[str] = frozenset()
    virsh: bool = False
    pools: dict[str, Pool] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    network: NetworkState | None = None
    live: NetworkState | None = None
    filed: bool = False
    autostart: bool = False
    bridge: bool = False
    groups: str = ""
    ports: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()
    forwarding: bool = False
    dropping: tuple[str, ...] = ()
    files: dict[str, InstalledFile] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    filters: bool = False
    units: frozenset[str] = frozenset()
    weight: int | None = None
    jump_account: str = ""
    host_keys: tuple[str, ...] = ()
    images: dict[str, int] = field(default_factory=dict)
    verified: dict[str, str] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    backing: frozenset[str] = frozenset()
    cpus: int = 0
    memory: tuple[int, int] = (0, 0)
    libvirt: str = ""
    kvm: Kvm | None = None
    emulator: str = ""
    barred: tuple[str, ...] = ()
    security: frozenset[str] = frozenset()
    apparmor: bool = False


@dataclass(frozen=True, slots=True)
class SetupStep:
    """``now``: the present state; ``would``: what to do about it ('' if nothing), ``did``: the same in the past tense;
    ``script``: the shell script that does it, run as root on the host for at most ``seconds``, safe to repeat."""

    name: str
    now: str
    would: str = ""
    did: str = ""
    script: str = ""
    seconds: float = 300.0

    @property
    def due(self) -> bool:
        return bool(self.script)
