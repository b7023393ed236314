"""A small recipe and an image made of nothing, so that no test here builds anything."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from trainbot.images.build.image_folder import FILES, BuiltImage, images_folder, point_at, write_image
from trainbot.images.build.recipe import recipe_hash

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGNvbW1lbnQgZG9lcyBub3QgY291bnQgaGVyZQ== lab"

RECIPE = """
name = "debian"
suite = "bookworm"
user = "root"
disk_mib = 64
memory_mib = 384
cmdline = "root=LABEL=debian rw"
permissive = "enforcing=0"
enforcing = "enforcing=1"
packages = ["openssh-server", "curl"]
"""


class Heard:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def stage(self, what: str) -> None:
        self.said.append(what)

    def step(self, at: int, of: int, what: str = "") -> None:
        self.said.append(f"{at}/{of} {what}".strip())

    def done(self, what: str) -> None:
        self.said.append(what)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def key() -> str:
    return KEY


@pytest.fixture
def recipe_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "recipe"
    for name, text in {
        "recipe.toml": RECIPE,
        "files/etc/hostname": "debian\n",
        "files/usr/bin/greet": "#!/bin/sh\necho hello\n",
        "hooks/20-second.sh": "true\n",
        "hooks/10-first.sh": "true\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def fake_image(cache: Path, recipe: str, *, current: bool = True) -> BuiltImage:
    """A version in the cache that looks built from the recipe of that hash."""
    folder = images_folder(cache) / f"debian-{recipe[:12]}"
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text(f"{name} of {recipe}")
    image = BuiltImage(
        folder=folder,
        name="debian",
        suite="bookworm",
        recipe=recipe,
        root="LABEL=debian",
        cmdline="root=LABEL=debian",
        permissive="enforcing=0",
        enforcing="enforcing=1",
        user="root",
        host_key="ssh-ed25519 AAAA",
        memory_mib=384,
        disk_bytes=1,
        sha256={"vmlinuz": "0"},
        built_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    write_image(image)
    if current:
        point_at(images_folder(cache) / "debian", folder)
    return image


@pytest.fixture
def built(tmp_path: Path, recipe_dir: Path) -> BuiltImage:
    """The current image of recipe_dir, in tmp_path."""
    return fake_image(tmp_path, recipe_hash(recipe_dir, KEY))
