"""A system of Enterprise Linux's shape from a repository of signed packages, through the shipped recipe, to a lab that enforces."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.build.el_packages import SYSTEM, el_packages
from tests.images.build.rpm_repository import Repository, Signer
from trainbot import shipped
from trainbot.adapters.state_folder import lab_key
from trainbot.images.build.build import build_image
from trainbot.images.build.progress_bar import for_terminal
from trainbot.images.build.recipe import load_recipe
from trainbot.model.host import GuestType, Mode
from trainbot.ops.image_trial import try_image

pytestmark = pytest.mark.imageslong

BOOT = 1200  # seconds that a boot may take, emulated on a busy machine


@pytest.fixture
def signer(tmp_path: Path) -> Iterator[Signer]:
    signer = Signer(tmp_path / "gpg", "tests")
    yield signer
    signer.close()


@pytest.fixture
def recipe_dir(tmp_path: Path, signer: Signer) -> Path:
    """The shipped recipe and all beside it; of its keys only the signer's is another."""
    folder = tmp_path / "recipes"
    shutil.copytree(shipped.folder("images"), folder)
    (key,) = load_recipe(folder / "centos").dnf.keys
    path = folder / "centos/recipe.toml"
    path.write_text(path.read_text().replace(key, signer.fingerprint))
    signer.export(folder / "keys")
    return folder / "centos"


@pytest.fixture
def repositories(tmp_path: Path, recipe_dir: Path, signer: Signer, pytestconfig: pytest.Config) -> Iterator[Repository]:
    """The recipe's repositories below one mirror; all packages are in the first."""
    recipe, work = load_recipe(recipe_dir), tmp_path / "packages"
    work.mkdir()
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        packages = el_packages(work, recipe.packages, for_terminal())
    signer.sign(packages)
    first, *others = [Repository(tmp_path / "mirror", path.rstrip("/")) for path in recipe.dnf.repositories.values()]
    first.index(packages)
    for other in others:
        other.index()
    yield first
    for each in (first, *others):
        each.close()


def test_the_shipped_recipe_becomes_a_lab_that_enforces(
    tmp_path: Path, recipe_dir: Path, repositories: Repository, pytestconfig: pytest.Config
) -> None:
    """Labelled when it was built with its own policy, with Debian's kernel: it boots enforcing, with the address, the console,
    the keys and the packages that a lab should have, no failed unit, and a snapshot to go back to."""
    key = tmp_path / "lab_key"
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        image = build_image(recipe_dir, tmp_path / "cache", lab_key(key), for_terminal(), repositories.mirror)
        trial = try_image(image, key, False, Mode.ENFORCING, BOOT, for_terminal())
    assert image.guests == (GuestType.PVH, GuestType.PV, GuestType.HVM)
    said = dict(line.split(": ", 1) for line in trial.lines)
    # what Debian's policy denies to a system that it was not written for says nothing about Enterprise Linux's
    assert [line for line in trial.wrong if not line.startswith("denials: ")] == [], trial.lines
    assert said["system"] == "CentOS Stream 9" and said["policy"].startswith("targeted")
    assert said["kernel"].endswith("-cloud-amd64") and said["host keys"] == "ssh_host_ed25519_key"
    assert said["packages"] == str(len({SYSTEM, "the key", *load_recipe(recipe_dir).packages}))
