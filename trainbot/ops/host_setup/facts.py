"""Reads the output of facts.sh.  The host is not trusted: output of any other form is refused."""

from __future__ import annotations

import base64
import binascii
import re
import shlex
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from trainbot.core.errors import BackendError
from trainbot.core.text import one_line
from trainbot.ops.host_setup import network
from trainbot.ops.host_setup.acceleration import Kvm
from trainbot.ops.host_setup.host_files import FILES, UNITS
from trainbot.ops.host_setup.remote_shell import RemoteShell
from trainbot.ops.host_setup.state import BRIDGE, PROJECT, DesiredState, HostFacts, InstalledFile, Pool, Quota

_SCRIPT = Path(__file__).with_name("facts.sh")
_MOST_LINES = 20_000
# Each kind of line, and the form of its value.
_NAME = r"[A-Za-z0-9_.:@+-]{1,255}"
_PATH = r"/[A-Za-z0-9_./@+-]{0,1000}"
_FORMS = {
    "clock": r"(\d{9,11}\.\d{1,9})",
    "user": r"(\d{1,10})",
    "system": r"([^\x00-\x1f\x7f]{0,100})",
    "family": r"([a-z0-9._ -]{0,100})",
    "machine": r"([a-z0-9_]{1,30})",
    "dom0": "yes",
    "xen": rf"([a-z_]{{1,20}}) ({_NAME})",
    "weight": r"(\d{1,6})",
    "disk": r"(\d{1,12})",
    "quota": rf"(\d{{1,12}}) (\d{{1,12}}) ({_PATH})",
    "package": rf"({_NAME})",
    "libvirtd": "(enabled|active)",
    "unit": rf"({_NAME})",
    "virsh": "yes",
    "pool": rf"({_NAME}) (yes|no) (yes|no) ([A-Za-z0-9+/=]{{1,100000}})",
    "network": r"([A-Za-z0-9+/=]{1,1000000})",
    "live": r"([A-Za-z0-9+/=]{1,1000000})",
    "filed": "yes",
    "autostart": "(yes|no)",
    "other": rf"({_NAME})",
    "bridge": "yes",
    "groups": "(0x[0-9a-f]{1,4})",
    "port": rf"({_NAME})",
    "route": rf"({_NAME}(?:/\d+)?) ({_NAME})",
    "forwarding": "([01])",
    "dropping": rf"({_NAME} {_NAME})",
    "file": rf"({_PATH}) ([0-9a-f]{{64}}) (\d{{3,4}} {_NAME})",
    "folder": rf"({_PATH}) (\d{{3,4}} {_NAME})",
    "key": r"([^\x00-\x1f\x7f]{0,8000})",
    "filters": "yes",
    "door": r"([^\x00-\x1f\x7f]{0,500})",
    "hostkey": r"([a-z0-9@.-]{1,60} [A-Za-z0-9+/=]{1,2000})(?: .{0,200})?",
    "image": rf"({_NAME}) (\d{{1,16}})",
    "verified": rf"({_NAME}) ([0-9a-f]{{64}})",
    "part": rf"({_NAME})",
    "backing": rf"({_NAME})",
    "cpus": r"(\d{1,5})",
    "memory": r"(\d{1,12}) (\d{1,12})",
    "libvirt": r"(\d{1,4}\.\d{1,4}\.\d{1,4})",
    "kvm": r"(flag|module|device|guest|offered|works|said) ([^\x00-\x1f\x7f]{0,300})",
    "emulator": rf"({_NAME})",
    "barred": rf"({_PATH})",
    "security": r"([a-z0-9]{1,20})",
    "apparmor": "yes",
}


def facts_script(desired: DesiredState) -> str:
    """The script to run on the host as root."""
    host = desired.host
    values = {
        "folder": host.folder,
        "images": host.images or host.folder,
        "network": host.network,
        "bridge": BRIDGE,
        "driver": desired.hypervisor.uri,
        "packages": " ".join(desired.hypervisor.packages),
        "files": " ".join(FILES),
        "units": " ".join(UNITS),
        "project": PROJECT,
    }
    return "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in values.items()) + _SCRIPT.read_text(
        encoding="utf-8"
    )


def ask(reach: RemoteShell, desired: DesiredState, seconds: float) -> tuple[HostFacts, DesiredState]:
    """The host's facts, and ``desired`` with our time at the moment the host reported its own.  Raises BackendError as
    ``read`` and ``RemoteShell.run`` do."""
    heard = [time.time()]

    def follow(line: str) -> None:
        if line.startswith("clock "):
            heard[0] = time.time()

    facts = read(reach.run(facts_script(desired), seconds, follow))
    return facts, replace(desired, now=heard[0])


