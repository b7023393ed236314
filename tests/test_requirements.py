"""What is installed: setup.cfg's libraries in constraints.txt's versions, and the system's packages in scripts/setup."""

from __future__ import annotations

import ast
import configparser
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

#: Calls that run a program (its name comes first, or a list of which it is the first), or look for one.
CALLS = re.compile(r"subprocess\.\w+|asyncio\.create_subprocess_exec|shutil\.which|Child|(log|Log\(.*\))\.run")
#: Programs that run the one that is named after them.
RUNNERS = ("env", "nsenter", "prlimit", "setpriv", "unshare")


def required() -> list[Requirement]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    return [Requirement(line) for lines in listed for line in lines.splitlines() if line.strip()]


def pinned() -> dict[str, Version]:
    found = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)", line)
            assert match, f"{line!r} is no exact version, or says more than that"
            found[canonicalize_name(match[1])] = Version(match[2])
    return found


@pytest.mark.parametrize("requirement", required(), ids=str)
def test_each_requirement_has_one_version_within_its_range(requirement: Requirement) -> None:
    """make constraints was run after setup.cfg was changed."""
    assert requirement.specifier.contains(pinned()[canonicalize_name(requirement.name)])


def brings(what: str) -> set[str]:
    """The packages that scripts/setup installs for that."""
    done = subprocess.run([ROOT / "scripts" / "setup", what, "--list"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def programs() -> Iterator[tuple[str, Path]]:
    """Every program that the program or its tests run by name, as far as that can be read; and where."""
    for path in [*(ROOT / "trainbot").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assigned: dict[str, list[ast.expr]] = {}
        for node in ast.walk(tree):
            for target in node.targets if isinstance(node, ast.Assign) else ():
                assigned.setdefault(ast.unparse(target), []).append(node.value)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and CALLS.fullmatch(ast.unparse(node.func)):
                for given in assigned.get(ast.unparse(node.args[0]), node.args[:1]):
                    yield from ((name, path) for name in named(given))


def named(given: ast.expr) -> list[str]:
    """The program that a command begins with, and whichever that one runs."""
    if isinstance(given, ast.IfExp):
        return named(given.body) + named(given.orelse)
    if isinstance(given, ast.BinOp):
        return named(given.left)
    words = given.elts if isinstance(given, ast.List | ast.Tuple) else [given]
    # a star before it leads into a namespace or the like, or is a program whose options or words follow
    first, *more = [word for word in words if not isinstance(word, ast.Starred)] or [given]
    if not isinstance(first, ast.Constant) or not re.fullmatch(r"[\w/.][\w/.+-]*", str(first.value)):
        return []
    run = [word.value for word in more if isinstance(word, ast.Constant)] if first.value in RUNNERS else []
    return [first.value, *(word for word in run if shutil.which(str(word), path=PATH))]


def owners(paths: set[str]) -> dict[str, set[str]]:
    """The packages that each of these files belongs to."""
    # dpkg knows some where they were before /bin became /usr/bin, and some only there
    places = {path: (path.removeprefix("/usr"), f"/usr{path.removeprefix('/usr')}") for path in paths}
    done = subprocess.run(
        ["dpkg-query", "-S", *(place for both in places.values() for place in both)], capture_output=True, text=True
    )
    found: dict[str, set[str]] = {}
    for packages, path in re.findall(r"^([a-z0-9.+-]+)(?::\w+)?: (\S+)$", done.stdout, re.MULTILINE):
        for name, both in places.items():
            if path in both:
                found.setdefault(name, set()).add(packages)
    return found


def everywhere() -> set[str]:
    """The packages that the smallest system has."""
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Essential} ${Priority}\n"], capture_output=True, text=True
    )
    return {line.split()[0] for line in done.stdout.splitlines() if re.search(r" (yes|required|important)\b", line)}


def test_every_program_that_is_run_comes_with_scripts_setup() -> None:
    """Nothing is used because a developer's machine has it: it is in the list, or stands before the first make."""
    brought = brings("test") | brings("images") | brings("deb") | everywhere() | {"make", "git"}
    users: dict[str, Path] = {}
    for name, path in programs():
        users.setdefault(name, path)
    assert len(users) > 30  # they can still be read from the source
    paths = {name: shutil.which(name, path=PATH) for name in users}
    owned = owners({path for path in paths.values() if path})
    packages = {name: owned.get(path, set()) if path else {name} for name, path in paths.items()}  # not here: its name
    assert [
        f"{name}, in {users[name].relative_to(ROOT)}" for name, found in packages.items() if not found & brought
    ] == []
