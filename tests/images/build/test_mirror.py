"""`mirror` in bot.ini for an image of Debian's packages, which apt checks against Debian's keys wherever they come from."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.build.conftest import KEY
from tests.images.build.rpm_repository import Repository
from trainbot.core.errors import BackendError
from trainbot.images.build.build import build_image
from trainbot.images.build.image_folder import images_folder

pytestmark = pytest.mark.images

RELEASE = "Origin: Debian\nSuite: oldstable\nCodename: bookworm\nArchitectures: amd64\nComponents: main\nSHA256:\n"


@pytest.fixture
def mirror(tmp_path) -> Iterator[Repository]:
    """A web server with nothing below debian/."""
    mirror = Repository(tmp_path / "web", "debian")
    yield mirror
    mirror.close()


def refused(recipe_dir: Path, cache: Path, heard, mirror: str) -> str:
    with pytest.raises(BackendError) as error:
        build_image(recipe_dir, cache, KEY, heard, mirror)
    assert {path.name for path in images_folder(cache).iterdir()} == {"debian-build.log", ".debian.lock"}
    said, log = str(error.value).split("; the complete log is ")
    assert log == str(images_folder(cache) / "debian-build.log") and "\n" not in said
    return said


def test_a_mirror_that_lacks_the_suite(tmp_path, recipe_dir, heard, mirror):
    """It is asked for the suite, and nothing else is taken in its place."""
    said = refused(recipe_dir, tmp_path / "cache", heard, f"{mirror.mirror}debian/")
    assert said == f"building the image stopped because {mirror.mirror}debian has no bookworm"
    assert "/debian/dists/bookworm/InRelease" in mirror.requests


def test_a_mirror_that_is_down(tmp_path, recipe_dir, heard):
    """Nobody listens there."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        there = f"http://127.0.0.1:{closed.getsockname()[1]}/debian"
        said = refused(recipe_dir, tmp_path / "cache", heard, f"{there}/")
    assert said.startswith(f"building the image stopped because {there}/dists/bookworm/InRelease cannot be fetched (")
    assert "Connection refused" in said


def test_a_mirror_that_debian_did_not_sign(tmp_path, recipe_dir, heard, mirror):
    """The suite is there, in nobody's name."""
    for suite in ("bookworm", "bookworm-updates"):
        folder = mirror.folder / "dists" / suite
        folder.mkdir(parents=True)
        (folder / "Release").write_text(RELEASE)
    said = refused(recipe_dir, tmp_path / "cache", heard, f"{mirror.mirror}debian/")
    assert said.endswith("/debian has a bookworm that is not signed by Debian's keys")
