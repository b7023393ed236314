"""The image that the shipped recipe `centos` makes of a system of Enterprise Linux's shape (el_packages.py), with the kernel of
Debian that the recipe takes; kept in the cache."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from tests.images.build import el_packages, rpm_repository
from tests.images.build.rpm_repository import Repository, Signer
from tests.images.importing import offered_image
from trainbot import shipped
from trainbot.images.build.build import build_image
from trainbot.images.build.image_folder import BuiltImage, load_image
from trainbot.images.build.progress_bar import Progress
from trainbot.images.build.recipe import load_recipe, recipe_hash
from trainbot.ops.demo.world import cache_folder

_HASH = 12  # characters


def el_rpm_image(public_key: str, progress: Progress) -> BuiltImage:
    """Built now or an earlier time; `public_key` can log in to it as root."""
    made_of = hashlib.sha256(recipe_hash(shipped.folder("images") / "centos", public_key).encode())
    for module in (__file__, el_packages.__file__, offered_image.__file__, rpm_repository.__file__):
        made_of.update(Path(module).read_bytes())
    there = cache_folder() / f"el-rpm-{made_of.hexdigest()[:_HASH]}"
    if not there.exists():
        for old in there.parent.glob(f"el-rpm-{'?' * _HASH}"):
            shutil.rmtree(old)
        with tempfile.TemporaryDirectory(prefix=".el-rpm-", dir=there.parent) as work:
            _make(Path(work), public_key, progress)
            (Path(work) / "cache").rename(there)
    return load_image(there, "centos")


def _make(work: Path, public_key: str, progress: Progress) -> None:
    """The image in work/cache, by the shipped recipe; only the key of its packages is another."""
    recipes = work / "images"
    shutil.copytree(shipped.folder("images"), recipes)
    recipe = load_recipe(recipes / "centos")
    assert recipe.dnf
    signer = Signer(work / "gpg", "tests")
    repositories: list[Repository] = []
    try:
        (key,) = recipe.dnf.keys
        written = recipes / "centos/recipe.toml"
        written.write_text(written.read_text().replace(key, signer.fingerprint))
        signer.export(recipes / "keys")
        (work / "packages").mkdir()
        packages = el_packages.el_packages(work / "packages", recipe.packages, progress)
        signer.sign(packages)
        for place in recipe.dnf.repositories.values():
            repositories.append(Repository(work / "mirror", place.rstrip("/")))
            repositories[-1].index(packages if len(repositories) == 1 else ())
        build_image(recipes / "centos", work / "cache", public_key, progress, repositories[0].mirror)
    finally:
        signer.close()
        for repository in repositories:
            repository.close()