def read(said: str) -> HostFacts:
    """Raises BackendError with the first line of another form."""
    found: dict[str, list[tuple[str, ...]]] = {key: [] for key in _FORMS}
    for key, values in _lines(said):
        found[key].append(values)
    if not found["clock"] or not found["user"]:
        raise BackendError("the host reported nothing about itself: try to log in there with ssh and run sh")

    def one(key: str, default: str = "") -> str:
        return found[key][0][0] if found[key] and found[key][0] else default

    def all_of(key: str) -> tuple[str, ...]:
        return tuple(values[0] for values in found[key])

    def pairs(key: str) -> dict[str, str]:
        return {values[0]: values[1] for values in found[key]}

    return HostFacts(
        user=int(one("user")),
        machine=one("machine"),
        system=one("system").strip(),
        family=frozenset(one("family").split()),
        dom0=bool(found["dom0"]),
        xen=pairs("xen"),
        clock=float(one("clock")),
        disk_free=int(one("disk", "0")),
        quota=next((Quota(int(size), int(limit), mount) for size, limit, mount in found["quota"]), None),
        packages=frozenset(all_of("package")),
        libvirtd=frozenset(all_of("libvirtd")),
        virsh=bool(found["virsh"]),
        pools={name: _pool(xml, active, auto) for name, active, auto, xml in found["pool"]},
        folders=pairs("folder"),
        network=network.read(_decoded(one("network"))) if found["network"] else None,
        live=network.read(_decoded(one("live"))) if found["live"] else None,
        filed=bool(found["filed"]),
        autostart=one("autostart") == "yes",
        bridge=bool(found["bridge"]),
        groups=one("groups"),
        ports=all_of("port"),
        others=all_of("other"),
        routes=tuple((values[0], values[1]) for values in found["route"]),
        forwarding=one("forwarding") == "1",
        dropping=tuple(dict.fromkeys(all_of("dropping"))),
        files={path: InstalledFile(sha256, mode) for path, sha256, mode in found["file"]},
        keys=tuple(key for key in all_of("key") if key.strip()),
        filters=bool(found["filters"]),
        units=frozenset(all_of("unit")),
        weight=int(one("weight")) if found["weight"] else None,
        jump_account=one("door"),
        host_keys=all_of("hostkey"),
        images={name: int(size) for name, size in found["image"]},
        verified=pairs("verified"),
        parts=all_of("part"),
        backing=frozenset(all_of("backing")),
        cpus=int(one("cpus", "0")),
        memory=next(((int(whole), int(left)) for whole, left in found["memory"]), (0, 0)),
        libvirt=one("libvirt"),
        kvm=_kvm(pairs("kvm")) if found["kvm"] else None,
        emulator=one("emulator"),
        barred=all_of("barred"),
        security=frozenset(all_of("security")),
        apparmor=bool(found["apparmor"]),
    )


def _lines(said: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    lines = said.splitlines()
    if len(lines) > _MOST_LINES:
        raise BackendError(f"the host sent more than {_MOST_LINES} lines: does its login shell print something else?")
    for line in lines:
        key, _, rest = line.partition(" ")
        match = re.fullmatch(_FORMS[key], rest, re.ASCII) if key in _FORMS else None
        if match is None:
            if key in ("system", "door", "key", "hostkey"):  # written by people; lines with odd characters are left out
                continue
            raise BackendError(
                f"unexpected output from the host: {line[:100]!r}; does its login shell print a greeting for "
                "commands too?"
            )
        yield key, match.groups()


def _decoded(text: str) -> ET.Element:
    try:
        return ET.fromstring(base64.b64decode(text, validate=True))
    except (binascii.Error, ET.ParseError, ValueError):
        raise BackendError("libvirt on the host returned invalid XML for a pool or network") from None


def _kvm(said: dict[str, str]) -> Kvm:
    return Kvm(
        flag=said.get("flag", ""),
        module=said.get("module", ""),
        device=said.get("device", ""),
        guest=said.get("guest") == "yes",
        offered=said["offered"] == "yes" if "offered" in said else None,
        works=said.get("works") == "yes",
        said=one_line(said["said"], 200) if "said" in said else None,
    )


def _pool(xml: str, active: str, autostart: str) -> Pool:
    pool = _decoded(xml)
    path = (pool.findtext("target/path") or "") if pool.get("type") == "dir" else ""
    return Pool(path, active == "yes", autostart == "yes")
