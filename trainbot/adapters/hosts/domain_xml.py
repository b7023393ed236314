"""Converts a LabSpec to libvirt domain XML, and back.  Pure: no I/O, no libvirt.

Sources: https://libvirt.org/formatdomain.html, https://libvirt.org/drvqemu.html (qemu:commandline),
https://libvirt.org/drvlibxl.html.  Every value is set as an ElementTree attribute or text, so that nothing
that somebody typed can become markup.
"""

from __future__ import annotations

import hashlib
import re
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from trainbot.core.errors import BackendError
from trainbot.model import slots
from trainbot.model.host import GuestType, HostConfig, LabSpec
from trainbot.model.host_address import HostKind

OURS = "urn:trainbot:lab:1"
QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
ET.register_namespace("trainbot", OURS)
ET.register_namespace("qemu", QEMU)

_OPERATIONS = 20  # a second, for each MiB a second
_MOST_PERCENT = 100 * 512  # of one core: 512 CPUs, the most that Xen gives one domain
# XML 1.0 cannot express these, and no name or path of ours contains a line break.
_UNWRITABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class OurDomain:
    """What a domain's own XML says about it.  ``port`` is 0 if the lab has none on the bot's loopback, ``cap`` (percent
    of one core) is 0 if it may use all of its CPUs, ``mac`` is '' if it has no network card from libvirt."""

    id: str
    name: str
    owner: str
    image: str
    port: int
    disk: Path | None
    mac: str = ""
    cap: int = 0


@dataclass(frozen=True, slots=True)
class Qemu:
    """The QEMU of a KVM host.  ``kvm``: whether it can use hardware virtualisation; ``user``: user and group as whom labs run
    (None: unknown, libvirt's own choice)."""

    kvm: bool = False
    user: tuple[int, int] | None = None


def domain_xml(
    spec: LabSpec,
    kind: HostKind,
    host: HostConfig,
    overlay: Path | None,
    console: Path | None = None,
    emulator: Path | None = None,
    user: tuple[int, int] | None = None,
) -> str:
    """Returns the XML that defines ``spec`` on a host of ``kind``, with ``overlay`` as its disk (None: no disk) and the
    unix socket ``console`` as its serial line (None: a terminal on the host), run by ``emulator`` as
    ``user`` and group (None: libvirt's own choice).

    Raises BackendError if a value is not allowed in a domain: an invalid UUID, memory or port out of range, control
    characters.
    """
    _check(spec, kind)
    hvm = kind is HostKind.XEN and spec.guest is GuestType.HVM
    domain = ET.Element("domain", type=_type(kind, host))
    _text(domain, "name", spec.name)
    _text(domain, "uuid", spec.id)
    metadata = ET.SubElement(domain, "metadata")
    lab = ET.SubElement(
        metadata, f"{{{OURS}}}lab", owner=_plain(spec.owner), image=_plain(spec.image), port=str(spec.port)
    )
    if spec.cpu_percent:
        lab.set("cap", str(spec.cpu_percent))
    _text(domain, "memory", str(spec.memory_mib), unit="MiB")
    _text(domain, "vcpu", str(spec.vcpus))
    _boot(domain, spec, kind, host)
    if kind.is_qemu:
        _qemu_machine(domain, kind, host)
    elif hvm:
        _acpi(domain)
    for event, action in (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "destroy")):
        _text(domain, event, action)
    devices = ET.SubElement(domain, "devices")
    if emulator is not None:
        _text(devices, "emulator", emulator)
    if overlay is not None:
        _disk(devices, overlay, kind, host)
    if kind.has_slots:
        _interface(devices, spec, kind, host)
    if kind is HostKind.XEN:
        _xen_console(devices)
    elif kind.is_qemu:
        _qemu_devices(devices, console)
    if kind is HostKind.QEMU:
        _qemu_network(domain, spec.port)
    if kind is HostKind.KVM and user is not None:
        # Without it, libvirt would give the user of all labs' QEMUs the image that all of them start from, to write.
        label = ET.SubElement(domain, "seclabel", type="static", model="dac", relabel="no")
        _text(label, "label", "+{}:+{}".format(*user))
    ET.indent(domain)
    return ET.tostring(domain, encoding="unicode") + "\n"


def domain_from_xml(xml: str) -> OurDomain | None:
    """Returns what the domain says about itself, or None if it is not one of trainbot's (whatever its name).

    Anyone with rights on the host could have written the XML, so a domain whose XML does not parse is not ours.
    """
    try:
        domain = ET.fromstring(xml)
        lab = domain.find(f"metadata/{{{OURS}}}lab")
        if lab is None:
            return None
        source = domain.find("devices/disk/source")
        file = source.get("file") if source is not None else None
        port, cap = int(lab.get("port", "0")), int(lab.get("cap", "0"))
        mac = domain.find("devices/interface/mac")
        return OurDomain(
            id=str(uuid.UUID(domain.findtext("uuid", ""))),
            name=domain.findtext("name", ""),
            owner=lab.get("owner", ""),
            image=lab.get("image", ""),
            port=port if 0 < port < 65536 else 0,
            disk=Path(file) if file else None,
            mac=mac.get("address", "").lower() if mac is not None else "",
            cap=cap if 0 < cap <= _MOST_PERCENT else 0,
        )
    except (ET.ParseError, ValueError):
        return None


