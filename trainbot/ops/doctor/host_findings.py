"""Findings about a host.  Pure; memory and disk are in host_room, labs of others in host_strangers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trainbot.adapters.hosts.libvirt_errors import unreached
from trainbot.adapters.hosts.libvirt_look import HostLook
from trainbot.config import Config
from trainbot.core.errors import BackendError, HostDown
from trainbot.model.host import HostConfig
from trainbot.model.lab_image import LabImage
from trainbot.ops.doctor.finding import Finding, Findings
from trainbot.ops.doctor.host_kvm import kvm_findings
from trainbot.ops.doctor.host_room import room_findings
from trainbot.ops.doctor.host_shell import HostShell
from trainbot.ops.doctor.host_strangers import stranger_findings
from trainbot.ops.host_setup.hypervisors import KVM
from trainbot.ops.host_setup.plan import CLOCK, plan, refusals
from trainbot.ops.host_setup.plan_images import plan_images
from trainbot.ops.host_setup.state import DesiredState, HostFacts, SetupStep

NO_LABS = "so no labs are created there"
BUSY_DISKS = 0.3  # share of all cores' time spent waiting for disks
LITTLE = 100  # MiB of free memory in dom0, or on a KVM host
_CLOCK_NOTE = 5.0  # seconds

#: The consequence of each missing step of host prepare, the worst first.
_UNPREPARED = {
    "packages": NO_LABS,
    "libvirt": NO_LABS,
    "packet filters": "so labs can attack each other and everything that the host reaches",
    "jump host": "so nobody can get into a lab there",
    "network": "so labs have no address",
    "storage": NO_LABS,
    "scheduling": "so busy labs slow down the whole host",
}
_SEEN_BY_LIBVIRT = ("storage", "network")  # unknown while libvirt does not answer
_FEW = 3  # up to this many steps are shown in detail


@dataclass(frozen=True, slots=True)
class HostSeen:
    """``view``: the running bot's (trainbot.status), None if none runs; ``told``: what its shell reported, ``look``: its
    libvirt, ``jump_host``: CPUs as the jump host reports them; each an error if it failed and None if it was not asked.
    ``embedded``: QEMU in the bot's own process, with its ``missing`` programs, a ``writable`` root, ``kvm``,
    and whether emulators are ``confined``."""

    config: HostConfig
    view: Mapping[str, Any] | None
    told: tuple[HostFacts, DesiredState, HostShell] | BackendError | None = None
    look: HostLook | BackendError | None = None
    jump_host: int | BackendError | None = None
    owner: str = ""
    images: Mapping[str, LabImage] = field(default_factory=dict)
    embedded: bool = False
    confined: bool = True
    missing: tuple[str, ...] = ()
    writable: bool = True
    kvm: bool = True


def host_findings(config: Config, seen: HostSeen) -> list[Finding]:
    words = Findings(f"host {seen.config.name}")
    found = _embedded(words, seen) if seen.embedded else []
    found += _shell(words, seen)
    due: frozenset[str] = frozenset()
    if isinstance(seen.told, tuple):
        due, prepared = _prepared(words, *seen.told[:2])
        found += [*prepared, *_habits(words, *seen.told, due)]
    if not due & {"packages", "libvirt"}:
        found += _libvirt(words, seen)
    found += [*_jump_host(words, seen, due), *_bot(words, seen)]
    if isinstance(seen.look, HostLook):
        found += stranger_findings(words, seen.config, seen.look, seen.owner)
    facts = seen.told[0] if isinstance(seen.told, tuple) else None
    return [*found, *room_findings(words, config, seen.config, seen.images, seen.look, facts, seen.view)]


# -- ways in --------------------------------------------------------------------------------------


def _shell(words: Findings, seen: HostSeen) -> list[Finding]:
    if isinstance(seen.told, BackendError) and not isinstance(seen.told, HostDown):
        why = "so it is not known whether it is prepared"
        return [words.failed("its shell gives no usable answer", seen.told, why)]
    if isinstance(seen.told, HostDown):
        why = "so nothing is known about it" if _needs_ssh(seen) else "so it is not known whether it is prepared"
        return [_unreached(words, "the ssh login fails", seen.told, seen.config.name, why)]
    if seen.told is None:
        return []
    facts, wanted, _ = seen.told
    return [
        words.ok(f"the ssh login works ({facts.system or 'unknown system'}, clock {facts.clock - wanted.now:+.1f} s)")
    ]


def _needs_ssh(seen: HostSeen) -> bool:
    return "ssh" in seen.config.uri.partition("://")[0]


def _ssh_is_why(seen: HostSeen) -> bool:
    """Whether libvirt and jump host fail for the same reason as ssh, which has been reported."""
    return isinstance(seen.told, HostDown) and _needs_ssh(seen)


def _unreached(words: Findings, what: str, error: BackendError, name: str, why: str) -> Finding:
    """A finding that explains an error of ssh or libvirt."""
    means = unreached(str(error), name)
    if not means:
        return words.wrong(
            f"{what} ({error})",
            why,
            f"check that it is on and that its uri is right; trainbot host prepare {name} --dry-run shows more",
        )
    cause, colon, mend = means.partition(": ")
    return words.wrong(f"{what}, {cause}" if colon else what, why, mend if colon else means)


def _libvirt(words: Findings, seen: HostSeen) -> list[Finding]:
    look = seen.look
    if look is None:
        return []
    if isinstance(look, BackendError):
        if _ssh_is_why(seen):
            return []
        return [_unreached(words, "libvirt does not answer", look, seen.config.name, NO_LABS)]
    ours = sum(1 for domain in look.domains if domain.owner and domain.owner == seen.owner)
    if seen.config.uri.startswith("test"):
        return [
            words.note(
                f"is libvirt's test driver ({look.hypervisor}, {ours} labs of ours)",
                "whose labs nobody can log in to",
                "use a Xen or KVM host, or qemu:///embed?root=FOLDER",
            )
        ]
    return [words.ok(f"libvirt answers ({look.hypervisor}, {look.cpus} CPUs, {ours} labs of ours)")]


def _jump_host(words: Findings, seen: HostSeen, due: frozenset[str]) -> list[Finding]:
    if seen.jump_host is None or "jump host" in due:
        return []
    if not isinstance(seen.jump_host, BackendError):
        return [words.ok(f"the gateway can use its jump host ({seen.config.door})")]
    if _ssh_is_why(seen):
        return []
    said = str(seen.jump_host).replace("prepare NAME", f"prepare {seen.config.name}")
    name = seen.config.name
    mend = (
        f"trainbot host prepare {name}"
        if seen.config.door.startswith("trainbot-door@")
        else "add the gateway's key (door_key.pub in the state folder) there"
    ) + f", or set door = ADDRESS:PORT in [host.{name}] to the address at which this machine reaches its sshd"
    return [words.wrong(f"the gateway cannot use its jump host ({said})", "so nobody can get into a lab there", mend)]


def _bot(words: Findings, seen: HostSeen) -> list[Finding]:
    view = seen.view
    if view is None:
        return []
    found = []
    if view.get("up"):
        found.append(words.ok(f"the bot uses it, {view.get('labs', 0)} labs"))
    elif not isinstance(seen.look, BackendError):
        said, _, mend = str(view.get("trouble") or "not reached yet").partition(": ")
        found.append(words.wrong(f"the bot cannot reach it ({said})", NO_LABS, mend or "see the bot's log"))
    if view.get("drained"):
        found.append(words.note("it is drained", NO_LABS, f"!undrain {seen.config.name}"))
    if view.get("last_trouble") and view.get("up"):
        found.append(words.note(f"its last problem, at {view.get('last_trouble_at')}: {view['last_trouble']}"))
    waits = view.get("io_wait")
    if isinstance(waits, float) and waits > BUSY_DISKS:
        found.append(_waiting(words, waits))
    return found


def _embedded(words: Findings, seen: HostSeen) -> list[Finding]:
    found = []
    if seen.missing:
        found.append(
            words.wrong(
                f"{' and '.join(seen.missing)} {'is' if len(seen.missing) == 1 else 'are'} not installed here",
                NO_LABS,
                "apt install qemu-system-x86 qemu-utils",
            )
        )
    if not seen.writable:
        found.append(
            words.wrong(
                "this user cannot write to its root folder",
                NO_LABS,
                "set another folder in its uri, or chown it to the user who runs trainbot",
            )
        )
    if seen.config.kvm and not seen.kvm:
        found.append(
            words.wrong(
                "bot.ini has kvm = yes, but /dev/kvm cannot be used",
                NO_LABS,
                "add the user who runs trainbot to the group kvm, or set kvm = no",
            )
        )
    if not seen.confined:
        found.append(
            words.note(
                "this kernel has no Landlock",
                "so a hole in QEMU would reach all that the bot's user can read",
                "use Linux 5.13 or newer with landlock among its lsm= modules",
            )
        )
    if seen.view is None:
        found.append(
            words.note(
                "only the bot can open it",
                "and no bot is running",
                "start trainbot run, then run trainbot doctor again",
            )
        )
    return found


# -- its setup ------------------------------------------------------------------------------------


def _prepared(words: Findings, facts: HostFacts, wanted: DesiredState) -> tuple[frozenset[str], list[Finding]]:
    """The names of the missing steps of host prepare, and findings about them."""
    name = wanted.host.name
    # without libvirt, the owner of the bridge is unknown
    refused = refusals(facts if facts.virsh else replace(facts, bridge=False, others=()), wanted)
    found = []
    for sentence in refused:
        what, _, mend = sentence.partition(": ")
        found.append(words.wrong(what, "so it cannot be prepared as a host", mend or f"trainbot host prepare {name}"))
    if facts.user != 0 or facts.dom0 is wanted.hypervisor.emulates:
        return frozenset(), found
    steps = [step for step in plan(facts, wanted) if step.due and (facts.virsh or step.name not in _SEEN_BY_LIBVIRT)]
    images = plan_images(facts, wanted)
    found += [words.wrong(*_split(sentence)) for sentence in images.refusals]
    due = frozenset(step.name for step in steps)
    if steps:
        found.append(_unprepared(words, steps, name))
    elif not refused:
        found.append(words.ok("prepared: packet filters, network, storage and jump host are as in bot.ini"))
    if lacking := sorted({item.version for item in images.copies}):
        found.append(
            words.wrong(
                f"has no copy of {', '.join(lacking)}",
                "so no labs are created from it there",
                f"trainbot host prepare {name}",
            )
        )
    if unsure := sorted({item.version for item in images.unsure}):
        found.append(
            words.wrong(
                f"has files of {', '.join(unsure)} that have not been verified",
                "so they may be damaged",
                f"trainbot host prepare {name}",
            )
        )
    for version in images.idle:
        found.append(
            words.note(
                f"the image {version} is no longer used there",
                "and takes up disk space",
                f"on that host: rm {wanted.host.images}/{version}.* {wanted.host.images}/.{version}.*",
            )
        )
    return due, found


def _unprepared(words: Findings, steps: list[SetupStep], name: str) -> Finding:
    few = len(steps) <= _FEW
    things = "; ".join(f"{step.name} (would {step.would})" if few else step.name for step in steps)
    due = {step.name for step in steps}
    why = next((why for known, why in _UNPREPARED.items() if known in due), NO_LABS)
    count = "1 step is" if len(steps) == 1 else f"{len(steps)} steps are"
    return words.wrong(
        f"{count} missing: {things}",
        why,
        f"trainbot host prepare {name}" + ("" if few else " (--dry-run shows what it would do)"),
    )


def _split(sentence: str) -> tuple[str, str, str]:
    what, _, mend = sentence.partition(": ")
    return what, "so it cannot get its images", mend or "free some disk space there"


def _habits(
    words: Findings, facts: HostFacts, wanted: DesiredState, shell: HostShell, due: frozenset[str]
) -> list[Finding]:
    """Settings of the machine that cause trouble only under a full class."""
    found, off = [], facts.clock - wanted.now
    if _CLOCK_NOTE < abs(off) <= CLOCK:
        found.append(
            words.note(
                f"its clock is {abs(off):.0f} s {'ahead' if off > 0 else 'behind'}",
                "and labs take their time from it",
                "install systemd-timesyncd or chrony there",
            )
        )
    kvm = wanted.hypervisor is KVM
    if kvm:
        found += kvm_findings(words, facts, wanted)
    if shell.balloons and not kvm:
        found.append(
            words.wrong(
                "Xen takes memory for labs from dom0 (autoballoon is on)",
                "so each lab leaves less for the host itself, until it hangs",
                'set GRUB_CMDLINE_XEN_DEFAULT="dom0_mem=2G,max:2G" in /etc/default/grub there, run update-grub, reboot',
            )
        )
    if shell.timeout and not shell.woken and "libvirt" not in due:
        found.append(
            words.wrong(
                f"libvirtd exits after {shell.timeout} s without requests, and nothing starts it again",
                "so the bot loses the host after every pause",
                "run systemctl enable --now libvirtd.socket there, or remove --timeout from its LIBVIRTD_ARGS",
            )
        )
    if shell.available_mib is not None and shell.available_mib < LITTLE:
        found.append(
            words.wrong(
                f"{'it' if kvm else 'dom0'} has {shell.available_mib} of its {shell.memory_mib} MiB left",
                "so labs may be killed" if kvm else "so the programs that serve labs' disks may be killed",
                "set fewer labs, or stop other programs there"
                if kvm
                else "give it more with dom0_mem, or stop other programs there",
            )
        )
    if shell.io_wait is not None and shell.io_wait > BUSY_DISKS:
        found.append(_waiting(words, shell.io_wait))
    for table in facts.dropping:
        found.append(
            words.note(
                f"its own firewall ({table}) drops packets by default",
                "which may keep labs from getting addresses",
                "allow DHCP on tb-labs there (docs/preparing-hosts.md)",
            )
        )
    return found


def _waiting(words: Findings, share: float) -> Finding:
    return words.wrong(
        f"its CPUs wait for disks {share:.0%} of the time",
        "so labs boot and answer slowly",
        "find out there what reads and writes (iotop), or set fewer labs in [host." + words.subject[5:] + "]",
    )
