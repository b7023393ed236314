"""What a host is and what it is to be -> steps from one to the other.  Pure."""

from __future__ import annotations

import re

from trainbot.ops.host_setup.host_files import (
    DOOR_HOME,
    FILTERS_UNIT,
    KEYS,
    PLACE,
    WEIGHT_UNIT,
    HostFile,
    door_files,
    filter_files,
    placing,
    weight_files,
)
from trainbot.ops.host_setup.plan_network import network_refusals, network_step
from trainbot.ops.host_setup.state import PACKAGES, WEIGHT, DesiredState, HostFacts, Pool, SetupStep

CLOCK = 30.0  # seconds that a host's clock may be off
_PLAIN = re.compile(r"/[A-Za-z0-9_./+-]{1,200}")  # folders there, as they stand in shell text
_SHELL = "set -eu\nPATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C\nexport PATH LC_ALL\n"
_VIRSH = 'virsh() { command virsh -q -c xen:///system "$@" </dev/null; }\n'


def refusals(facts: HostFacts, desired: DesiredState) -> list[str]:
    """Why nothing is done there at all; one sentence each."""
    name = desired.host.name
    if facts.user != 0:
        return [f"{name} lets us in, but not as root: say root@ in its uri"]
    if not facts.dom0:
        return [f"{name} is not a Xen dom0: install xen-system-amd64 there and boot it"]
    if not facts.family & {"debian", "ubuntu"}:
        return [
            f"{name} runs {facts.system or 'an unknown system'}; this command knows Debian and Ubuntu only: "
            "docs/preparing-hosts.md says what such a host needs"
        ]
    found = [
        f"the folder {folder} of [host.{name}] is not a path that trainbot can create: use plain letters and /"
        for folder in _pools(desired).values()
        if not _PLAIN.fullmatch(folder)
    ] + network_refusals(facts, desired)
    if abs(off := facts.clock - desired.now) > CLOCK:
        found.append(
            f"the clock of {name} is {abs(off):.0f} s {'ahead' if off > 0 else 'behind'}: set it there "
            "(timedatectl), and install systemd-timesyncd or chrony"
        )
    for pool, folder in _pools(desired).items():
        there = facts.pools.get(pool)
        if there is not None and there.path != folder:
            found.append(
                f"libvirt on {name} has a storage pool {pool} already, in {there.path or 'no folder'}: give "
                f"bot.ini that folder, or say virsh pool-undefine {pool} there"
            )
    if facts.door and facts.door.split(":")[5:6] != [DOOR_HOME]:
        found.append(f"{name} has an account trainbot-door that trainbot did not make: remove it there (userdel)")
    strange = [key for key in facts.keys if desired.jump_key and desired.jump_key.split()[1] not in key.split()]
    if strange:
        found.append(
            f"the door of {name} lets in another installation's key: if that one is no more, remove {KEYS} there"
        )
    return found


def plan(facts: HostFacts, desired: DesiredState) -> list[SetupStep]:
    """In the order to do them.  Where packages are missing, what comes after them is to be planned again then."""
    steps = [
        _packages(facts),
        _libvirt(facts),
        _storage(facts, desired),
        _filters(facts, desired),
        network_step(facts, desired),
        _weight(facts),
    ]
    if desired.jump_key:
        steps.append(_door(facts, desired))
    return steps


def notes(facts: HostFacts) -> list[str]:
    """What the person should know and we do nothing about."""
    return [
        f"its own firewall ({table}) drops by default: let in DHCP on tb-labs there, and forward what labs are "
        "allowed (docs/preparing-hosts.md)"
        for table in facts.dropping
    ]


def summary(facts: HostFacts, desired: DesiredState) -> str:
    """The host in one line."""
    xen = facts.xen
    return (
        f"{facts.system}, Xen {xen.get('xen_version', '?')}, {xen.get('nr_cpus', '?')} CPUs, "
        f"{xen.get('free_memory', '?')} of {xen.get('total_memory', '?')} MiB memory free, "
        f"{facts.disk_free} MiB disk free, clock {facts.clock - desired.now:+.1f} s"
    )


def _step(name: str, now: str, changes: list[tuple[str, str]], script: str, seconds: float = 300.0) -> SetupStep:
    """``changes``: (what would be done, what was done) each; none: the step has nothing to do."""
    if not changes:
        return SetupStep(name, now)
    would, did = (_listed(words) for words in zip(*changes, strict=True))
    return SetupStep(name, now, would, did, _SHELL + script, seconds)


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _packages(facts: HostFacts) -> SetupStep:
    missing = [name for name in PACKAGES if name not in facts.packages]
    words = " ".join(missing)
    return _step(
        "packages",
        "all there" if not missing else f"{len(missing)} missing",
        [(f"install {words}", f"installed {words}")] if missing else [],
        # lists that are there may be enough; where they are too old, fresh ones
        "export DEBIAN_FRONTEND=noninteractive\n"
        'get() { apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null; }\n'
        f"get install --no-install-recommends {words} || "
        f"{{ get update && get install --no-install-recommends {words}; }}\n",
        3600.0,
    )


