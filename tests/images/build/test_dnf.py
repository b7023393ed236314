"""Recipes of RPM packages, against a repository that the tests make with rpmbuild, rpmsign and createrepo_c."""

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import trainbot
from tests.images.build.conftest import KEY, Heard
from tests.images.build.rpm_repository import Package, Repository, Signer, build, run, shell_and_what_it_needs
from trainbot.core.errors import BackendError, ConfigError
from trainbot.images.build.build import build_image
from trainbot.images.build.command import BuildLog, environment
from trainbot.images.build.image_folder import images_folder
from trainbot.images.build.overlay import write_overlay
from trainbot.images.build.recipe import load_recipe
from trainbot.images.build.rootfs import make_rootfs
from trainbot.model.host import GuestType

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
set -e
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
    assert not [name for name in found if name.startswith(("dev/", "proc/", "tmp/", "var/tmp/", "var/cache/"))]
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
    listed = subprocess.run(
        ["rpm", "--dbpath", str(database), "-qa"], capture_output=True, text=True, check=True
    ).stdout
    assert {"base-1-1.x86_64", "talker-1-1.x86_64", "filesystem-1-1.x86_64"} <= set(listed.split())


def refused(recipe_dir: Path, repository: Repository, tmp_path: Path, heard: Heard) -> str:
    """What a build says that fails; it leaves nothing, neither of the image nor of the system."""
    images = images_folder(tmp_path / "cache")
    with pytest.raises(BackendError) as error:
        build_image(recipe_dir, tmp_path / "cache", KEY, heard, repository.mirror)
    assert {path.name for path in images.iterdir()} == {"standin-build.log", ".standin.lock"}
    return str(error.value)


def test_packages_of_another_key_are_refused(tmp_path, recipe_dir, repository, packages, stranger, heard):
    """Who has another key than the recipe's gets nothing installed, though all else is right."""
    stranger.sign(copied := [Path(shutil.copy(path, tmp_path)) for path in packages.values()])
    repository.index(copied)
    assert "is signed with another key than the recipe's; " in refused(recipe_dir, repository, tmp_path, heard)
    assert "installing packages" not in heard.said


def test_a_single_package_of_another_key_is_refused(
    tmp_path, recipe_dir, repository, signed, packages, stranger, heard
):
    """One package in the middle is enough, and nothing of the others is installed."""
    stranger.sign([other := Path(shutil.copy(packages["talker"], tmp_path))])
    repository.index([*signed.values(), other])
    said = refused(recipe_dir, repository, tmp_path, heard)
    assert "because the package talker-1-1.x86_64 is signed with another key than the recipe's; " in said
    assert "installing packages" not in heard.said


def test_unsigned_packages_are_refused(tmp_path, recipe_dir, repository, signed, packages, heard):
    """A package without a signature is refused, whatever the repository's checksums say."""
    repository.index([*signed.values(), packages["talker"]])
    said = refused(recipe_dir, repository, tmp_path, heard)
    assert "because the package talker-1-1.x86_64 is not signed; " in said
    assert "installing packages" not in heard.said


@pytest.mark.parametrize("described_anew", [True, False], ids=["and described anew", "and not described anew"])
def test_a_package_that_was_changed_after_signing_is_refused(
    tmp_path, recipe_dir, repository, signed, heard, described_anew
):
    """A byte of its content changed: refused, even by a repository whose checksums were made anew."""
    repository.index(signed.values())
    there = repository.folder / signed["talker"].name
    content = bytearray(there.read_bytes())
    content[-20] ^= 0xFF
    there.write_bytes(content)
    if described_anew:
        repository.index()
    said = refused(recipe_dir, repository, tmp_path, heard)
    why = "is damaged" if described_anew else "is not the one that the repository describes"
    assert f"because the package talker-1-1.x86_64 {why}; " in said
    assert "installing packages" not in heard.said


