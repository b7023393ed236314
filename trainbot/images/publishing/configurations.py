"""Configurations that boot a published image with xl, libvirt on Xen, or plain QEMU.  Pure.

xl.cfg(5), https://libvirt.org/formatdomain.html, qemu-system-x86_64(1).  Kernel and initrd are next to the disk and are
never read out of it, as in our own labs.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from trainbot.core.errors import BackendError
from trainbot.images.build.image_folder import BuiltImage
from trainbot.model.host import GuestType

#: The folder for the files in the instructions: xl and libvirt need absolute paths.
HOME = "/srv/lab-{name}"
#: Of a lab at home that no bot starts: enough for its installer and a browser of its logs.
MEMORY_MIB = 512
SSH_PORT = 2022
_PLAIN = re.compile(r"[ -!#-&(-\[\]-~]*")  # what can stand in double and in single quotes as it is

_LIBVIRT = {GuestType.PVH: ("xenpvh", "xenpvh"), GuestType.PV: ("linux", "xenpv")}


def home(image: BuiltImage) -> str:
    return HOME.format(name=image.name)


def memory(image: BuiltImage) -> int:
    return max(MEMORY_MIB, image.memory_mib)


def xl(image: BuiltImage, guest: GuestType) -> str:
    """An xl.cfg(5) file."""
    there = home(image)
    line = _plain(image.kernel_command_line("hvc0"))
    return f"""# {image.name}, as {guest} on Xen: xl create -c {xl_name(image, guest)}   (^] leaves the console)
# The files are in {there}.  For SE Linux in permissive mode: enforcing=0 instead of enforcing=1.
name = "lab-{image.name}"
type = "{guest}"
memory = {memory(image)}
vcpus = 1
kernel = "{there}/vmlinuz"
ramdisk = "{there}/initrd"
extra = "{line}"
disk = ["{there}/{image.name}.img,raw,xvda,w"]
# your dom0's bridge, as brctl or ip link shows it; without this line the machine has no network
vif = ["bridge=xenbr0"]
on_reboot = "restart"
on_crash = "destroy"
"""


def xl_name(image: BuiltImage, guest: GuestType) -> str:
    return f"{image.name}.cfg" if guest is GuestType.PVH else f"{image.name}-{guest}.cfg"


def xml_name(image: BuiltImage, guest: GuestType) -> str:
    return f"{image.name}.xml" if guest is GuestType.PVH else f"{image.name}-{guest}.xml"


def libvirt_xml(image: BuiltImage, guest: GuestType) -> str:
    """A domain for virsh -c xen:///system."""
    there, (type_, machine) = home(image), _LIBVIRT[guest]
    domain = ET.Element("domain", type="xen")
    ET.SubElement(domain, "name").text = f"lab-{image.name}"
    ET.SubElement(domain, "memory", unit="MiB").text = str(memory(image))
    ET.SubElement(domain, "vcpu").text = "1"
    system = ET.SubElement(domain, "os")
    ET.SubElement(system, "type", arch="x86_64", machine=machine).text = type_
    for tag, text in (
        ("kernel", f"{there}/vmlinuz"),
        ("initrd", f"{there}/initrd"),
        ("cmdline", _plain(image.kernel_command_line("hvc0"))),
    ):
        ET.SubElement(system, tag).text = text
    ET.SubElement(domain, "on_reboot").text = "restart"
    ET.SubElement(domain, "on_crash").text = "destroy"
    devices = ET.SubElement(domain, "devices")
    disk = ET.SubElement(devices, "disk", type="file", device="disk")
    ET.SubElement(disk, "driver", name="qemu", type="raw")
    ET.SubElement(disk, "source", file=f"{there}/{image.name}.img")
    ET.SubElement(disk, "target", dev="xvda", bus="xen")
    devices.append(ET.Comment(" your dom0's bridge; without this element the machine has no network "))
    interface = ET.SubElement(devices, "interface", type="bridge")
    ET.SubElement(interface, "source", bridge="xenbr0")
    console = ET.SubElement(devices, "console", type="pty")
    ET.SubElement(console, "target", type="xen", port="0")
    ET.indent(domain)
    return ET.tostring(domain, encoding="unicode") + "\n"


def qemu(image: BuiltImage) -> str:
    """A shell script that uses KVM if available; the console is the terminal in which it was started.

    Without KVM on a busy machine the timer is late, and Linux 6.12 panics then unless it is told not to test it.
    """
    return f"""#!/bin/sh
# {image.name} in this terminal, logged in as root; ^A X stops it.  SE Linux permissive: enforcing=0 instead of enforcing=1.
# ssh -p {SSH_PORT} root@localhost, once it has your key.  To discard all changes at the end:
#     sh {qemu_name(image)} -snapshot
# If KVM exists but does not work: sh {qemu_name(image)} -machine accel=tcg
cd "$(dirname "$0")" || exit
exec qemu-system-x86_64 -machine q35,accel=kvm:tcg -cpu max -m {memory(image)} \\
    -nodefaults -nographic -serial mon:stdio \\
    -kernel vmlinuz -initrd initrd -append '{_plain(image.kernel_command_line("ttyS0"))} no_timer_check' \\
    -drive file={image.name}.img,format=raw,if=virtio -device virtio-rng-pci \\
    -nic user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:{SSH_PORT}-:22 "$@"
"""


def qemu_name(image: BuiltImage) -> str:
    return f"{image.name}-qemu.sh"


def _plain(line: str) -> str:
    """The image's command line, checked for use inside quotes; it may come from an untrusted disk."""
    if not _PLAIN.fullmatch(line):
        raise BackendError(
            f"the kernel command line {line!r} contains quotes or control characters: it cannot be published"
        )
    return line
