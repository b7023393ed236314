"""Which of an image's kernels its labs boot.

As the image itself would choose: its boot loader's saved entry, else the newest one by the ordering of its package
manager.  rpm's ordering is librpm's own rpmvercmp (libguestfs depends on that library), Debian's is ``dpkg
--compare-versions``: neither is written again here.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import re
import subprocess
from collections.abc import Callable, Iterable

from trainbot.core.errors import BackendError
from trainbot.images.build.command import environment
from trainbot.images.importing.bootline import saved_kernel
from trainbot.images.importing.facts import DiskFacts, Kernel

#: Kernels beside the ordinary one: for debugging, real-time, others of Enterprise Linux (".x86_64+64k"), Oracle's UEK.
_SPECIAL = re.compile(r"[+._-]debug\b|[+._-]rt(?:\d|\b)|realtime|x86_64\+|uek", re.IGNORECASE)


def choose(facts: DiskFacts, request: str) -> Kernel:
    """The kernel ``request`` ('': the image's choice).  BackendError, with the reason, if there is none for labs."""
    usable = {each.version: each for each in facts.kernels if each.initrd}
    if why := _refusal(facts, bool(usable)):
        raise BackendError(why)
    if request and request not in usable:
        raise BackendError(f"no kernel {request} on this disk (available: {', '.join(sorted(usable))})")
    saved = saved_kernel(facts.entries or {}, facts.grub, facts.grubenv)
    if request or saved in usable:
        return usable[request or saved]
    plain = [version for version in usable if not _SPECIAL.search(version)]
    return usable[in_order(plain or usable, facts.packages)[-1]]


def _refusal(facts: DiskFacts, usable: bool) -> str:
    unmounted = facts.unmounted or {}
    if not facts.systemd:
        return "this system has no systemd, which labs need for their console: use another distribution"
    if "/boot" in unmounted:
        return f"the image's /boot cannot be mounted, so its kernel is out of reach ({unmounted['/boot']})"
    if not usable and facts.kernels:
        names = ", ".join(each.version for each in facts.kernels)
        return f"the kernel in /boot has no initrd beside it ({names}): use the distribution's cloud image"
    if not usable:
        return _no_kernel(facts.other_boot)
    if not facts.cloud_init:
        return "no cloud-init on this disk, so labs would have no network: use the distribution's cloud image"
    return ""


def _no_kernel(other: Iterable[str]) -> str:
    if "uki" in other:
        return (
            "this image boots a unified kernel image (UKI), which has kernel and initrd in one EFI file, but labs need "
            "both as files in /boot: use the distribution's image for BIOS or GRUB"
        )
    if "sd-boot" in other:
        return (
            "this image boots with systemd-boot, its kernel is on the EFI partition, but labs need kernel and initrd in "
            "/boot: use the distribution's image for BIOS or GRUB"
        )
    if "kernel" in other:
        return "the kernel on this disk is not /boot/vmlinuz-VERSION with an initrd: use the distribution's cloud image"
    return "no kernel on this disk (container images have none): use the one for clouds or virtual machines"


def in_order(versions: Iterable[str], packages: str) -> list[str]:
    """Oldest first, as ``packages`` (``deb``, or rpm's ordering for all others) has it."""
    compare = _dpkg if packages == "deb" else _rpm
    return sorted(versions, key=functools.cmp_to_key(compare))


def _dpkg(one: str, other: str) -> int:
    for relation, result in (("lt", -1), ("gt", 1)):
        command = ["dpkg", "--compare-versions", one, relation, other]
        try:
            code = subprocess.run(command, capture_output=True, env=environment(), check=False).returncode
        except FileNotFoundError:
            raise BackendError("Debian's kernels cannot be put into order without dpkg: add --kernel VERSION") from None
        if code == 0:
            return result
    return 0


def _rpm(one: str, other: str) -> int:
    """VERSION-RELEASE, each compared by rpmvercmp, as rpm compares packages."""
    compare = _rpmvercmp()
    for mine, theirs in zip(one.partition("-")[::2], other.partition("-")[::2], strict=True):
        if result := compare(mine.encode(), theirs.encode()):
            return result
    return 0


@functools.cache
def _rpmvercmp() -> Callable[[bytes, bytes], int]:
    for name in ("rpmio", "rpm"):
        try:
            found = ctypes.CDLL(ctypes.util.find_library(name) or "").rpmvercmp
        except (OSError, AttributeError):
            continue
        found.argtypes, found.restype = [ctypes.c_char_p, ctypes.c_char_p], ctypes.c_int
        return found
    raise BackendError(
        "rpm's kernels cannot be put into order without librpm: apt install rpm, or add --kernel VERSION"
    )