@pytest.mark.parametrize(("what", "said"), [("talker", "talker"), ("primary", "baseos"), ("repomd", "baseos")])
def test_a_repository_that_breaks_off_ends_the_build(tmp_path, recipe_dir, repository, signed, heard, what, said):
    """Half of a package or of the description is nothing; the refusal names what did not come."""
    repository.index(signed.values())
    repository.breaks_off = what
    assert said in refused(recipe_dir, repository, tmp_path, heard)
    assert "installing packages" not in heard.said


def test_a_mirror_that_is_not_there_ends_the_build(tmp_path, recipe_dir, repository, heard):
    """Nothing there: one sentence with dnf's own reason."""
    assert "repomd.xml" in refused(recipe_dir, repository, tmp_path, heard)


def test_a_package_that_does_not_exist_ends_the_build(tmp_path, recipe_dir, repository, signed, heard):
    """It is not left out: the image would lack what the exercises use."""
    path = recipe_dir / "recipe.toml"
    path.write_text(path.read_text().replace('"talker"', '"talker", "squirrel"'))
    repository.index(signed.values())
    assert "squirrel" in refused(recipe_dir, repository, tmp_path, heard)


def test_a_hook_that_fails_ends_the_build(tmp_path, recipe_dir, repository, signed, heard):
    """A system that is half set up becomes no image."""
    (recipe_dir / "hooks/20-second.sh").write_text("cat /no/such/file\n")
    repository.index(signed.values())
    assert "/no/such/file" in refused(recipe_dir, repository, tmp_path, heard)


def test_scriptlets_that_failed_are_reported(tmp_path, recipe_dir, repository, signed, signer, heard):
    """dnf goes on after a scriptlet of a package that failed: whoever builds is told of it."""
    bad = build(Package("broken", header="Requires(post): base", post="echo I need a clock\nexit 3"), tmp_path)
    signer.sign([bad])
    path = recipe_dir / "recipe.toml"
    path.write_text(path.read_text().replace('"talker"', '"talker", "broken"'))
    repository.index([*signed.values(), bad])
    installed(recipe_dir, repository, tmp_path / "work", heard)
    assert [line for line in heard.said if "scriptlet" in line and "broken" in line], heard.said


def test_a_key_that_is_missing_or_another_ends_the_build(
    tmp_path, recipe_dir, repository, signed, signer, stranger, heard
):
    """Without the recipe's key, or with another in its place, nothing is downloaded."""
    repository.index(signed.values())
    key = recipe_dir.parent / "keys" / f"{signer.fingerprint}.asc"
    another = stranger.export(tmp_path / "other").read_text()
    for content, said in (
        (another, f"contains another key: {stranger.fingerprint}"),
        (key.read_text() + another, "contains another key"),
        ("not a key\n", "contains another key: none"),
        (None, "the key that signs the packages is not there"),
    ):
        key.write_text(content) if content else key.unlink()
        with pytest.raises(ConfigError, match=said):
            build_image(recipe_dir, tmp_path / "cache", KEY, heard, repository.mirror)
    assert not repository.requests


@pytest.mark.parametrize("where", ["downloading", "in a scriptlet", "in a hook"])
def test_an_interrupted_build_leaves_nothing(tmp_path, recipe_dir, repository, signed, signer, where, heard):
    """Ctrl-C, wherever the build is: no process, no mount, nothing on the disk, and soon."""
    repository.index(signed.values())
    mark = f"sleep 86{os.getpid()}"
    if where == "downloading":
        repository.waits = "talker"
    elif where == "in a hook":
        (recipe_dir / "hooks/10-first.sh").write_text(f"echo stage: here\n{mark}\n")
    else:
        slow = build(Package("slow", header="Requires(post): base", post=mark), tmp_path)
        signer.sign([slow])
        path = recipe_dir / "recipe.toml"
        path.write_text(path.read_text().replace('"talker"', '"talker", "slow"'))
        repository.index([slow])

    class Impatient(Heard):
        """Interrupts as ctrl-C does, from where the build reads the programs' output."""

        def stage(self, what: str) -> None:
            super().stage(what)
            if what == {"in a hook": "here"}.get(where):
                raise KeyboardInterrupt

        def step(self, at: int, of: int, what: str = "") -> None:
            super().step(at, of, what)
            if where == "in a scriptlet" and what.startswith("slow"):
                raise KeyboardInterrupt
            if where == "downloading" and what.startswith(("base", "filesystem")):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_image(recipe_dir, tmp_path / "cache", KEY, Impatient(), repository.mirror)
    images = images_folder(tmp_path / "cache")
    assert {path.name for path in images.iterdir()} == {"standin-build.log", ".standin.lock"}
    assert str(images) not in Path("/proc/self/mountinfo").read_text()
    assert not processes_below(images), "a program still runs"


