"""A system of Enterprise Linux's shape from Debian's packages, as RPM packages for the shipped recipes: names of packages, units
and the policy's place are Enterprise Linux's, the files Debian's.

It shows what the recipe, its hooks and Debian's kernel do with that shape, and nothing about Enterprise Linux itself.
"""

from __future__ import annotations

import shlex
import tarfile
from collections.abc import Sequence
from pathlib import Path

from tests.images.build.rpm_repository import run
from tests.images.importing.offered_image import install
from trainbot.images.build.progress_bar import Progress

PACKAGES = (
    "systemd-sysv",
    "dbus",
    "udev",
    "kmod",
    "openssh-server",
    "openssh-sftp-server",
    "network-manager",
    "iproute2",
    "selinux-policy-default",
    "policycoreutils",
    "python3-selinux",
    "python3-minimal",
    "auditd",
    "rpm",
    "tmux",
    "procps",
)
#: The package that has all the files; the others, by the names that a recipe asks for, need it.
SYSTEM = "filesystem"
_HOOK = """\
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id /etc/hostname /etc/fstab
rm -rf /etc/init.d /etc/rc?.d /etc/systemd/system/*.wants/ssh.service /etc/systemd/system/sshd.service
mv /usr/lib/systemd/system/ssh.service /usr/lib/systemd/system/sshd.service
sed -i '/^Alias=/d' /usr/lib/systemd/system/sshd.service
for unit in nginx squid sysstat; do
    printf '[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' > /usr/lib/systemd/system/$unit.service
done
mv /etc/selinux/default /etc/selinux/targeted
mv /var/lib/selinux/default /var/lib/selinux/targeted
printf 'SELINUX=permissive\\nSELINUXTYPE=targeted\\n' > /etc/selinux/config
mkdir -p /etc/rpm; echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros
rm -f /etc/os-release
cat > /usr/lib/os-release <<END
NAME="CentOS Stream"
VERSION="9"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="9"
PLATFORM_ID="platform:el9"
PRETTY_NAME="CentOS Stream 9"
END
ln -s ../usr/lib/os-release /etc/os-release
echo 'CentOS Stream release 9' > /etc/centos-release
apt-get clean
rm -rf /var/lib/apt/lists/*
"""
_EMPTY = ("boot", "dev", "proc", "run", "sys", "tmp")
_MACROS = ("_build_id_links none", "__os_install_post %{nil}", "_binary_payload w1.zstdio")


def el_packages(work: Path, names: Sequence[str], progress: Progress) -> list[Path]:
    """The packages of these names, and the one that they need; not signed."""
    install(work, "elrpm", PACKAGES, _HOOK, progress)
    progress.stage("making RPM packages of it")
    system, tree = work / "system.tar", work / "tree"
    tree.mkdir()
    empty = [word for name in _EMPTY for word in ("--exclude", f"./{name}/*")]
    run("tar", "-x", "-p", "-f", str(system), "-C", str(tree), "--no-same-owner", *empty)
    there = sorted(path.name for path in tree.iterdir())
    spec = work / "system.spec"
    spec.write_text(
        "\n".join(
            [
                *_header(SYSTEM),
                "Provides: /bin/sh",
                "%description",
                "A stand-in.",
                *(
                    line
                    for name in names
                    for line in (f"%package -n {name}", *_header(name)[3:], f"Requires: {SYSTEM}")
                ),
                *(line for name in names for line in (f"%description -n {name}", "A stand-in.")),
                "%install",
                f"rm -rf %{{buildroot}}; mv {tree} %{{buildroot}}",
                "%post",
                *_owners(system),
                "%files",
                "%defattr(-,root,root,-)",
                *(f"%dir /{name}" if name in _EMPTY else f"/{name}" for name in there),
                *(f"%files -n {name}" for name in names),
            ]
        )
        + "\n"
    )
    defined = [word for each in (*_MACROS, f"_topdir {work / 'rpmbuild'}") for word in ("--define", each)]
    run("rpmbuild", "-bb", "--nodeps", *defined, str(spec))
    return sorted((work / "rpmbuild/RPMS/x86_64").iterdir())


def _header(name: str) -> list[str]:
    return [f"Name: {name}", "Version: 9", "Release: 1", "Summary: A stand-in", "License: various", "AutoReqProv: no"]


def _owners(system: Path) -> list[str]:
    """Commands that give the files of others than root to them, with the modes that this takes away."""
    found = []
    with tarfile.open(system) as tar:
        for entry in tar:
            if (entry.uid or entry.gid) and not entry.name.startswith(tuple(f"./{name}/" for name in _EMPTY)):
                path = shlex.quote(entry.name.removeprefix("."))
                found.append(f"chown -h {entry.uid}:{entry.gid} {path}")
                if not entry.issym():
                    found.append(f"chmod {entry.mode:o} {path}")
    return found
