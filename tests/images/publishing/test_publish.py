"""What a web server offers of an image."""

from __future__ import annotations

import html
import re
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from tests.images.publishing.small import SECRETS
from trainbot.core.errors import BackendError
from trainbot.images.build.command import environment
from trainbot.images.build.image_folder import BuiltImage
from trainbot.images.build.progress_bar import Silent
from trainbot.images.publishing import checks, configurations, publish
from trainbot.images.publishing.published import published
from trainbot.model.exercise import Exercise, Page, Script, Step
from trainbot.model.host import GuestType


@pytest.fixture
def public(tmp_path: Path) -> Path:
    return tmp_path / "public"


def unpacked(folder: Path, to: Path) -> bytes:
    subprocess.run(["zstd", "-q", "-d", folder / "debian.img.zst", "-o", to], check=True)
    return to.read_bytes()


def test_the_published_disk_holds_no_key(small_image: BuiltImage, public: Path, tmp_path: Path) -> None:
    """Neither as a file nor in blocks that are free now; the image itself keeps them, and all else is as it was."""
    folder = publish.publish(small_image, [], public, "", Silent())
    disk = unpacked(folder, tmp_path / "disk")
    assert [secret for secret in SECRETS if secret.strip().encode() in disk] == []
    assert all(secret.strip().encode() in small_image.disk.read_bytes() for secret in SECRETS)
    assert b"this lab is yours" in disk
    checked = subprocess.run(["e2fsck", "-fn", tmp_path / "disk"], capture_output=True, env=environment())
    assert checked.returncode == 0, checked.stdout
    assert not any(secret.strip().encode() in path.read_bytes() for path in folder.iterdir() for secret in SECRETS)


def test_the_same_image_is_published_in_the_same_bytes(
    small_image: BuiltImage, public: Path, tmp_path: Path, shipped_exercise: Exercise
) -> None:
    """Whoever mirrors it sees no change where there is none; said again, nothing is written at all."""
    first = publish.publish(small_image, [shipped_exercise], public, "https://lab.example.org", Silent())
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in first.iterdir()}
    again = publish.publish(small_image, [shipped_exercise], public, "https://lab.example.org", Silent())
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in again.iterdir()} == before
    other = publish.publish(small_image, [shipped_exercise], tmp_path / "other", "https://lab.example.org", Silent())
    assert {path.name: path.read_bytes() for path in other.iterdir()} == {
        name: value[0] for name, value in before.items()
    }


def test_all_that_is_offered_is_in_the_sums(small_image: BuiltImage, public: Path, tmp_path: Path) -> None:
    """SHA256SUMS covers every file beside it, and the disk as it is after unpacking."""
    folder = publish.publish(small_image, [], public, "", Silent())
    unpacked(folder, folder / "debian.img")
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert {line.partition(":")[0] for line in done.stdout.splitlines()} == {p.name for p in folder.iterdir()} - {
        "SHA256SUMS"
    }