def processes_below(folder: Path) -> list[str]:
    """The processes that run in this folder, or have it in their arguments or as their root."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            places = [os.readlink(process / "cwd"), os.readlink(process / "root")]
            words = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if process.name != str(os.getpid()) and str(folder) in " ".join([*places, words]):
            found.append(words)
    return found


BUILD = """
import sys
from pathlib import Path

from trainbot.images.build.command import BuildLog, environment
from trainbot.images.build.progress_bar import Silent
from trainbot.images.build.recipe import load_recipe
from trainbot.images.build.rootfs import make_rootfs

class Impatient(Silent):
    def stage(self, what):
        if what == sys.argv[3]:
            raise KeyboardInterrupt

work, recipe = Path(sys.argv[1]), load_recipe(Path("recipes/standin"))
make_rootfs(recipe, Path("overlay.tar"), work / "system.tar", BuildLog(work / "log"), Impatient(), sys.argv[2])
"""


@pytest.fixture
def ordinary(tmp_path, recipe_dir) -> Iterator[Path]:
    """A folder that everybody may enter, with trainbot, the recipe and room for a user: its folders work and scratch."""
    with tempfile.TemporaryDirectory(prefix="tb-dnf-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copytree(
            Path(trainbot.__file__).parent, folder / "trainbot", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copytree(recipe_dir.parent, folder / "recipes")
        for key in ("host_key", "host_key.pub"):
            (tmp_path / key).write_text(key)
        write_overlay(load_recipe(recipe_dir), KEY, tmp_path / "host_key", folder / "overlay.tar")
        (folder / "subordinate").write_text("nobody:100000:65536\n")
        for room, mode in (("work", 0o777), ("scratch", 0o1777)):
            (folder / room).mkdir()
            (folder / room).chmod(mode)
        run("chmod", "-R", "a+rX", str(folder))
        yield folder


def as_ordinary_user(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run BUILD as nobody, who has subordinate ids in a namespace of ours alone."""
    command = [
        "env",
        f"PYTHONPATH={folder}",
        f"TMPDIR={folder}/scratch",
        "HOME=/nonexistent",
        "/usr/bin/python3",
        "-Bc",
        BUILD,
    ]
    if os.geteuid() == 0:
        bind = "for each in uid gid; do mount --bind subordinate /etc/sub$each; done; exec setpriv --clear-groups"
        drop = ["unshare", "--mount", "sh", "-ec", f'{bind} --reuid nobody --regid nogroup "$@"', "_"]
        command = [*drop, *command]
    return subprocess.run([*command, f"{folder}/work", *words], cwd=folder, capture_output=True, text=True, check=False)


def test_an_ordinary_user_builds_the_same(recipe_dir, repository, signed, ordinary):
    """Without root, with subordinate ids: the files are root's, scripts find /proc and /dev, no folder is left."""
    repository.index(signed.values())
    built = as_ordinary_user(ordinary, repository.mirror, "")
    assert built.returncode == 0, built.stderr
    with tarfile.open(ordinary / "work/system.tar") as tar:
        found = {entry.name.removeprefix("./"): entry for entry in tar}
    assert {(entry.uid, entry.gid) for entry in found.values()} == {(0, 0)}
    assert {"var/lib/talked", "etc/hooked", "var/lib/rpm/rpmdb.sqlite"} <= set(found)
    assert not list((ordinary / "scratch").iterdir())