def qemu_of(capabilities: str) -> Qemu:
    """What libvirt's XML about the host says of its QEMU (https://libvirt.org/formatcaps.html)."""
    try:
        host = ET.fromstring(capabilities)
    except ET.ParseError:
        return Qemu()
    kvm = host.find("guest/arch[@name='x86_64']/domain[@type='kvm']") is not None
    for model in host.findall("host/secmodel"):
        label = model.findtext("baselabel[@type='qemu']", "")
        if model.findtext("model") == "dac" and (found := re.fullmatch(r"\+([0-9]{1,10}):\+([0-9]{1,10})", label)):
            return Qemu(kvm, (int(found[1]), int(found[2])))
    return Qemu(kvm)


def mac_address(id: str) -> str:
    """Returns the MAC address of a lab without a slot: in Xen's range (00:16:3e) and always the same for one lab, so
    that a reset keeps its DHCP address."""
    a, b, c = hashlib.sha256(id.encode()).digest()[:3]
    return f"00:16:3e:{a:02x}:{b:02x}:{c:02x}"


def _check(spec: LabSpec, kind: HostKind) -> None:
    try:
        canonical = str(uuid.UUID(spec.id)) == spec.id
    except ValueError:
        canonical = False
    if not canonical:
        raise BackendError(f'lab id "{spec.id}" is not a UUID in lower case with dashes')
    if not spec.owner:
        raise BackendError(f'lab "{spec.name}" has no owner: nothing would tell it apart from other domains')
    if spec.slot and not 1 <= spec.slot <= slots.MOST:
        raise BackendError(f'lab "{spec.name}" has slot {spec.slot}: the highest is {slots.MOST}')
    if spec.memory_mib < 16 or spec.vcpus < 1:
        raise BackendError(f'lab "{spec.name}" needs at least 16 MiB and 1 CPU')
    if not 0 <= spec.cpu_percent <= _MOST_PERCENT:
        raise BackendError(f'lab "{spec.name}" cannot have {spec.cpu_percent} % of a core')
    if kind is HostKind.QEMU and not 0 < spec.port < 65536:
        raise BackendError(f'lab "{spec.name}" needs a port between 1 and 65535, not {spec.port}')


def _plain(value: str | Path) -> str:
    text = str(value)
    if _UNWRITABLE.search(text):
        raise BackendError(f"{text!r} contains a control character, which a domain can't have")
    return text


def _text(parent: ET.Element, tag: str, value: str | Path, **attributes: str) -> None:
    ET.SubElement(parent, tag, attributes).text = _plain(value)


def _type(kind: HostKind, host: HostConfig) -> str:
    if kind.is_qemu:
        return "kvm" if host.kvm else "qemu"
    return kind.value


#: libvirt's names for the type and the machine of a guest.
_XEN_TYPES = {GuestType.PVH: ("xenpvh", "xenpvh"), GuestType.PV: ("linux", "xenpv"), GuestType.HVM: ("hvm", "xenfv")}


def _boot(domain: ET.Element, spec: LabSpec, kind: HostKind, host: HostConfig) -> None:
    """Sets up direct kernel boot: kernel and initrd come from the host, never from a learner's disk (CVE-2007-4993,
    XSA-443)."""
    system = ET.SubElement(domain, "os")
    if kind is HostKind.TEST:
        _text(system, "type", "hvm")
        return
    if kind.is_qemu:
        _text(system, "type", "hvm", arch="x86_64", machine="q35")
    else:
        _text(system, "type", _XEN_TYPES[spec.guest][0], arch="x86_64", machine=_XEN_TYPES[spec.guest][1])
    _text(system, "kernel", spec.kernel)
    _text(system, "initrd", spec.initrd)
    line = f"{spec.cmdline} console={'hvc0' if kind is HostKind.XEN else 'ttyS0'}"
    if kind.has_slots:
        # The machine id is the DHCP identity as well: labs that inherit one from their image (for example in
        # /var/lib/dbus) would all be given the same address.  Derived from the UUID, it stays the same after a reset.
        line += f" systemd.machine_id={uuid.UUID(spec.id).hex}"
    if kind.is_qemu and not host.kvm and "no_timer_check" not in line.split():
        # An emulated timer is late on a busy host, and Linux 6.12 panics then ("IO-APIC + timer doesn't work!").
        line += " no_timer_check"
    _text(system, "cmdline", line.strip())


def _acpi(domain: ET.Element) -> ET.Element:
    features = ET.SubElement(domain, "features")
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    return features


