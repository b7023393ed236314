"""The sections of bot.ini about labs, hosts and images."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from trainbot.config.section import Section, below
from trainbot.core.errors import BackendError
from trainbot.core.wording import span
from trainbot.model import slots
from trainbot.model.config import ImageConfig, LabsConfig, StoreConfig
from trainbot.model.host import GuestType, HostConfig
from trainbot.model.host_address import HostKind, host_address
from trainbot.model.jump_host import ACCOUNT, NODE, SSH, JumpHost

#: Subcommands of ``!lab``: nobody could request an image with such a name.
LAB_WORDS = frozenset(
    (
        "create",
        "list",
        "console",
        "reboot",
        "reset",
        "snapshot",
        "rollback",
        "extend",
        "return",
        "destroy",
        "home",
        "for",
        "revoke",
        "capacity",
        "claim",
        "keep",
        "kept",
        "restore",
        "permissive",
        "old",
    )
)
#: User names at the gateway with a meaning (old is one of LAB_WORDS): nobody could log in to an image with such a name.
USER_NAMES = frozenset(("plain", "desk", "watch", "check", "play"))
#: Folders of a remote host for lab disks and copies of images (our libvirt storage pools).
REMOTE_POOL = Path("/var/lib/libvirt/trainbot")
REMOTE_IMAGES = Path("/var/lib/libvirt/trainbot-images")
REMOTE_NETWORK = "trainbot"  # created by host prepare
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


def read_labs(s: Section) -> LabsConfig:
    d = LabsConfig()
    config = LabsConfig(
        per_person=s.whole("per_person", d.per_person, 1, 20),
        lease=s.span("lease", d.lease),
        cap=s.span("cap", d.cap),
        lost_after=s.span("lost_after", d.lost_after),
        warn=s.span("warn", d.warn),
        grace=s.span("grace", d.grace),
        spare=s.whole("spare", d.spare, 0, 1000),
        share=s.whole("share", d.share, 0, 200),
        lead=s.span("lead", d.lead),
        early=s.span("early", d.early),
        health=s.span("health", d.health),
        overcommit=s.number("overcommit", d.overcommit, 1, 100),
        public_address=s.text("public_address", d.public_address),
        kept=s.whole("kept", d.kept, 0, 20),
        kept_size=s.whole("kept_size", d.kept_size, 1, 256),
        kept_for=s.span("kept_for", d.kept_for),
        kept_total=s.whole("kept_total", d.kept_total, 1, 1 << 20),
    )
    if s.text("disk"):
        s.fault(
            "disk", "no longer used: each lab is promised the whole disk of its image now, see overcommit: remove it"
        )
    if config.cap < config.lease:
        s.fault(
            "cap", f"{span(config.cap)} is shorter than the lease of {span(config.lease)}: make it at least as long"
        )
    if config.warn >= config.lease:
        s.fault("warn", f"{span(config.warn)} is not shorter than the lease of {span(config.lease)}")
    if config.kept_size > config.kept_total:
        s.fault(
            "kept_total", f"{config.kept_total} MiB are less than one archive of kept_size ({config.kept_size} MiB)"
        )
    if config.early > config.lead:
        s.fault("early", f"{span(config.early)} is longer than lead ({span(config.lead)}): make it at most as long")
    return config


def read_host(s: Section, name: str, store: StoreConfig) -> HostConfig:
    if not NAME.fullmatch(name):
        s.fault("(name)", f'"{name}" is not a host name: use letters a-z, digits and -')
    uri = s.take("uri", lambda raw: _uri(raw, s.base), "")
    if not uri and not s.values.get("uri"):
        s.fault("uri", "missing: set the host's libvirt address, for example qemu+ssh://root@kvm1.example.org/system")
    kind = host_address(uri).kind if uri else HostKind.TEST
    folder = REMOTE_POOL if kind.has_slots else store.state / "labs" / name
    # on a KVM host not the bot's own files, even on this machine: QEMU's user cannot read them
    copies = kind is HostKind.KVM or (kind is HostKind.XEN and bool(urlsplit(uri).netloc))
    d, kvm = HostConfig(name, uri), s.yes("kvm", False)
    host = HostConfig(
        name=name,
        uri=uri,
        labs=s.whole("labs", d.labs, 1, slots.MOST),
        folder=s.path("folder", folder),
        network=s.text("network", REMOTE_NETWORK if kind.has_slots else d.network),
        kvm=kvm if s.values.get("kvm") else d.kvm,
        keepalive=s.whole("keepalive", d.keepalive, 1, 600),
        deadline=s.number("deadline", d.deadline, 1, 3600),
        images=s.path("images", REMOTE_IMAGES if copies else None),
        door=s.take("door", _door, _door_of(uri)),
        subnet=s.take("subnet", _subnet, d.subnet),
        allow=s.take("allow", _allowed, d.allow),
        bandwidth=s.whole("bandwidth", d.bandwidth, 0, 1 << 20),
        disk_rate=s.whole("disk_rate", d.disk_rate, 0, 1 << 16),
    )
    if NODE in host.door and uri and not host_address(uri).nodes:
        s.fault("door", f"{NODE} is for hosts of several nodes, and this is one machine: use its address")
    if host.bandwidth and uri and not kind.has_slots:
        s.fault("bandwidth", "only Xen and KVM hosts can limit a lab's network rate: remove this option")
    if s.values.get("disk_rate") and uri and not kind.is_qemu:
        s.fault("disk_rate", "only KVM hosts and qemu:///embed can limit a lab's disk rate: remove this option")
    try:
        slots.address(host.subnet, host.labs)
    except ValueError as error:
        s.fault("subnet", str(error))
    return host


def _door_of(uri: str) -> str:
    """The jump host of a host that libvirt reaches over ssh: the same address."""
    parts = urlsplit(uri)
    if "ssh" not in parts.scheme.partition("+")[2] or not parts.hostname:
        return ""
    return str(JumpHost(ACCOUNT, parts.hostname, parts.port or SSH))


_ANY_NODE = "x--any--node--x"  # stands for the name of a node while a door is read


def _door(raw: str) -> str:
    if raw == "none":
        return ""
    try:
        if NODE in raw.rpartition("@")[0]:
            raise ValueError("the account is the same on all nodes")
        return str(JumpHost.parse(raw.replace(NODE, _ANY_NODE), user=ACCOUNT, port=SSH)).replace(_ANY_NODE, NODE)
    except ValueError:
        raise ValueError(
            f'"{raw}" is not [USER@]ADDRESS[:PORT]: use for example xen1.example.org, or none if the labs are reached directly'
        ) from None


def _subnet(raw: str) -> str:
    try:
        network = IPv4Network(raw)
    except ValueError:
        raise ValueError(f'"{raw}" is not an IPv4 network: use for example 10.77.0.0/22') from None
    if not network.is_private or network.prefixlen > 29:
        raise ValueError(f'"{raw}" is not a private network of /29 or larger: use for example 10.77.0.0/22')
    return str(network)


def _allowed(raw: str) -> tuple[str, ...]:
    for word in raw.split():
        if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}:[0-9]{1,5}", word) or not _is_endpoint(word):
            raise ValueError(f'"{word}" is not an IPv4 ADDRESS:PORT: use for example 192.0.2.7:3128')
    return tuple(raw.split())


def _is_endpoint(word: str) -> bool:
    numbers, _, port = word.partition(":")
    return all(int(number) < 256 for number in numbers.split(".")) and 1 <= int(port) <= 65535


def _uri(raw: str, base: Path) -> str:
    """A supported libvirt address; the root of an embedded one is relative to bot.ini."""
    parts = urlsplit(raw)
    query = dict(parse_qsl(parts.query))
    if parts.path == "/embed" and "root" in query:
        query["root"] = str(below(base, query["root"]))
        raw = f"{raw.partition('?')[0]}?{urlencode(query, safe='/')}"  # geturl() would lose the slashes
    try:
        host_address(raw)
    except BackendError as error:
        raise ValueError(str(error)) from None
    return raw


def read_image_section(s: Section, name: str, store: StoreConfig) -> ImageConfig:
    if not NAME.fullmatch(name):
        s.fault("(name)", f'"{name}" is not an image name: use letters a-z, digits and -')
    elif name in LAB_WORDS:
        s.fault("(name)", f"!lab {name} is a command, so an image cannot have that name: choose another")
    elif name in USER_NAMES:
        s.fault(
            "(name)",
            f"{name}@ has a meaning of its own at the gateway, so an image cannot have that name: rename the section and its folder",
        )
    spare, d = s.whole("spare", -1, 0, 1000), ImageConfig("", Path())
    image = ImageConfig(
        name=name,
        folder=s.path("folder", store.state / "images" / name),
        memory=s.whole("memory", 0, 64, 1 << 20) or None,
        vcpus=s.whole("vcpus", d.vcpus, 1, 64),
        spare=None if spare < 0 else spare,
        guest=s.take("guest", _guest, d.guest),
        hvm_accept_risk=s.yes("hvm_accept_risk", d.hvm_accept_risk),
        cpu_percent=s.whole("cpu_percent", d.cpu_percent, 0, 6400),
        mirror=s.take("mirror", _mirror, d.mirror),
    )
    if image.guest is GuestType.HVM and not image.hvm_accept_risk:
        s.fault(
            "guest",
            "hvm puts QEMU in dom0 before learners who are root in their labs, and was never tried: read docs/images.md, and "
            "add hvm_accept_risk = yes if that is acceptable",
        )
    return image


def _mirror(raw: str) -> str:
    """The address of a folder on a web server, ending with /."""
    try:
        parts = urlsplit(raw)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or parts.username is not None or parts.query or parts.fragment or not raw.isprintable() or " " in raw:
        raise ValueError(f'"{raw}" is not an address: use for example https://mirror.example.org/almalinux/')
    return raw.rstrip("/") + "/"


def _guest(raw: str) -> GuestType:
    try:
        return GuestType(raw.lower())
    except ValueError:
        raise ValueError(f'"{raw}" is not a guest type: use pvh, pv or hvm') from None
