from pathlib import Path

import pytest

from trainbot.images.build.sources import KEYRING, debian_lines

SIGNED = f"deb [signed-by={KEYRING}]"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "os-release").write_text('PRETTY_NAME="Debian"\nID=debian\n')
    return tmp_path


def lines(etc: Path) -> list[str]:
    return debian_lines(etc, etc / "os-release", "bookworm")


def test_one_line_sources(etc):
    """The machine's own mirror is used, with its updates and security, and nothing but main."""
    (etc / "sources.list").write_text(
        "# deb http://old.test/debian bookworm main\n"
        "deb http://mirror.test/debian/ bookworm main contrib  # ours\n"
        "deb-src http://mirror.test/debian bookworm main\n"
        "deb [arch=amd64 trusted=yes] http://mirror.test/debian bookworm-updates main\n"
        "deb http://mirror.test/debian-security bookworm-security main\n"
    )
    assert lines(etc) == [
        f"{SIGNED} http://mirror.test/debian/ bookworm main",
        f"{SIGNED} http://mirror.test/debian bookworm-updates main",
        f"{SIGNED} http://mirror.test/debian-security bookworm-security main",
    ]


def test_deb822_sources(etc):
    """Stanzas count as well: several suites, continuation lines, and the disabled ones not."""
    (etc / "sources.list.d/debian.sources").write_text(
        "Types: deb deb-src\n# a note\nURIs: http://mirror.test/debian\nSuites: bookworm\n bookworm-updates\n"
        "Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://off.test/debian\nSuites: bookworm\nComponents: main\n"
    )
    assert lines(etc) == [
        f"{SIGNED} http://mirror.test/debian bookworm main",
        f"{SIGNED} http://mirror.test/debian bookworm-updates main",
    ]


def test_a_list_of_mirrors_counts(etc):
    """The form cloud images use, a file of mirrors, is Debian's too."""
    (etc / "sources.list").write_text("deb mirror+file:/etc/apt/mirrors/debian.list bookworm main\n")
    assert lines(etc) == [f"{SIGNED} mirror+file:/etc/apt/mirrors/debian.list bookworm main"]


@pytest.mark.parametrize(
    "other",
    [
        "deb https://download.other.test/linux/debian bookworm stable",
        "deb [signed-by=/usr/share/keyrings/other.gpg] https://other.test/debian bookworm main",
        "deb https://packages.other.test/debian/12/prod bookworm main",
        "deb https://other.test/apt bookworm main",
        "deb https://other.test/debian bookworm-pgdg main",
        "deb https://someone:secret@mirror.test/debian bookworm-updates main",
    ],
)
def test_others_packages_never_come_in(etc, other):
    """Third parties' archives, and addresses with a password, are left out of the image."""
    (etc / "sources.list").write_text("deb http://mirror.test/debian bookworm main\n")
    (etc / "sources.list.d/other.list").write_text(other + "\n")
    assert lines(etc) == [f"{SIGNED} http://mirror.test/debian bookworm main"]


@pytest.mark.parametrize("release", ['ID=ubuntu\nID_LIKE="debian"\n', None])
def test_elsewhere_mmdebstrap_chooses(etc, release):
    """On a machine that is no Debian its sources say nothing about Debian."""
    (etc / "sources.list").write_text("deb http://mirror.test/debian bookworm main\n")
    if release is None:
        (etc / "os-release").unlink()
    else:
        (etc / "os-release").write_text(release)
    assert lines(etc) == []


def test_another_suite_mmdebstrap_chooses(etc):
    """A machine of another Debian release does not know where this suite is."""
    (etc / "sources.list").write_text(
        "deb http://mirror.test/debian trixie main\ndeb http://mirror.test/debian bookworm-updates main\n"
    )
    assert lines(etc) == []


def test_a_mirror_of_ones_own_takes_their_place(etc):
    """All but security updates, which other mirrors do not have; the machine's own are used where it has them."""
    (etc / "sources.list").write_text(
        "deb http://mirror.test/debian bookworm main\n"
        "deb http://mirror.test/debian bookworm-updates main\n"
        "deb http://mirror.test/debian-security bookworm-security main\n"
        "deb https://other.test/apt bookworm main\n"
    )
    near = [
        f"{SIGNED} http://near.test/debian/ bookworm main",
        f"{SIGNED} http://near.test/debian/ bookworm-updates main",
    ]
    found = debian_lines(etc, etc / "os-release", "bookworm", "http://near.test/debian/")
    assert found == [*near, f"{SIGNED} http://mirror.test/debian-security bookworm-security main"]
    (etc / "os-release").write_text("ID=ubuntu\n")
    assert debian_lines(etc, etc / "os-release", "bookworm", "http://near.test/debian/") == near
