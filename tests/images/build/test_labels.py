import shutil
import subprocess
from pathlib import Path

import pytest

from trainbot.core.errors import BackendError
from trainbot.images.build.command import BuildLog, environment
from trainbot.images.build.labels import debugfs_commands, label_image, parse_labels, quote

PATH = environment()["PATH"]


def test_paths_of_every_kind_come_through(tmp_path):
    """Blanks, backslashes and quotes in file names are kept; each label is stored once, with its final NUL."""
    pairs = parse_labels(b'a:b:c:s0\0/x y\0a:b:c:s0\0/system-x\\x2d.slice\0d:e:f:s0\0/a"b\0')
    assert debugfs_commands(pairs, tmp_path).splitlines() == [
        b'ea_set -f "%s/0" "/x y" security.selinux' % bytes(tmp_path),
        b'ea_set -f "%s/0" "/system-x\\x2d.slice" security.selinux' % bytes(tmp_path),
        b'ea_set -f "%s/1" "/a""b" security.selinux' % bytes(tmp_path),
    ]
    assert (tmp_path / "0").read_bytes() == b"a:b:c:s0\0"


def test_a_name_that_could_be_a_command_is_refused():
    """A line break in a file name would begin a debugfs command of its own."""
    with pytest.raises(BackendError, match="line break"):
        quote(b"/a\nrm /b")


def test_a_system_without_policy_is_refused(tmp_path, heard):
    """An image that nothing would be labelled in never gets built: enforcing, it would not boot."""
    (tmp_path / "labels").write_bytes(b"")
    with pytest.raises(BackendError, match="no labels for any file"):
        label_image(tmp_path / "disk.img", tmp_path / "labels", BuildLog(tmp_path / "log"), heard)


@pytest.fixture
def disk(tmp_path) -> Path:
    """A real ext4 of 1 MiB with one file."""
    if not (shutil.which("mke2fs", path=PATH) and shutil.which("debugfs", path=PATH)):
        pytest.skip("needs e2fsprogs")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/a b").write_text("content")
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", tmp_path / "tree", tmp_path / "disk.img", "1M"],
        env={"PATH": PATH},
        check=True,
        capture_output=True,
    )
    return tmp_path / "disk.img"


def test_labels_are_in_the_image(tmp_path, disk, heard):
    """Without root and without SE Linux on this machine, the image has the labels."""
    (tmp_path / "labels").write_bytes(b"system_u:object_r:etc_t:s0\0/a b\0system_u:object_r:root_t:s0\0/\0")
    label_image(disk, tmp_path / "labels", BuildLog(tmp_path / "log"), heard)
    said = subprocess.run(
        ["debugfs", "-R", 'ea_get -x "/a b" security.selinux', disk],
        env={"PATH": PATH},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert bytes.fromhex(said.split("= ")[1]) == b"system_u:object_r:etc_t:s0\0"
    assert heard.said[-1] == "2/2"


def test_a_file_that_cannot_be_labelled_is_an_error(tmp_path, disk, heard):
    """A label that did not get there stops the build, and says for which file."""
    (tmp_path / "labels").write_bytes(b"system_u:object_r:etc_t:s0\0/nowhere\0")
    with pytest.raises(BackendError, match="could be labelled.*nowhere"):
        label_image(disk, tmp_path / "labels", BuildLog(tmp_path / "log"), heard)