def test_a_publishing_that_fails_leaves_what_was_there(
    small_image: BuiltImage, public: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old version is offered until the new one is whole, and no half of it stays; the one before is kept."""
    folder = publish.publish(small_image, [], public, "", Silent())
    old = folder.resolve()
    changed = replace(small_image, cmdline="root=LABEL=debian ro")
    with monkeypatch.context() as broken:
        broken.setattr(publish, "compress", lambda *_: (_ for _ in ()).throw(BackendError("the disk is full")))
        with pytest.raises(BackendError, match="the disk is full"):
            publish.publish(changed, [], public, "", Silent())
    assert folder.resolve() == old and {path.name for path in folder.parent.iterdir()} == {"debian", old.name}
    for cmdline in ("a=1", "a=2"):
        publish.publish(replace(small_image, cmdline=cmdline), [], public, "", Silent())
    assert len(list(folder.parent.iterdir())) == 3 and not old.exists()


@pytest.mark.parametrize(
    ("guests", "names"),
    [
        (None, {"debian.cfg", "debian.xml"}),
        ((GuestType.PVH, GuestType.PV, GuestType.HVM), {"debian.cfg", "debian.xml", "debian-pv.cfg", "debian-pv.xml"}),
        ((GuestType.HVM,), set()),
        ((), set()),
    ],
)
def test_what_the_kernels_configuration_says_is_published(small_image: BuiltImage, public: Path, guests, names) -> None:
    """Also of a kernel whose notes cannot be read, such as Debian 13's: a configuration for Xen for each way in which it runs
    there, and none for a kernel that does not."""
    folder = publish.publish(replace(small_image, guests=guests), [], public, "", Silent())
    assert {path.name for path in folder.iterdir() if path.suffix in (".cfg", ".xml")} == names


def test_another_kind_of_image_is_refused(small_image: BuiltImage, public: Path) -> None:
    """A disk in which the keys are not where the builder puts them is not published with them."""
    small_image.disk.unlink()
    subprocess.run(["mke2fs", "-q", "-t", "ext4", small_image.disk, "8M"], check=True, env=environment())
    with pytest.raises(BackendError, match="its keys cannot be removed"):
        publish.publish(small_image, [], public, "", Silent())
    assert list((public / "images").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_a_sentence(small_image: BuiltImage, tmp_path: Path) -> None:
    """No traceback where a file stands in the way."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError, match="cannot write to .*images"):
        publish.publish(small_image, [], tmp_path / "file", "", Silent())


def test_configurations_boot_what_was_downloaded(small_image: BuiltImage) -> None:
    """Each names the kernel, the initrd and the disk in the folder of the how-to, and the command line in full."""
    assert 'kernel = "/srv/lab-debian/vmlinuz"' in configurations.xl(small_image, GuestType.PVH)
    assert 'type = "pv"' in configurations.xl(small_image, GuestType.PV)
    domain = ET.fromstring(configurations.libvirt_xml(small_image, GuestType.PVH))
    assert domain.findtext("os/cmdline") == "root=LABEL=debian rw enforcing=1 console=hvc0"
    assert domain.find("os/type").attrib == {"arch": "x86_64", "machine": "xenpvh"}  # type: ignore[union-attr]
    script = configurations.qemu(small_image)
    assert "-append 'root=LABEL=debian rw enforcing=1 console=ttyS0 no_timer_check'" in script
    done = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("line", ["root=x' ; reboot '", 'a"b', "a\nb", "a\\"])
def test_a_command_line_cannot_leave_its_quotes(small_image: BuiltImage, line: str) -> None:
    """An imported image's command line is a stranger's: it becomes no shell command and no xl setting."""
    for write in (configurations.qemu, lambda image: configurations.xl(image, GuestType.PVH)):
        with pytest.raises(BackendError, match="cannot be published"):
            write(replace(small_image, cmdline=line))


def test_the_how_to_has_each_command_and_no_markup_of_others(small_image: BuiltImage, public: Path) -> None:
    """What it says to download is there; nothing in it is loaded from elsewhere."""
    folder = publish.publish(small_image, [], public, "https://lab.example.org/x?<b>", Silent())
    page = (folder / "index.html").read_text()
    assert "<b>" not in page and "<script" not in page and "src=" not in page
    listed = re.search(r"for f in (.*?); do", html.unescape(page))
    assert listed and set(listed[1].split()) <= {path.name for path in folder.iterdir()}


def test_the_bot_finds_what_is_published(small_image: BuiltImage, public: Path) -> None:
    """Its address and the sum of the sums; nothing where nothing is."""
    assert published(public, "https://lab.example.org/", "debian") is None
    folder = publish.publish(small_image, [], public, "", Silent())
    found = published(public, "https://lab.example.org/", "debian")
    said = subprocess.run(["sha256sum", folder / "SHA256SUMS"], capture_output=True, text=True).stdout.split()[0]
    assert found is not None and (found.url, found.sums) == ("https://lab.example.org/images/debian/", said)
    assert published(public, "", "debian").url == ""  # type: ignore[union-attr]


def step(number: int, text: str) -> Step:
    return Step(number, "a step", "", verify=Script("verify.sh", text))


@pytest.mark.parametrize(
    ("words", "code", "last"),
    [
        (["1"], 0, "step 1 is done: type !done"),
        (["2"], 1, "step 2 is not done yet"),
        (["3"], 2, "step 3 has no check; steps with a check: 1 2 4"),
        ([], 2, "Usage: sh check.sh STEP, where STEP is one of: 1 2 4"),
        (["4"], 0, "step 4 is done: type !done"),
        (["setup", "3"], 0, "step 3 is set up"),
        (["setup", "1"], 2, "step 1 needs no setup"),
        (["1;id"], 2, "Usage: sh check.sh STEP, where STEP is one of: 1 2 4"),
    ],
)
def test_checks_run_at_home_as_in_a_lab(tmp_path: Path, words: list[str], code: int, last: str) -> None:
    """Exit code and words of the check, then what to say; a script may hold whatever our own file is made of."""
    steps = (
        step(1, "#!/bin/bash\n[[ a == a ]]"),
        step(2, "echo 'squid is not there'\nexit 7\n"),
        Step(3, "none", "", setup=Script("s", "touch made")),
        step(4, "cat <<'END-OF-CHECK'\nEND-OF-CHECK\nexit 0\n"),
    )
    (tmp_path / "check.sh").write_text(checks.check_script(Exercise("ex", "Ex", tmp_path, steps=steps)))
    done = subprocess.run(["sh", "check.sh", *words], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, (done.stdout + done.stderr).splitlines()[-1]) == (code, last)
    assert (tmp_path / "made").exists() is (words == ["setup", "3"])
    if code == 1:
        assert done.stdout == "squid is not there\n"


def test_what_an_exercise_brings_comes_before_its_introduction_is_set_up(tmp_path: Path) -> None:
    """``setup 0`` has the exercise's own files, then the introduction's script, and stops at what fails."""
    files = Script("assets", "echo one > brought\n")
    for intro, code in (
        (Page("What this is", "", setup=Script("s", "cat brought; echo two > made")), 0),
        (None, 0),
        (Page("What this is", "", setup=Script("s", "exit 3")), 1),
    ):
        (tmp_path / "ex.sh").write_text(checks.check_script(Exercise("ex", "Ex", tmp_path, intro=intro, assets=files)))
        assert subprocess.run(["sh", "ex.sh", "setup", "0"], cwd=tmp_path).returncode == code
        assert (tmp_path / "brought").read_text() == "one\n"
    assert (tmp_path / "made").read_text() == "two\n"


def test_the_shipped_exercise_can_be_checked_at_home(shipped_exercise: Exercise) -> None:
    """Every check is in the script as it is written."""
    text = checks.check_script(shipped_exercise)
    assert subprocess.run(["sh", "-n"], input=text, text=True).returncode == 0
    assert all(found.verify is None or found.verify.text in text for found in shipped_exercise.steps)


def test_an_exercise_without_checks_has_no_script(tmp_path: Path) -> None:
    """A lecture offers nothing to run; a name that could be no file neither."""
    assert checks.check_script(Exercise("ex", "Ex", tmp_path)) == ""
    assert checks.check_script(Exercise("../ex", "Ex", tmp_path, steps=(step(1, "true"),))) == ""
