"""Plans the steps from a host's present state to its desired state.  Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from trainbot.model.disk_space import kept_free
from trainbot.ops.host_setup.host_files import (
    FILTERS_UNIT,
    JUMP_HOME,
    KEYS,
    PLACE,
    WEIGHT_UNIT,
    HostFile,
    filter_files,
    jump_host_files,
    placing,
    weight_files,
)
from trainbot.ops.host_setup.hypervisors import KVM
from trainbot.ops.host_setup.plan_kvm import kvm_notes, kvm_refusals, kvm_summary
from trainbot.ops.host_setup.plan_network import network_refusals, network_step
from trainbot.ops.host_setup.state import (
    PROJECT,
    SLICE_WEIGHT,
    WEIGHT,
    DesiredState,
    HostFacts,
    Pool,
    SetupStep,
)

FIRST = ("packages", "libvirt")  # while one of them is missing, what the later steps find is unknown
CLOCK = 30.0  # seconds by which a host's clock may differ from ours
_PLAIN = re.compile(r"/[A-Za-z0-9_./+-]{1,200}")  # paths that need no quoting in a shell
_MACHINES = ("x86_64", "")  # '' if it did not say


def refusals(facts: HostFacts, desired: DesiredState) -> list[str]:
    """Reasons not to touch the host at all, one sentence each."""
    name, kvm = desired.host.name, desired.hypervisor is KVM
    if facts.user != 0:
        there = bool(urlsplit(desired.host.uri).hostname)
        return [
            f"logged in to {name}, but not as root: put root@ into its uri"
            if there
            else f"{name} is this machine, where only root can do this: run it with sudo"
        ]
    if facts.dom0 and kvm:
        return [f"{name} runs Xen, where QEMU cannot use the hardware: put xen in the place of qemu into its uri"]
    if not facts.dom0 and not kvm:
        return [
            f"{name} is not a Xen dom0: install xen-system-amd64 there and reboot into Xen, or put qemu in the place of xen "
            "into its uri"
        ]
    if facts.machine not in _MACHINES:
        return [f"{name} is {facts.machine}, but labs' images are for x86_64: use another host"]
    if not facts.family & {"debian", "ubuntu"}:
        return [
            f"{name} runs {facts.system or 'an unknown system'}, but this command supports only Debian and Ubuntu: "
            "docs/preparing-hosts.md says what to set up by hand"
        ]
    found = [
        f"the folder {folder} of [host.{name}] is not a path that trainbot can create: use only letters, digits and / . _ + -"
        for folder in desired.pools.values()
        if not _PLAIN.fullmatch(folder)
    ] + network_refusals(facts, desired)
    if kvm:
        found += kvm_refusals(facts, desired)
    if abs(off := facts.clock - desired.now) > CLOCK:
        found.append(
            f"the clock of {name} is {abs(off):.0f} s {'ahead' if off > 0 else 'behind'}: set it there "
            "(timedatectl), and install systemd-timesyncd or chrony"
        )
    for pool, folder in desired.pools.items():
        held = facts.pools.get(pool)
        if held is not None and held.path != folder:
            found.append(
                f"libvirt on {name} already has a storage pool {pool}, in {held.path or 'no folder'}: set that "
                f"folder in bot.ini, or run virsh pool-undefine {pool} there"
            )
    if facts.jump_account and facts.jump_account.split(":")[5:6] != [JUMP_HOME]:
        found.append(f"{name} has an account trainbot-door that trainbot did not create: remove it there (userdel)")
    strange = [key for key in facts.keys if desired.jump_key and desired.jump_key.split()[1] not in key.split()]
    if strange:
        found.append(
            f"the jump host account on {name} accepts another installation's key: if that installation is gone, remove "
            f"{KEYS} there"
        )
    return found


def plan(facts: HostFacts, desired: DesiredState) -> list[SetupStep]:
    """The steps in order.  After each of FIRST, plan again with new facts."""
    steps = [
        _packages(facts, desired),
        _libvirt(facts, desired),
        _storage(facts, desired),
        *_quota(facts, desired),
        _filters(facts, desired),
        network_step(facts, desired),
        _slice(facts, desired) if desired.hypervisor is KVM else _weight(facts, desired),
    ]
    if desired.jump_key:
        steps.append(_jump_host(facts, desired))
    return steps


def notes(facts: HostFacts, desired: DesiredState) -> list[str]:
    """What the organiser should know, but trainbot does not change."""
    return (kvm_notes(facts, desired) if desired.hypervisor is KVM else []) + [
        f"the host's own firewall ({table}) drops by default: accept DHCP on tb-labs there, and forward what labs "
        "may connect to (docs/preparing-hosts.md)"
        for table in facts.dropping
    ]


def summary(facts: HostFacts, desired: DesiredState) -> str:
    """The host in one line."""
    xen = facts.xen
    what = (
        kvm_summary(facts)
        if desired.hypervisor is KVM
        else (
            f"Xen {xen.get('xen_version', '?')}, {xen.get('nr_cpus', '?')} CPUs, "
            f"{xen.get('free_memory', '?')} of {xen.get('total_memory', '?')} MiB memory free"
        )
    )
    return f"{facts.system}, {what}, {facts.disk_free} MiB disk free, clock {facts.clock - desired.now:+.1f} s"


def _step(
    desired: DesiredState, name: str, now: str, changes: list[tuple[str, str]], script: str, seconds: float = 300.0
) -> SetupStep:
    """``changes``: pairs of (what would be done, what was done); without any, the step has nothing to do."""
    if not changes:
        return SetupStep(name, now)
    would, did = (_listed(words) for words in zip(*changes, strict=True))
    return SetupStep(name, now, would, did, desired.hypervisor.shell + script, seconds)


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _packages(facts: HostFacts, desired: DesiredState) -> SetupStep:
    missing = [name for name in desired.hypervisor.packages if name not in facts.packages]
    words = " ".join(missing)
    return _step(
        desired,
        "packages",
        "all installed" if not missing else f"{len(missing)} missing",
        [(f"install {words}", f"installed {words}")] if missing else [],
        # the package lists may be recent enough; otherwise update them
        "export DEBIAN_FRONTEND=noninteractive\n"
        'get() { apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null; }\n'
        f"get install --no-install-recommends {words} || "
        f"{{ get update && get install --no-install-recommends {words}; }}\n",
        3600.0,
    )


def _libvirt(facts: HostFacts, desired: DesiredState) -> SetupStep:
    well = facts.virsh and {"enabled", "active"} <= facts.libvirtd
    return _step(
        desired,
        "libvirt",
        "answers" if well else "does not answer" if not facts.virsh else "is not started at boot",
        [] if well else [("enable and start libvirtd", "enabled and started libvirtd")],
        "systemctl -q enable libvirtd.service\nsystemctl start libvirtd.service\nvirsh version\n",
    )


def _storage(facts: HostFacts, desired: DesiredState) -> SetupStep:
    changes, script = [], ""
    for name, folder in desired.pools.items():
        if facts.folders.get(folder) != "711 root:root":
            changes.append((f"create {folder}", f"created {folder}"))
            script += f"mkdir -p {folder}\nchown root:root {folder}\nchmod 711 {folder}\n"  # _PLAIN: no quotes needed
        if facts.pools.get(name) != Pool(folder, True, True):
            changes.append((f"define the pool {name}", f"defined the pool {name}"))
            if name not in facts.pools:
                script += f"virsh pool-define-as {name} dir --target {folder}\n"
            script += (
                f"virsh pool-autostart {name}\nvirsh pool-info {name} | grep -q 'State: *running' || "
                f"virsh pool-start {name}\n"
            )
    return _step(desired, "storage", " and ".join(desired.pools.values()), changes, script)


def _quota(facts: HostFacts, desired: DesiredState) -> list[SetupStep]:
    """The host itself keeps its labs from filling its disk, where its file system can: the bot's own count is the promise,
    and holds on any other."""
    folder, quota = desired.host.folder, facts.quota
    if quota is None or (quota.mount != "/" and not _PLAIN.fullmatch(quota.mount)):
        return []
    limit = quota.size - kept_free(quota.size)
    step = _step(
        desired,
        "disk quota",
        f"labs may fill {quota.limit} of {quota.size} MiB" if quota.limit else "labs may fill all of it",
        [] if quota.limit == limit else [(f"let labs fill {limit} MiB", f"labs may fill {limit} MiB")],
        "command -v xfs_quota >/dev/null || apt-get -q -y install xfsprogs </dev/null\n"
        f"xfs_quota -x -c 'project -s -p {folder} {PROJECT}' {quota.mount} >/dev/null\n"
        f"xfs_quota -x -c 'limit -p bhard={limit}m {PROJECT}' {quota.mount}\n",
    )
    return [step]


def _files_step(
    desired: DesiredState,
    name: str,
    now: str,
    files: list[HostFile],
    facts: HostFacts,
    changes: list[tuple[str, str]],
    before: str,
    after: str,
) -> SetupStep:
    """A step that writes the files that differ; ``after`` runs if the step does anything."""
    missing = [file for file in files if not file.there(facts)]
    changes = [(f"write {file.path}", f"wrote {file.path}") for file in missing] + changes
    return _step(desired, name, now, changes, before + PLACE + placing(missing) + after)


def _filters(facts: HostFacts, desired: DesiredState) -> SetupStep:
    changes = (
        []
        if facts.filters and FILTERS_UNIT in facts.units
        else [("load the filters", "loaded the filters, now and at boot")]
    )
    count = len(desired.host.allow)
    now = f"{desired.host.labs} labs, " + (f"allowed: {' '.join(desired.host.allow)}" if count else "nothing allowed")
    return _files_step(
        desired,
        "packet filters",
        now,
        filter_files(desired),
        facts,
        changes,
        "",
        f"udevadm control --reload\nsystemctl daemon-reload\nsystemctl -q enable {FILTERS_UNIT}\n"
        f"systemctl restart {FILTERS_UNIT}\n",
    )


def _weight(facts: HostFacts, desired: DesiredState) -> SetupStep:
    scheduler = facts.xen.get("xen_scheduler", "")
    if scheduler not in ("credit", "credit2"):
        return SetupStep("scheduling", f"Xen's scheduler {scheduler or '?'} has no weights")
    well = facts.weight == WEIGHT and WEIGHT_UNIT in facts.units
    return _files_step(
        desired,
        "scheduling",
        f"dom0 has weight {facts.weight}, a lab has 256",
        weight_files(),
        facts,
        [] if well else [(f"give dom0 weight {WEIGHT}", f"gave dom0 weight {WEIGHT}, now and at boot")],
        "",
        f"systemctl daemon-reload\nsystemctl -q enable {WEIGHT_UNIT}\nsystemctl restart {WEIGHT_UNIT}\n",
    )


def _slice(facts: HostFacts, desired: DesiredState) -> SetupStep:
    """systemd keeps it, and applies it at once (systemctl(1), set-property)."""
    if facts.weight is None:
        return SetupStep("scheduling", "without systemd, virtual machines have no weight")
    words = f"all virtual machines together weight {SLICE_WEIGHT}"
    return _step(
        desired,
        "scheduling",
        f"all virtual machines together have weight {facts.weight}, the host's services have 100",
        [] if facts.weight == SLICE_WEIGHT else [(f"give {words}", f"gave {words}, now and at boot")],
        f"systemctl set-property machine.slice CPUWeight={SLICE_WEIGHT}\n",
    )


def _jump_host(facts: HostFacts, desired: DesiredState) -> SetupStep:
    changes, before = [], ""
    home = f"{JUMP_HOME} {JUMP_HOME}/.ssh"
    if not facts.jump_account:
        changes.append(("add the account trainbot-door", "added the account trainbot-door"))
        before += (
            f"useradd --system --user-group --no-create-home --home-dir {JUMP_HOME} --shell /bin/sh "
            "--password '*' trainbot-door\n"
        )
    if any(facts.folders.get(folder) != "755 root:root" for folder in home.split()):
        changes.append((f"create {JUMP_HOME}", f"created {JUMP_HOME}"))
        before += f"mkdir -p {home}\nchown root:root {home}\nchmod 755 {home}\n"
    return _files_step(
        desired,
        "jump host",
        "the account trainbot-door, which accepts only the gateway's key and only connects to labs",
        jump_host_files(desired),
        facts,
        changes,
        before,
        "",
    )
