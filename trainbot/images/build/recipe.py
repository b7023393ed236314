"""A recipe: the folder that defines the contents of a lab image.

recipe.toml    what, which suite, how large
files/         laid over the new system before its packages are configured
hooks/*.sh     run inside it afterwards, by name, as its root

With `extends = "NAME"`, all that this folder does not say itself comes from the recipe NAME beside it.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from trainbot.core.errors import ConfigError

# Raise it when a change to the builder changes the result of the same recipe.
BUILDER_VERSION = 1


@dataclass(frozen=True)
class Recipe:
    """recipe.toml, read.  `disk_mib` and `memory_mib` are MiB; `folder` is where it was read from."""

    folder: Path
    name: str
    suite: str
    user: str
    disk_mib: int
    memory_mib: int
    cmdline: str
    permissive: str
    enforcing: str
    packages: tuple[str, ...]

    @property
    def hooks(self) -> tuple[Path, ...]:
        """The scripts to run inside the new system, in their order."""
        return tuple(path for inside, path in recipe_files(self.folder) if re.fullmatch(r"hooks/[^/]+\.sh", inside))

    @property
    def root(self) -> str:
        """The kernel's root=: the file system's label is the image's name."""
        return f"LABEL={self.name}"


def load_recipe(folder: Path) -> Recipe:
    """Read `folder`/recipe.toml; ConfigError names the faulty entry."""
    path = folder / "recipe.toml"
    said = _with_base(folder)
    request = {field.name: field.type for field in fields(Recipe) if field.name != "folder"}
    for name, kind in request.items():
        if name not in said:
            raise ConfigError(f"{path} has no {name}")
        if not isinstance(said[name], {"int": int, "str": str}.get(str(kind), list)):
            raise ConfigError(f"{path}: {name} = {said[name]!r} has the wrong type (expected {kind})")
    if unknown := sorted(set(said) - set(request)):
        raise ConfigError(f"{path}: unknown key {unknown[0]} (known: {', '.join(request)})")
    return Recipe(folder=folder, **{**said, "packages": tuple(said["packages"])})


def _with_base(folder: Path) -> dict[str, Any]:
    """recipe.toml over the one that it extends."""
    said = _read(folder)
    if "extends" not in said:
        return said
    base = _base(folder, said.pop("extends"))
    merged = _read(base)
    if "extends" in merged:
        raise ConfigError(
            f"{folder / 'recipe.toml'}: {base.name} itself extends another, and only one step is possible"
        )
    return {**merged, **said}


def _read(folder: Path) -> dict[str, Any]:
    path = folder / "recipe.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"no recipe at {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def _base(folder: Path, name: object) -> Path:
    base = folder.parent / str(name)
    if not re.fullmatch(r"[\w.-]+", str(name)) or base == folder or not (base / "recipe.toml").is_file():
        raise ConfigError(f'{folder / "recipe.toml"}: there is no recipe "{name}" beside it to extend')
    return base


def recipe_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file of the recipe as (path inside it, path), sorted, without caches and editors' backup files.

    Of a recipe that extends another also those of the other, but for recipe.toml.
    """
    found = dict(_files(folder))
    if "extends" in (said := _read(folder)):
        base = dict(_files(_base(folder, said["extends"])))
        found = {**base, "extends/recipe.toml": base["recipe.toml"], **found}
    yield from sorted(found.items())


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not _is_leaving(path):
            yield inside.as_posix(), path


def recipe_hash(folder: Path, public_key: str) -> str:
    """The sha256 (hex) of everything that determines the result: files, the key that may log in, the builder.

    The key's comment does not count, nor do the files' times and modes.
    """
    digest = hashlib.sha256(f"trainbot image {BUILDER_VERSION}\n".encode())
    digest.update(" ".join(public_key.split()[:2]).encode() + b"\n")
    for inside, path in recipe_files(folder):
        content = path.read_bytes()
        digest.update(f"{inside}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


def _is_leaving(path: Path) -> bool:
    """Files left behind by editors and Python are not part of a recipe."""
    return path.name.startswith(".") or path.name.endswith("~") or path.suffix == ".pyc" or path.name == "__init__.py"
