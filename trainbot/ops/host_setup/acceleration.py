"""Whether a host's QEMU can use KVM, why not, and what that costs.  Pure."""

from __future__ import annotations

from dataclasses import dataclass

#: CPU seconds that the Debian lab needs until its ssh answers, emulated on an idle core.
EMULATED_BOOT = 20
_NESTED = "turn nested virtualisation on for it where it runs"


@dataclass(frozen=True, slots=True)
class Kvm:
    """``flag``: vmx or svm, '' if the CPU shows neither; ``module``: of the kernel's that uses it ('' if none is loaded);
    ``device``: mode and owner of /dev/kvm ('' if it is missing); ``guest``: the host is a virtual machine itself;
    ``offered``: libvirt lists it (None: it does not answer); ``works``: QEMU ran an instruction with it, as its user; ``said``: its
    words if not, None if it was not tried."""

    flag: str = ""
    module: str = ""
    device: str = ""
    guest: bool = False
    offered: bool | None = None
    works: bool = False
    said: str | None = None


@dataclass(frozen=True, slots=True)
class NoKvm:
    """``why``: a clause; ``mend``: what to do there.  ``fault``: the CPU has what it needs, so something is wrong."""

    why: str
    mend: str
    fault: bool


def no_kvm(kvm: Kvm, user: str) -> NoKvm | None:
    """None if it works, or may: QEMU is not installed yet.  ``user``: whose QEMU it is."""
    if (kvm.works and kvm.offered is not False) or (kvm.device and kvm.said is None):
        return None
    fault = bool(kvm.flag) or kvm.works
    if kvm.works:
        return NoKvm("libvirtd was started before it worked", "systemctl restart libvirtd there", fault)
    if not kvm.flag and not kvm.device:
        if kvm.guest:
            return NoKvm("it is a virtual machine without nested virtualisation", _NESTED, fault)
        return NoKvm(
            "its CPU shows neither vmx nor svm",
            "turn virtualisation on in its firmware (BIOS), if the CPU has it",
            fault,
        )
    if not kvm.device:
        module = {"vmx": "kvm_intel", "svm": "kvm_amd"}.get(kvm.flag, "kvm")
        if kvm.module:
            return NoKvm(f"/dev/kvm is missing although {kvm.module} is loaded", "see dmesg there", fault)
        return NoKvm(
            f"its module {module} is not loaded",
            f"modprobe {module} there; if that fails, turn virtualisation on in its firmware (BIOS)",
            fault,
        )
    said = kvm.said or ""
    if "denied" in said:
        return NoKvm(
            f"{user}, as whom QEMU runs, may not open /dev/kvm ({kvm.device})",
            "chgrp kvm /dev/kvm and chmod 660 /dev/kvm there, and put that user into the group kvm",
            fault=True,
        )
    return NoKvm(
        f"/dev/kvm is there, but QEMU fails with it ({said or 'it says nothing'})",
        _NESTED if kvm.guest else "see dmesg there",
        fault,
    )


def emulation_cost(labs: int, cpus: int) -> str:
    """What it means for a class, as a clause."""
    together = EMULATED_BOOT * labs // max(cpus, 1)
    return (
        f"so labs are emulated, several times slower: booting takes {EMULATED_BOOT} s of a CPU, "
        f"and {labs} at once on its {cpus or '?'} CPUs take {max(together, EMULATED_BOOT)} s"
    )
