"""Findings about an image.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainbot.config import ImageConfig
from trainbot.images.build.image_folder import FILES, BuiltImage
from trainbot.images.importing.initrd import QEMU, XEN
from trainbot.model.host import GuestType
from trainbot.model.host_address import HostKind
from trainbot.ops.doctor.finding import Finding, Findings

_RISK = " and hvm_accept_risk = yes"


@dataclass(frozen=True, slots=True)
class ImageSeen:
    """``sums``: sha256 of each file; ``recipe``: the current hash of recipe and installation key, None without a recipe
    of that name; ``kernel``: the guest types that its notes list, None if unknown; ``hosts``: the versions on each host that
    keeps copies, None if unknown; ``kinds``: of hosts; ``drivers``: of labs' disks, in its initrd, None if unknown;
    ``kernel_of``: the release of Debian whose kernel the recipe puts in place of the distribution's own, '' if it does not."""

    section: ImageConfig
    image: BuiltImage
    sums: Mapping[str, str]
    recipe: str | None
    kernel: frozenset[GuestType] | None
    hosts: Mapping[str, frozenset[str] | None]
    kinds: frozenset[HostKind] = frozenset((HostKind.XEN,))
    drivers: frozenset[str] | None = None
    kernel_of: str = ""

    @property
    def xen(self) -> bool:
        return HostKind.XEN in self.kinds


def image_findings(words: Findings, seen: ImageSeen) -> list[Finding]:
    return [
        _files(words, seen),
        *_recipe(words, seen),
        *_kernel(words, seen),
        *_initrd(words, seen),
        *_replaced(words, seen),
        *_modes(words, seen),
        *_hosts(words, seen),
    ]


def _files(words: Findings, seen: ImageSeen) -> Finding:
    image = seen.image
    unknown = [name for name in FILES if not image.sha256.get(name)]
    changed = [name for name in FILES if image.sha256.get(name) and seen.sums.get(name) != image.sha256[name]]
    if changed:
        return words.wrong(
            f"{' and '.join(changed)} in {image.folder} do not match image.json",
            "so labs may not boot, or may have been tampered with",
            f"remove that folder when no lab uses it, and run trainbot image "
            f"{'import' if image.source else 'build'} {image.name}",
        )
    if unknown:
        return words.note(
            f"image.json has no checksum of {' and '.join(unknown)}",
            "so hosts cannot get a copy, and damage goes unnoticed",
            "add the output of sha256sum",
        )
    return words.ok(f"{image.folder.name} is intact, {seen.section.memory or image.memory_mib} MiB per lab")


def _recipe(words: Findings, seen: ImageSeen) -> list[Finding]:
    if seen.recipe is None:
        return []
    if seen.recipe == seen.image.recipe:
        return [words.ok("built from the bundled recipe, with the installation's key")]
    return [
        words.wrong(
            "was built from another recipe, or with another key than the gateway has now",
            "and with another key nobody can get into its labs",
            f"trainbot image build {seen.image.name} (running labs keep their image)",
        )
    ]


def _kernel(words: Findings, seen: ImageSeen) -> list[Finding]:
    """How it runs on Xen: what image.json says of its kernel's configuration is sure, the notes in its ELF file are not."""
    known, name = seen.image.guests, seen.section.name
    can = set(known) if known is not None else seen.kernel
    if not seen.xen or can is None:
        return []
    guest = seen.section.guest or seen.image.guest
    if not can:
        return [
            words.wrong(
                "its kernel was built without Xen's drivers",
                "so its labs do not start on Xen",
                "build or import another image, whose kernel has them",
            )
        ]
    if guest not in can:
        best = next(kind for kind in (GuestType.PVH, GuestType.PV, GuestType.HVM) if kind in can)
        return [
            words.wrong(
                f"its kernel cannot run as {guest}" + (" by its ELF notes" if known is None else ""),
                "so its labs do not start on Xen",
                f"set guest = {best}{_RISK if best is GuestType.HVM else ''} in [image.{name}], or use another kernel",
            )
        ]
    if guest is not GuestType.HVM:
        return []
    if not (seen.section.guest and seen.section.hvm_accept_risk):
        return [
            words.wrong(
                "its kernel runs on Xen only as hvm, which is refused",
                "so nobody can get a lab from it",
                f"import an image whose kernel runs as pvh, or read docs/images.md and set guest = hvm{_RISK} in [image.{name}]",
            )
        ]
    return [
        words.note(
            "runs as hvm on Xen",
            "so QEMU in dom0 faces learners who are root in their labs",
            "use an image whose kernel runs as pvh for people you do not know",
        )
    ]


def _initrd(words: Findings, seen: ImageSeen) -> list[Finding]:
    """Only an import looks into the kernel as well: for other images a driver may still be part of it."""
    said = seen.image.lacks
    lacking = set(said) if said is not None else set() if seen.drivers is None else {XEN, QEMU} - seen.drivers
    found = []
    qemu = any(kind.is_qemu for kind in seen.kinds)
    for driver, there, name in ((XEN, seen.xen, "Xen"), (QEMU, qemu, "QEMU")):
        if driver not in lacking or not there:
            continue
        what, effect = f"its initrd has no {driver}", f"its labs on {name} hosts do not find their disk"
        mend = (
            "use another image, or one whose initrd was made with that driver; trainbot image try "
            f"{seen.section.name} shows whether labs of it boot"
        )
        found.append(
            words.wrong(what, f"so {effect}", mend)
            if said is not None
            else words.note(what, f"so {effect}, unless its kernel has the driver built in", mend)
        )
    return found


def _replaced(words: Findings, seen: ImageSeen) -> list[Finding]:
    if not seen.kernel_of:
        return []
    return [
        words.note(
            f"its kernel is that of Debian {seen.kernel_of}",
            "so uname -r is not the distribution's",
            "nothing to do, the lab's greeting says it too; docs/images.md says why",
        )
    ]


def _modes(words: Findings, seen: ImageSeen) -> list[Finding]:
    image = seen.image
    if image.permissive != image.enforcing or (image.source and not image.permissive):  # imported without SE Linux
        return []
    return [
        words.note(
            "image.json has the same kernel arguments for enforcing and permissive",
            "so !lab permissive makes no difference",
            'set "permissive": "enforcing=0" and "enforcing": "enforcing=1" there',
        )
    ]


def _hosts(words: Findings, seen: ImageSeen) -> list[Finding]:
    version, found = seen.image.folder.name, []
    lacking = sorted(name for name, versions in seen.hosts.items() if versions is not None and version not in versions)
    unknown = sorted(name for name, versions in seen.hosts.items() if versions is None)
    if lacking:
        found.append(
            words.wrong(
                f"{', '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} no copy of {version}",
                "so no labs are created from it there",
                " and ".join(f"trainbot host prepare {name}" for name in lacking),
            )
        )
    if unknown:
        found.append(
            words.note(
                f"the versions on {', '.join(unknown)} are unknown",
                "",
                "see the findings about that host",
            )
        )
    if seen.hosts and not lacking and not unknown:
        found.append(words.ok(f"{', '.join(sorted(seen.hosts))} {'has' if len(seen.hosts) == 1 else 'have'} it"))
    return found
