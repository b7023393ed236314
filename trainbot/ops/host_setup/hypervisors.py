"""What differs between the kinds of hosts that are prepared, as data for one plan."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

_BOTH = (
    "libvirt-clients",
    "dnsmasq-base",
    "nftables",
    "netcat-openbsd",
    "sudo",
    "qemu-utils",
)


@dataclass(frozen=True, slots=True)
class Hypervisor:
    """``uri``: libvirt's on the host itself; ``packages``: Debian's (and Ubuntu's) that a host needs, besides Xen's own;
    ``emulates``: QEMU runs the labs, as an ordinary user of the host."""

    name: str
    uri: str
    packages: tuple[str, ...]
    emulates: bool

    @property
    def shell(self) -> str:
        """Begins every script for such a host; ``virsh`` is its libvirt's."""
        return (
            "set -eu\nPATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C\nexport PATH LC_ALL\n"
            f'virsh() {{ command virsh -q -c {self.uri} "$@" </dev/null; }}\n'
        )


XEN = Hypervisor(
    "Xen",
    "xen:///system",
    ("libvirt-daemon-system", "libvirt-daemon-driver-xen", *_BOTH, "qemu-system-xen"),
    emulates=False,
)
#: apparmor is only suggested by libvirt's package: with it, each lab's QEMU reaches that lab's files and no others.
KVM = Hypervisor(
    "KVM",
    "qemu:///system",
    ("libvirt-daemon-system", "libvirt-daemon-driver-qemu", *_BOTH, "qemu-system-x86", "apparmor"),
    emulates=True,
)


def hypervisor_of(uri: str) -> Hypervisor | None:
    """None for hosts that need no preparation: libvirt's test driver, and QEMU that the bot itself runs."""
    parts = urlsplit(uri)
    driver = parts.scheme.partition("+")[0]
    if driver == "qemu":
        return KVM if parts.path != "/embed" else None
    return XEN if driver == "xen" else None