def test_an_ordinary_users_interrupted_build_leaves_nothing(recipe_dir, repository, signed, ordinary):
    """What the root of the namespace made, and the user could not remove, is gone before the build returns."""
    (ordinary / "recipes/standin/hooks/10-first.sh").write_text("sleep 10000\n")
    repository.index(signed.values())
    built = as_ordinary_user(ordinary, repository.mirror, "setting up the lab")
    assert built.stderr.rstrip().endswith("KeyboardInterrupt"), built.stderr
    assert not list((ordinary / "scratch").iterdir())
    assert not processes_below(ordinary)


# Stands in for the labeller: the policy's answer for two paths.
PYTHON = r"""#!/bin/sh
printf 'system_u:object_r:root_t:s0\000/\000system_u:object_r:etc_t:s0\000/etc/laid-over\000'
"""


@pytest.mark.parametrize(
    ("config", "guests"),
    [
        ({"/boot/config-5.14.0-9.el9": "CONFIG_XEN_PVHVM=y\nCONFIG_PVH=y\n"}, (GuestType.HVM,)),
        (
            {"/usr/lib/modules/5.14.0-9.el9/config": "CONFIG_XEN_PVH=y\nCONFIG_XEN_PV=y\n"},
            (GuestType.PVH, GuestType.PV),
        ),
        ({"/boot/config-4.18.0-1.el8": "CONFIG_XEN_PVH=y\n"}, None),
        ({"/boot/config-5.14.0-9.el9": "# CONFIG_XEN_PV is not set\n"}, ()),
    ],
    ids=["in boot", "beside its modules", "of another kernel", "without Xen"],
)
def test_the_image_has_the_distributions_kernel_and_its_labels(
    tmp_path, recipe_dir, repository, signed, signer, heard, config, guests
):
    """Without [kernel]: the kernel and dracut's initrd beside the disk and not on it, files labelled as the policy says, and
    how it runs on Xen as the kernel's own configuration says."""
    kernel = {"/boot/vmlinuz-5.14.0-9.el9": "kernel", "/boot/initramfs-5.14.0-9.el9.img": "initrd"}
    rescue = {"/boot/initramfs-0-rescue.img": "another"}
    more = [build(Package("kernel", files={**kernel, **rescue, **config}), tmp_path)]
    more.append(build(Package("python3", files={"/usr/bin/python3": PYTHON}), tmp_path))
    signer.sign(more)
    path = recipe_dir / "recipe.toml"
    path.write_text(path.read_text().replace('"talker"', '"talker", "kernel", "python3"'))
    (recipe_dir / "hooks/10-first.sh").write_text("echo $NAME > /etc/hostname\nchmod 755 /usr/bin/python3\n")
    repository.index([*signed.values(), *more])
    image = build_image(recipe_dir, tmp_path / "cache", KEY, heard, repository.mirror)
    assert (image.name, image.suite, image.root) == ("standin", "9", "LABEL=standin")
    assert (image.kernel.read_text(), image.initrd.read_text()) == ("kernel", "initrd")
    assert (image.guests, [path.name for path in image.folder.iterdir() if path.name == "config"]) == (guests, [])
    asked = "ls -p /boot\nea_get /etc/laid-over security.selinux\nea_get / security.selinux\ncat /etc/hostname\n"
    said = subprocess.run(
        ["debugfs", str(image.disk)], input=asked, capture_output=True, text=True, check=True, env=environment()
    ).stdout
    assert "etc_t:s0" in said and "root_t:s0" in said and "standin" in said
    assert "vmlinuz" not in said and "initramfs" not in said
    assert build_image(recipe_dir, tmp_path / "cache", KEY, heard) == image, "it was current, and built again"
