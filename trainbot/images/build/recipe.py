"""A recipe: the folder that defines the contents of a lab image.

recipe.toml    what, which suite, how large
files/         laid over the new system (one of apt: before its packages are configured)
hooks/*.sh     run inside it afterwards, by name, as its root
kernel/        laid over the Debian system that the kernel and the initrd come from, if recipe.toml has [kernel]

With `extends = "NAME"`, all that this folder does not say itself comes from the recipe NAME beside it.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from trainbot.core.errors import ConfigError
from trainbot.images.build.cpu import LEVELS

# Raise it when a change to the builder changes the result of the same recipe.
BUILDER_VERSION = 1


@dataclass(frozen=True)
class DnfTable:
    """[dnf], for a system of RPM packages.

    `release`: dnf's $releasever; `platform`: its module_platform_id; `rpmdb`: where that release keeps its database of
    packages; `mirror`: an address that ends with /; `repositories`: paths below it by name; `keys`: the fingerprints of
    those that have to have signed every package, found in the folder keys/ beside the recipe; `cpu`: what its programs need, one
    of cpu.LEVELS, '' for any x86-64 CPU.
    """

    release: str
    platform: str
    rpmdb: str
    mirror: str
    repositories: dict[str, str]
    keys: list[str]
    cpu: str = ""


@dataclass(frozen=True)
class KernelTable:
    """[kernel]: the kernel of Debian's `suite` takes the place of the system's own."""

    suite: str
    packages: list[str]


@dataclass(frozen=True)
class Recipe:
    """recipe.toml, read.  `disk_mib` and `memory_mib` are MiB; `folder` is where it was read from.

    `kind`: `apt` or `dnf`, which has a table of that name.
    """

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
    kind: str = "apt"
    dnf: DnfTable | None = None
    kernel: KernelTable | None = None

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
    _check(path, said, Recipe, "")
    if said.get("kind", "apt") not in ("apt", "dnf"):
        raise ConfigError(f'{path}: unknown kind "{said["kind"]}" (known: apt, dnf)')
    if (said.get("kind") == "dnf") != ("dnf" in said):
        raise ConfigError(f'{path}: kind = "dnf" and a [dnf] table belong together')
    for name, table in (("dnf", DnfTable), ("kernel", KernelTable)):
        if name in said:
            _check(path, said[name], table, f"{name}.")
            said[name] = table(**said[name])
    recipe = Recipe(folder=folder, **{**said, "packages": tuple(said["packages"])})
    if recipe.dnf:
        _check_dnf(path, recipe.dnf)
    return recipe


def _with_base(folder: Path) -> dict[str, Any]:
    """recipe.toml over the one that it extends; of tables, each entry by itself."""
    said = _read(folder)
    if "extends" not in said:
        return said
    base = _base(folder, said.pop("extends"))
    merged = _read(base)
    if "extends" in merged:
        raise ConfigError(
            f"{folder / 'recipe.toml'}: {base.name} itself extends another, and only one step is possible"
        )
    for name, value in said.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = {**merged[name], **value} if both else value
    return merged


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


def _check(path: Path, said: Mapping[str, object], kind: type, prefix: str) -> None:
    """ConfigError unless `said` has what the dataclass `kind` wants, and nothing else."""
    known = {field.name: field for field in fields(kind) if field.name != "folder"}
    for name, field in known.items():
        if name not in said:
            if field.default is not MISSING:
                continue
            raise ConfigError(f"{path} has no {prefix}{name}")
        if not _fits(said[name], str(field.type)):
            raise ConfigError(f"{path}: {prefix}{name} = {said[name]!r} has the wrong type (expected {field.type})")
    if unknown := sorted(set(said) - set(known)):
        raise ConfigError(f"{path}: unknown key {prefix}{unknown[0]} (known: {', '.join(known)})")


def _fits(value: object, kind: str) -> bool:
    if kind in ("int", "str"):
        return type(value).__name__ == kind
    if kind.startswith(("tuple", "list")):
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if kind.startswith("dict"):
        return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    return isinstance(value, dict)  # a table, which is checked by itself


def _check_dnf(path: Path, table: DnfTable) -> None:
    """ConfigError for what would make dnf check less than it should, or read its configuration otherwise."""
    if not table.keys or not all(re.fullmatch(r"[0-9A-F]{40}", key) for key in table.keys):
        raise ConfigError(f"{path}: dnf.keys needs the fingerprints of the keys that sign the packages")
    if not table.repositories:
        raise ConfigError(f"{path}: dnf.repositories names no repository")
    if table.cpu and table.cpu not in LEVELS:
        raise ConfigError(f"{path}: unknown dnf.cpu {table.cpu!r} (known: {', '.join(LEVELS)})")
    if not table.rpmdb.startswith("/"):
        raise ConfigError(f"{path}: dnf.rpmdb = {table.rpmdb!r} has to begin with /")
    for word in (table.release, table.platform, table.rpmdb, table.mirror, *table.keys):
        if not re.fullmatch(r"[!-~]+", word):
            raise ConfigError(f"{path}: {word!r} in [dnf] has spaces or other characters that dnf does not take")
    for name, place in table.repositories.items():
        if not re.fullmatch(r"[A-Za-z0-9_.:-]+", name) or name == "main" or not re.fullmatch(r"[!-~]+", place):
            raise ConfigError(f"{path}: dnf.repositories: {name} = {place!r} is not a repository")


def recipe_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file of the recipe as (path inside it, path), sorted, without caches and editors' backup files.

    Of a recipe that extends another also those of the other, but for recipe.toml.
    """
    found = dict(_files(folder))
    if "recipe.toml" in found and "extends" in (said := _read(folder)):
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
