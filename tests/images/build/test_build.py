import errno
import fcntl
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.images.build.conftest import Heard, fake_image
from trainbot.core.errors import BackendError, UserError
from trainbot.images.build import build, rootfs
from trainbot.images.build.build import build_image, image_is_current
from trainbot.images.build.command import BuildLog
from trainbot.images.build.image_folder import images_folder, load_image, old_versions, point_at


@pytest.fixture
def programs(tmp_path, monkeypatch) -> Path:
    """A folder that comes first in PATH, with programs that do nothing; the machine's own stay out of the way."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("mmdebstrap", "mke2fs", "debugfs", "newuidmap"):
        say(folder, name, "exit 0")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(rootfs, "KEYRING", folder)
    monkeypatch.setattr(rootfs, "_has_subordinate_ids", lambda: True)
    return folder


def say(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


BUILDER = """
import sys
from pathlib import Path
from trainbot.images.build.command import BuildLog
BuildLog(Path(sys.argv[1])).run(["sh", "-c", sys.argv[2]], lambda line: print(line, flush=True))
"""


def leavings(cache: Path) -> set[str]:
    """What lies in the folder of images but the log and the lock."""
    return {path.name for path in images_folder(cache).iterdir()} - {"debian-build.log", ".debian.lock"}


def test_nothing_built_is_not_current(tmp_path, recipe_dir, key):
    """An empty cache has no current image, and asking is no error."""
    assert not image_is_current(recipe_dir, tmp_path, key)


def test_a_current_image_costs_nothing(tmp_path, recipe_dir, key, built, heard):
    """What is current is handed out at once, and with the same words as it was described."""
    assert image_is_current(recipe_dir, tmp_path, key)
    assert build_image(recipe_dir, tmp_path, key, heard) == built
    assert heard.said == []


def test_a_changed_recipe_is_not_current(tmp_path, recipe_dir, key, built):
    """The hash decides, not times."""
    (recipe_dir / "hooks/10-first.sh").write_text("false\n")
    assert not image_is_current(recipe_dir, tmp_path, key)


def test_a_damaged_image_is_not_current(tmp_path, recipe_dir, key, built):
    """An image that lacks a file, or whose description cannot be read, is built anew rather than booted."""
    built.initrd.unlink()
    assert not image_is_current(recipe_dir, tmp_path, key)
    (built.folder / "image.json").write_text("{")
    assert not image_is_current(recipe_dir, tmp_path, key)


def test_a_new_version_leaves_the_old_one_to_its_labs(tmp_path):
    """The link moves on in one step; who loaded the old version still finds every file of it."""
    fake_image(tmp_path, "a" * 64)
    old = load_image(tmp_path)
    new = fake_image(tmp_path, "b" * 64, current=False)
    point_at(images_folder(tmp_path) / "debian", new.folder)
    assert load_image(tmp_path).recipe == "b" * 64
    assert old.disk.read_text() == "disk.img of " + "a" * 64
    assert old_versions(tmp_path) == [old.folder]
    assert leavings(tmp_path) == {"debian", f"debian-{'a' * 12}", f"debian-{'b' * 12}"}


def test_going_back_to_an_older_recipe_takes_its_version(tmp_path, recipe_dir, key, built, heard):
    """A version that was built before is not built again, only pointed at."""
    fake_image(tmp_path, "b" * 64)
    assert build_image(recipe_dir, tmp_path, key, heard) == built
    assert load_image(tmp_path) == built


def test_a_build_that_fails_says_why_and_leaves_nothing(tmp_path, recipe_dir, key, programs, heard):
    """One sentence: which program, where the log is, its last lines; the image stays as it was."""
    old = fake_image(tmp_path, "a" * 64)
    say(programs, "mmdebstrap", "echo 'I: running apt-get update...'; echo 'E: no such mirror' >&2; exit 25")
    with pytest.raises(BackendError) as error:
        build_image(recipe_dir, tmp_path, key, heard)
    log = images_folder(tmp_path) / "debian-build.log"
    assert str(error.value).startswith("building the image stopped because mmdebstrap failed with exit code 25; ")
    assert str(log) in str(error.value) and str(error.value).endswith("\n    E: no such mirror")
    assert "E: no such mirror" in log.read_text()
    assert leavings(tmp_path) == {"debian", old.folder.name} and load_image(tmp_path) == old


def test_a_disk_that_fills_up_leaves_nothing(tmp_path, recipe_dir, key, programs, heard, monkeypatch):
    """What we write ourselves ends in a sentence as well, not in a traceback."""

    def full(recipe, public_key, host_key, to):
        to.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(to))

    monkeypatch.setattr(build, "write_overlay", full)
    with pytest.raises(BackendError) as error:
        build_image(recipe_dir, tmp_path, key, heard)
    where = images_folder(tmp_path)
    assert str(error.value) == f"building the image stopped because {where} cannot be written: No space left on device"
    assert leavings(tmp_path) == set()


def test_an_interrupted_build_leaves_nothing(tmp_path, recipe_dir, key, programs):
    """Ctrl-C ends the programs that run and takes the half-built image away."""

    class Impatient(Heard):
        def stage(self, what):
            raise KeyboardInterrupt

    running = tmp_path / "running"
    say(programs, "mmdebstrap", f"echo $$ > {running}; echo 'I: running apt-get update...'; exec tail -f /dev/null")
    with pytest.raises(KeyboardInterrupt):
        build_image(recipe_dir, tmp_path, key, Impatient())
    assert leavings(tmp_path) == set()
    with pytest.raises(ProcessLookupError):
        os.kill(int(running.read_text()), 0)


def test_what_a_build_mounts_is_its_own(tmp_path, recipe_dir, key, programs, heard):
    """Root's mounts would be the machine's, and stay when mmdebstrap is killed; those of others are in a namespace anyway."""
    say(programs, "mmdebstrap", f"readlink /proc/self/ns/mnt > {tmp_path}/namespace; exit 1")
    with pytest.raises(BackendError, match="because mmdebstrap failed with exit code 1"):
        build_image(recipe_dir, tmp_path, key, heard)
    may = os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"]).returncode == 0
    assert ((tmp_path / "namespace").read_text().strip() != os.readlink("/proc/self/ns/mnt")) is may


def test_programs_end_with_their_builder(tmp_path):
    """A builder that is killed outright takes its programs along, children and all."""
    script = f'sh -c "echo \\$\\$ > {tmp_path}/inner; echo begun; exec tail -f /dev/null" & wait'
    with subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(tmp_path / "log"), script], stdout=subprocess.PIPE
    ) as builder:
        assert builder.stdout and builder.stdout.readline() == b"begun\n"
        inner = os.pidfd_open(int((tmp_path / "inner").read_text()))
        builder.kill()
        assert select.select([inner], [], [], 20)[0], "the program still runs"
    os.close(inner)


def test_a_program_reads_and_writes_what_it_is_given(tmp_path):
    """Input goes in, output goes where it should, and what is said on stderr is followed."""
    (tmp_path / "in").write_bytes(b"a system")
    heard: list[str] = []
    with (tmp_path / "in").open("rb") as stdin, (tmp_path / "out").open("wb") as stdout:
        BuildLog(tmp_path / "log").run(["sh", "-c", "cat; echo done >&2"], heard.append, stdin=stdin, stdout=stdout)
    assert ((tmp_path / "out").read_bytes(), heard) == (b"a system", ["done"])


def test_what_a_killed_build_left_is_swept(tmp_path, recipe_dir, key, programs, heard):
    """The next build removes what one that was killed left behind."""
    (images_folder(tmp_path) / ".debian-build-dead/tree").mkdir(parents=True)
    say(programs, "mmdebstrap", "exit 1")
    with pytest.raises(BackendError):
        build_image(recipe_dir, tmp_path, key, heard)
    assert leavings(tmp_path) == set()


def test_two_builders_do_not_collide(tmp_path, recipe_dir, key):
    """The second waits for the first, and takes what that has built."""
    images_folder(tmp_path).mkdir()
    first = (images_folder(tmp_path) / ".debian.lock").open("w")
    fcntl.flock(first, fcntl.LOCK_EX)

    class Second(Heard):
        def stage(self, what):
            super().stage(what)
            from trainbot.images.build.recipe import recipe_hash

            fake_image(tmp_path, recipe_hash(recipe_dir, key))
            first.close()

    second = Second()
    assert build_image(recipe_dir, tmp_path, key, second).name == "debian"
    assert second.said == ["waiting for another process that is building this image"]


@pytest.mark.parametrize(("missing", "package"), [("mmdebstrap", "mmdebstrap"), ("debugfs", "e2fsprogs")])
def test_a_missing_program_names_its_package(tmp_path, recipe_dir, key, programs, heard, monkeypatch, missing, package):
    """Who lacks a program is told what to install, before anything is downloaded."""
    monkeypatch.setattr(rootfs, "environment", lambda: {"PATH": str(programs)})
    (programs / missing).unlink()
    say(programs, "tar", "exit 0")
    with pytest.raises(BackendError, match=f"^{missing} is not installed: apt install {package}$"):
        build_image(recipe_dir, tmp_path, key, heard)


@pytest.mark.parametrize("wrong", ["", "/home/me/.ssh/id.pub", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn"])
def test_only_a_public_key_is_built_in(tmp_path, recipe_dir, heard, wrong):
    """A path, nothing, or a private key is refused before any of it reaches an image."""
    with pytest.raises(UserError, match="not a single OpenSSH public key line"):
        build_image(recipe_dir, tmp_path, wrong, heard)


def test_the_description_says_how_to_boot(built):
    """The host adds its console, the course its mode."""
    assert built.kernel_command_line("hvc0") == "root=LABEL=debian enforcing=1 console=hvc0"
    assert built.kernel_command_line("ttyS0", enforcing=False) == "root=LABEL=debian enforcing=0 console=ttyS0"
