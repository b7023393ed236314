"""A lab image that the shipped recipe `centos` makes, of one RPM package that is signed here: a system of Debian's binaries
with the names, units and places of Enterprise Linux's, and the kernel of Debian that the recipe takes.

It shows what the recipe does and how such a system runs with that kernel, and nothing about Enterprise Linux itself.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from tests.images.build import rpm_repository
from tests.images.build.rpm_repository import Repository, Signer, run
from tests.images.importing import offered_image
from trainbot import shipped
from trainbot.images.build.build import build_image
from trainbot.images.build.image_folder import BuiltImage, load_image
from trainbot.images.build.progress_bar import Progress
from trainbot.images.build.recipe import Recipe, load_recipe, recipe_hash
from trainbot.ops.demo.world import cache_folder

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
    "selinux-utils",
    "python3-selinux",
    "python3-minimal",
    "auditd",
    "tmux",
    "procps",
    "less",
    "rpm",
    "passwd",
    "login",
)
# sshd.service and the policy's folder are called as there; what the recipe's hooks disable is a unit that does nothing.
_HOOK = """\
apt-get clean
rm -rf /var/lib/apt/lists/* /boot/* /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id /etc/hostname /etc/resolv.conf
mv /etc/selinux/default /etc/selinux/targeted
mv /var/lib/selinux/default /var/lib/selinux/targeted
sed -i 's/^SELINUXTYPE=.*/SELINUXTYPE=default/' /etc/selinux/config
units=/usr/lib/systemd/system
[ -e $units/ssh.service ] || units=/lib/systemd/system
rm -f /etc/systemd/system/sshd.service /etc/systemd/system/multi-user.target.wants/ssh.service /etc/init.d/ssh /etc/rc?.d/*ssh
mv $units/ssh.service $units/sshd.service
sed -i '/^Alias=/d' $units/sshd.service
for unit in nginx squid sysstat; do
    printf '[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' > $units/$unit.service
done
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
"""
_SPEC = """\
Name: stand-in-system
Version: 9
Release: 1
Summary: A system of Enterprise Linux's shape
License: various
AutoReqProv: no
Provides: /bin/sh
{provides}
%description
A stand-in.
%install
mkdir -p %{{buildroot}}
cp -a {tree}/. %{{buildroot}}/
%files
%defattr(-,root,root,-)
{files}
"""
_EMPTY = ("boot", "dev", "proc", "run", "sys", "tmp")  # where something is mounted while the package is installed


def el_rpm_image(public_key: str, progress: Progress) -> BuiltImage:
    """The image, built now or an earlier time; `public_key` can log in to it as root."""
    recipe = shipped.folder("images") / "centos"
    made_of = hashlib.sha256(recipe_hash(recipe, public_key).encode())
    for module in (__file__, offered_image.__file__, rpm_repository.__file__):
        made_of.update(Path(module).read_bytes())
    there = cache_folder() / f"el-rpm-{made_of.hexdigest()[:12]}"
    if not there.exists():
        for old in there.parent.glob(f"el-rpm-{'?' * 12}"):
            shutil.rmtree(old)
        with tempfile.TemporaryDirectory(prefix=".el-rpm-", dir=there.parent) as work:
            _make(Path(work), public_key, progress)
            (Path(work) / "cache").rename(there)
    return load_image(there, "centos")


def _make(work: Path, public_key: str, progress: Progress) -> None:
    """The image in work/cache."""
    recipes = work / "images"
    shutil.copytree(shipped.folder("images"), recipes)
    recipe = load_recipe(recipes / "centos")
    assert recipe.dnf
    signer = Signer(work / "gpg", "tests")
    repositories: list[Repository] = []
    try:
        package = _package(work, recipe, progress)
        signer.sign([package])
        for key in recipe.dnf.keys:
            written = recipes / "centos/recipe.toml"
            written.write_text(written.read_text().replace(key, signer.fingerprint))
        signer.export(recipes / "keys")
        for place in recipe.dnf.repositories.values():
            repositories.append(Repository(work / "mirror", place))
            repositories[-1].index([package])
        build_image(recipes / "centos", work / "cache", public_key, progress, repositories[0].mirror)
    finally:
        signer.close()
        for repository in repositories:
            repository.close()


def _package(work: Path, recipe: Recipe, progress: Progress) -> Path:
    """The whole system as one package that provides all that the recipe asks for."""
    offered_image.install(work, "el-rpm", PACKAGES, _HOOK, progress)
    progress.stage("making a package of that system")
    tree = work / "tree"
    tree.mkdir()
    run("tar", "-x", "-f", str(work / "system.tar"), "-C", str(tree), *(f"--exclude=./{name}/*" for name in _EMPTY))
    listed = [
        f"%dir /{path.name}" if path.name in _EMPTY else f"/{path.name}"
        for path in sorted(tree.iterdir())
        if path.name != "lost+found"
    ]
    spec = work / "system.spec"
    provides = "\n".join(f"Provides: {name} = 9" for name in recipe.packages)
    spec.write_text(_SPEC.format(provides=provides, tree=tree, files="\n".join(listed)))
    quick = (
        "_build_id_links none",
        "__os_install_post %{nil}",
        "_binary_payload w1.zstdio",
        f"_topdir {work / 'rpmbuild'}",
    )
    run("rpmbuild", "-bb", "--nodeps", *(word for each in quick for word in ("--define", each)), str(spec))
    shutil.rmtree(tree)
    return work / "rpmbuild/RPMS/x86_64/stand-in-system-9-1.x86_64.rpm"