def _libvirt(facts: HostFacts) -> SetupStep:
    well = facts.virsh and {"enabled", "active"} <= facts.libvirtd
    return _step(
        "libvirt",
        "answers" if well else "does not answer" if not facts.virsh else "is not started at boot",
        [] if well else [("enable and start libvirtd", "enabled and started libvirtd")],
        _VIRSH + "systemctl -q enable libvirtd.service\nsystemctl start libvirtd.service\nvirsh version\n",
    )


def _pools(desired: DesiredState) -> dict[str, str]:
    host = desired.host
    pools = {"trainbot": str(host.folder)}
    if host.images is not None:
        pools["trainbot-images"] = str(host.images)
    return pools


def _storage(facts: HostFacts, desired: DesiredState) -> SetupStep:
    changes, script = [], _VIRSH
    for name, folder in _pools(desired).items():
        if facts.folders.get(folder) != "711 root:root":
            changes.append((f"make {folder}", f"made {folder}"))
            script += f"mkdir -p {folder}\nchown root:root {folder}\nchmod 711 {folder}\n"  # _PLAIN: no quotes needed
        if facts.pools.get(name) != Pool(folder, True, True):
            changes.append((f"define the pool {name}", f"defined the pool {name}"))
            if name not in facts.pools:
                script += f"virsh pool-define-as {name} dir --target {folder}\n"
            script += (
                f"virsh pool-autostart {name}\nvirsh pool-info {name} | grep -q 'State: *running' || "
                f"virsh pool-start {name}\n"
            )
    return _step("storage", " and ".join(_pools(desired).values()), changes, script)


def _files_step(
    name: str,
    now: str,
    files: list[HostFile],
    facts: HostFacts,
    changes: list[tuple[str, str]],
    before: str,
    after: str,
) -> SetupStep:
    """One whose files are written only where they differ; ``after`` runs whenever anything was to be done."""
    missing = [file for file in files if not file.there(facts)]
    changes = [(f"write {file.path}", f"wrote {file.path}") for file in missing] + changes
    return _step(name, now, changes, before + PLACE + placing(missing) + after)


def _filters(facts: HostFacts, desired: DesiredState) -> SetupStep:
    changes = [] if facts.filters and FILTERS_UNIT in facts.units else [("load them", "loaded them, now and at boot")]
    count = len(desired.host.allow)
    now = f"{desired.host.labs} labs, " + (f"allowed: {' '.join(desired.host.allow)}" if count else "nothing allowed")
    return _files_step(
        "packet filters",
        now,
        filter_files(desired),
        facts,
        changes,
        "",
        f"udevadm control --reload\nsystemctl daemon-reload\nsystemctl -q enable {FILTERS_UNIT}\n"
        f"systemctl restart {FILTERS_UNIT}\n",
    )


def _weight(facts: HostFacts) -> SetupStep:
    scheduler = facts.xen.get("xen_scheduler", "")
    if scheduler not in ("credit", "credit2"):
        return SetupStep("scheduling", f"Xen's scheduler {scheduler or '?'} knows no weights")
    well = facts.weight == WEIGHT and WEIGHT_UNIT in facts.units
    return _files_step(
        "scheduling",
        f"dom0 has weight {facts.weight}, a lab has 256",
        weight_files(),
        facts,
        [] if well else [(f"give dom0 {WEIGHT}", f"gave dom0 {WEIGHT}, now and at boot")],
        "",
        f"systemctl daemon-reload\nsystemctl -q enable {WEIGHT_UNIT}\nsystemctl restart {WEIGHT_UNIT}\n",
    )


def _door(facts: HostFacts, desired: DesiredState) -> SetupStep:
    changes, before = [], ""
    home = f"{DOOR_HOME} {DOOR_HOME}/.ssh"
    if not facts.door:
        changes.append(("add the account trainbot-door", "added the account trainbot-door"))
        before += (
            f"useradd --system --user-group --no-create-home --home-dir {DOOR_HOME} --shell /bin/sh "
            "--password '*' trainbot-door\n"
        )
    if any(facts.folders.get(folder) != "755 root:root" for folder in home.split()):
        changes.append((f"make {DOOR_HOME}", f"made {DOOR_HOME}"))
        before += f"mkdir -p {home}\nchown root:root {home}\nchmod 755 {home}\n"
    return _files_step(
        "door",
        "the account trainbot-door, for the gateway's key and labs alone",
        door_files(desired),
        facts,
        changes,
        before,
        "",
    )