def _qemu_machine(domain: ET.Element, kind: HostKind, host: HostConfig) -> None:
    features = _acpi(domain)
    if kind is HostKind.KVM:
        ET.SubElement(features, "vmport", state="off")  # VMware's, which nothing here needs
    if host.kvm:
        # No lab is ever moved to another CPU, and a lab's kernel should know which flaws its own has.  Nested
        # virtualisation is most of what has let guests out of KVM.
        cpu = ET.SubElement(domain, "cpu", mode="host-passthrough")
        for nested in ("vmx", "svm"):
            ET.SubElement(cpu, "feature", policy="disable", name=nested)
        return
    # QEMU's default is a translation cache of 1 GiB per guest; a small Debian needs a tenth of that.
    tcg = ET.SubElement(features, "tcg")
    _text(tcg, "tb-cache", "128", unit="MiB")
    # All that the emulation has: QEMU's default is without x86-64-v2, which Enterprise Linux 9 needs.
    ET.SubElement(domain, "cpu", mode="maximum")


def _disk(devices: ET.Element, overlay: Path, kind: HostKind, host: HostConfig) -> None:
    disk = ET.SubElement(devices, "disk", type="file", device="disk")
    driver = ET.SubElement(disk, "driver", name="qemu", type="qcow2")
    if kind.is_qemu:
        # A lab does not survive its machine, so waiting until data is on the disk gains nothing.
        driver.attrib.update(cache="unsafe", discard="unmap")
    ET.SubElement(disk, "source", file=_plain(overlay))
    target, bus = {HostKind.XEN: ("xvda", "xen")}.get(kind, ("vda", "virtio"))
    ET.SubElement(disk, "target", dev=target, bus=bus)
    if kind.is_qemu and host.disk_rate:  # QEMU's own limits, for reads and writes together; libxl has none
        limits = ET.SubElement(disk, "iotune")
        _text(limits, "total_bytes_sec", str(host.disk_rate << 20))
        _text(limits, "total_iops_sec", str(host.disk_rate * _OPERATIONS))


def _interface(devices: ET.Element, spec: LabSpec, kind: HostKind, host: HostConfig) -> None:
    """Adds a network card on the labs' network: paravirtual on Xen, virtio on QEMU.  On Xen, an HVM lab has the PV disk as
    well: QEMU also shows it on its IDE bus, which our kernel unplugs before any of the learner's programs run (Xen's
    emulated device unplug protocol).  There are no graphics, so libvirt needs neither VGA nor VNC, and no sound, nor USB on
    Xen, unless they are asked for."""
    interface = ET.SubElement(devices, "interface", type="network")
    ET.SubElement(interface, "mac", address=slots.mac_address(spec.slot) if spec.slot else mac_address(spec.id))
    ET.SubElement(interface, "source", network=_plain(host.network))
    if spec.slot:
        ET.SubElement(interface, "target", dev=slots.interface(spec.slot))
    if kind is HostKind.KVM:
        ET.SubElement(interface, "model", type="virtio")
        # In QEMU, which is confined, rather than in the host's kernel (vhost), which would read what a learner writes.
        ET.SubElement(interface, "driver", name="qemu")
        ET.SubElement(interface, "rom", enabled="no")
    elif spec.guest is GuestType.HVM:
        ET.SubElement(interface, "model", type="netfront")  # otherwise QEMU would emulate an rtl8139
    if host.bandwidth:  # limits what it sends, in KiB/s: libxl supports neither bursts nor the other direction
        ET.SubElement(ET.SubElement(interface, "bandwidth"), "outbound", average=str(host.bandwidth))


def _xen_console(devices: ET.Element) -> None:
    console = ET.SubElement(devices, "console", type="pty")
    ET.SubElement(console, "target", type="xen", port="0")


def _qemu_devices(devices: ET.Element, line: Path | None) -> None:
    """Adds a serial console and nothing else: each emulated device is a possible escape route for a hostile guest.
    libvirt adds a USB controller and a memory balloon unless it is told not to."""
    ET.SubElement(devices, "controller", type="usb", model="none")
    for tag, target in (("serial", {"port": "0"}), ("console", {"type": "serial", "port": "0"})):
        device = ET.SubElement(devices, tag, type="pty" if line is None else "unix")
        if line is not None:
            ET.SubElement(device, "source", mode="bind", path=_plain(line))
        ET.SubElement(device, "target", target)
    ET.SubElement(devices, "memballoon", model="none")


def _qemu_network(domain: ET.Element, port: int) -> None:
    """Adds QEMU's user network, with no way out (restrict) and one way in: from the bot's loopback to the lab's ssh.

    libvirt 9 has no element for either, so they go through qemu:commandline; only an int is inserted there.  PCI slot
    0x10 is one that libvirt does not give to its own devices on q35.
    """
    commandline = ET.SubElement(domain, f"{{{QEMU}}}commandline")
    for value in (
        "-netdev",
        f"user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{int(port)}-:22",
        "-device",
        "virtio-net-pci,netdev=n0,addr=0x10,romfile=",
    ):
        ET.SubElement(commandline, f"{{{QEMU}}}arg", value=value)
