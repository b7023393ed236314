"""Recipes of RPM packages, against a repository that the tests make with rpmbuild, rpmsign and createrepo_c."""

import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.build.conftest import Heard
from tests.images.build.rpm_repository import Package, Repository, Signer, build, run, shell_and_what_it_needs
from trainbot.core.errors import BackendError, ConfigError
from trainbot.images.build.build import build_image
from trainbot.images.build.command import BuildLog
from trainbot.images.build.image_folder import images_folder
from trainbot.images.build.overlay import write_overlay
from trainbot.images.build.recipe import load_recipe
from trainbot.images.build.rootfs import make_rootfs

pytestmark = pytest.mark.images

RECIPE = """
kind = "dnf"
name = "standin"
suite = "9"
user = "root"
disk_mib = 64
memory_mib = 384
cmdline = "root=LABEL=standin rw"
permissive = "enforcing=0"
enforcing = "enforcing=1"
packages = ["base", "talker"]
[dnf]
release = "9"
platform = "platform:el9"
rpmdb = "/var/lib/rpm"
mirror = "http://127.0.0.1:1/"
keys = ["{key}"]
[dnf.repositories]
baseos = "$releasever/BaseOS/os/"
"""

# What EL's scriptlets expect: /dev/null that swallows, random numbers, their own /proc.
TALK = """
echo nothing > /dev/null
[ -c /dev/null ] && [ -c /dev/urandom ] && [ -e /dev/fd/0 ] && [ -d /proc/self/fd ]
[ "$(stat -c %t:%T /dev/null)" = 1:3 ]
cat /proc/1/comm > /var/lib/talked
"""

PACKAGES = (
    # EL's `filesystem` owns these, while they are mounted
    Package(
        "filesystem",
        folders=("/dev", "/proc", "/sys", "/usr", "/usr/bin", "/var/lib", "/root"),
        links={"/bin": "usr/bin", "/lib": "usr/lib", "/lib64": "usr/lib64"},
    ),
    Package(
        "base",
        files={**shell_and_what_it_needs(), "/usr/share/doc/base/README": "read me"},
        docs=("/usr/share/doc/base/README",),
        header="Requires: filesystem\nProvides: /bin/sh\nRecommends: extra",
    ),
    Package("talker", files={"/usr/share/talker": "hello\n"}, header="Requires: base\nRequires(post): base", post=TALK),
    Package("extra", files={"/usr/share/extra": "not wanted\n"}),
)


@pytest.fixture(scope="module")
def signer(tmp_path_factory) -> Iterator[Signer]:
    signer = Signer(tmp_path_factory.mktemp("signer") / "gpg", "tests")
    yield signer
    signer.close()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory) -> Iterator[Signer]:
    stranger = Signer(tmp_path_factory.mktemp("stranger") / "gpg", "stranger")
    yield stranger
    stranger.close()


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> dict[str, Path]:
    """The packages, not signed."""
    top = tmp_path_factory.mktemp("packages")
    return {package.name: build(package, top) for package in PACKAGES}


@pytest.fixture(scope="module")
def signed(packages, signer, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("signed")
    copies = {name: Path(shutil.copy(path, folder)) for name, path in packages.items()}
    signer.sign(copies.values())
    return copies


@pytest.fixture
def repository(tmp_path) -> Iterator[Repository]:
    repository = Repository(tmp_path / "mirror", "9/BaseOS/os")
    yield repository
    repository.close()


@pytest.fixture
def recipe_dir(tmp_path, signer) -> Path:
    """A recipe that trusts the signer, whose key lies beside it."""
    folder = tmp_path / "recipes" / "standin"
    (folder / "files/etc").mkdir(parents=True)
    (folder / "hooks").mkdir()
    (folder / "recipe.toml").write_text(RECIPE.format(key=signer.fingerprint))
    (folder / "files/etc/laid-over").write_text("ours\n")
    (folder / "hooks/10-first.sh").write_text("echo $NAME > /etc/hooked\ncat /usr/share/talker >> /etc/hooked\n")
    signer.export(folder.parent / "keys")
    return folder


def installed(recipe_dir: Path, repository: Repository, work: Path, heard: Heard) -> dict[str, tarfile.TarInfo]:
    """The system that the recipe makes, as name -> entry; unpacked in work/system."""
    work.mkdir()
    recipe = load_recipe(recipe_dir)
    for name in ("host_key", "host_key.pub"):
        (work / name).write_text(name)
    write_overlay(recipe, "ssh-ed25519 AAAA lab", work / "host_key", work / "overlay.tar")
    make_rootfs(recipe, work / "overlay.tar", work / "system.tar", BuildLog(work / "log"), heard, repository.mirror)
    (work / "system").mkdir()
    run("tar", "-x", "-f", str(work / "system.tar"), "-C", str(work / "system"), "--exclude=./dev/*")
    with tarfile.open(work / "system.tar") as tar:
        return {entry.name.removeprefix("./"): entry for entry in tar}


def test_signed_packages_are_installed(tmp_path, recipe_dir, repository, signed, heard):
    """With the right key: the packages, without documentation and what is only recommended; scripts find /proc and /dev,
    of which nothing stays; our files are there before the hooks, and of the hooks nothing stays."""
    repository.index(signed.values())
    found = installed(recipe_dir, repository, tmp_path / "work", heard)
    system = tmp_path / "work/system"
    assert (system / "etc/hooked").read_text() == "standin\nhello\n"
    assert (system / "var/lib/talked").is_file() and (system / "etc/laid-over").is_file()
    assert found["root/.ssh/authorized_keys"].mode == 0o600
    assert "usr/share/extra" not in found and "usr/share/doc/base/README" not in found
    assert not [name for name in found if name.startswith(("dev/", "proc/", "var/tmp/lab-hooks"))]
    assert {entry.uid for entry in found.values()} == {0}
    assert {"installing packages", "setting up the lab"} <= set(heard.said)
    assert [line for line in heard.said if line.startswith("3/3 ")]


def test_the_database_of_packages_is_where_the_release_has_it(tmp_path, recipe_dir, repository, signed, heard):
    """rpm in the lab finds its packages: the database is where the recipe says, not where this machine's rpm has it."""
    recipe = recipe_dir / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("/var/lib/rpm", "/usr/lib/sysimage/rpm"))
    repository.index(signed.values())
    found = installed(recipe_dir, repository, tmp_path / "work", heard)
    assert [name for name in found if name.endswith("rpmdb.sqlite")] == ["usr/lib/sysimage/rpm/rpmdb.sqlite"]
    database = tmp_path / "work/system/usr/lib/sysimage/rpm"
    listed = subprocess.run(["rpm", "--dbpath", str(database), "-qa"], capture_output=True, text=True, check=True).stdout
    assert {"base-1-1.x86_64", "talker-1-1.x86_64", "filesystem-1-1.x86_64"} <= set(listed.split())
