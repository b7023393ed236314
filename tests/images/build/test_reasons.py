"""Why a program failed, in one sentence: lines as apt, dnf, tar and mke2fs of Debian 12 print them."""

import pytest

from trainbot.core.errors import BackendError
from trainbot.images.build.command import BuildLog
from trainbot.images.build.reasons import reason


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "E: Failed to fetch http://m/debian/dists/bookworm/InRelease  Could not connect to m:80 (10.0.0.1). - connect (111: Connection refused)",
            "http://m/debian/dists/bookworm/InRelease cannot be fetched (Could not connect to m:80 (10.0.0.1). - connect (111: Connection refused))",
        ),
        (
            "E: Failed to fetch http://m/debian/pool/x.deb  404  Not Found [IP: 10.0.0.1 80]",
            "http://m/debian/pool/x.deb cannot be fetched (404  Not Found)",
        ),
        (
            "E: The repository 'http://m/debian bookworm Release' does not have a Release file.",
            "http://m/debian has no bookworm",
        ),
        (
            "E: The repository 'http://m/debian bookworm InRelease' is not signed.",
            "http://m/debian has a bookworm that is not signed by Debian's keys",
        ),
        ("E: Unable to locate package squirrel", "there is no package squirrel"),
        ("E: Package 'squirrel' has no installation candidate", "there is no package squirrel"),
        ("Package talker-1-1.x86_64.rpm is not signed", "the package talker-1-1.x86_64 is not signed"),
        (
            "Public key for talker-1-1.x86_64.rpm is not installed. Failing package is: talker-1-1.x86_64",
            "the package talker-1-1.x86_64 is signed with another key than the recipe's",
        ),
        ("Problem opening package talker-1-1.x86_64.rpm", "the package talker-1-1.x86_64 is damaged"),
        (
            "[MIRROR] talker-1-1.x86_64.rpm: Downloading successful, but checksum doesn't match. Calculated: 0c(sha256)  Expected: 5f(sha256)",
            "the package talker-1-1.x86_64 is not the one that the repository describes",
        ),
        ("Error: Unable to find a match: squirrel hazel", "there is no package squirrel hazel"),
        (
            "Error: Failed to download metadata for repo 'baseos': Cannot download repomd.xml: All mirrors were tried",
            "the repository baseos cannot be read (Cannot download repomd.xml: All mirrors were tried)",
        ),
        ("tar: ./usr/bin/x: Cannot write: No space left on device", "the disk is full"),
        ("cp: error writing 'out/vmlinuz': No space left on device", "the disk is full"),
        ("No space left on device", "the disk is full"),
        ("dpkg: error: failed to write (No space left on device)", "the disk is full"),
        ("tar: -: Wrote only 8192 of 10240 bytes", "the disk is full"),
        ("  installing package base-1-1.x86_64 needs 3MB more space on the / filesystem", "the disk is full"),
        (
            "[MIRROR] base-1-1.x86_64.rpm: Curl error (23): Failed writing received data to disk/application for http://m/base-1-1.x86_64.rpm",
            "the disk is full",
        ),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", "the disk is full"),
        (
            "mke2fs: Could not allocate block in ext2 filesystem while populating file system",
            "the system needs more than the recipe's disk_mib",
        ),
        ("I: running apt-get update...", ""),
        ("Unpacking no-space-left-on-device (1) ...", ""),
    ],
)
def test_a_line_that_says_why(line, said):
    """Of each program's own lines, and of no other."""
    assert reason(line) == said


def test_the_first_reason_is_told(tmp_path):
    """What follows from it does not hide it, and neither does what is said after it; one that comes to nothing is none."""
    log = BuildLog(tmp_path / "log")
    said = "echo hello; echo E: Unable to locate package squirrel; for n in 1 2 3 4 5 6 7; do echo bye $n; done"
    with pytest.raises(BackendError) as error:
        log.run(["sh", "-c", f"{said}; exit 3"])
    assert str(error.value) == (
        f"building the image stopped because there is no package squirrel; the complete log is {tmp_path / 'log'}"
    )
    log.run(["sh", "-c", said])
