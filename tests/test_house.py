"""The law of imports (docs/architecture.md): the folders are the layers, and imports go downwards only."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainbot.ops import commands_doc, metrics_doc

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "trainbot").rglob("*.py"))
}

#: The law.  A layer imports from those before it; packages of one layer do not import each other.
LAW = "core < model < config < features | adapters < images | gateway < bot < ops < cli"
LAYERS = [layer.split(" | ") for layer in LAW.split(" < ")]
SEPARATE = ("features", "adapters")  # each folder in them is a package of its own

#: External library -> the packages that may import it.  tzdata and rapidfuzz are pure helpers that anybody may use.
IMPORTERS = {
    "irc": ["adapters.irc"],
    "scramp": ["adapters.irc"],
    "cryptography": ["adapters.irc", "config"],
    "libvirt": ["adapters.hosts"],
    "asyncssh": ["gateway"],
    "sqlalchemy": ["adapters.db"],
    "alembic": ["adapters.db"],
    "apscheduler": ["adapters.timers"],
    "icalendar": ["adapters.calendars"],
    "recurring_ical_events": ["adapters.calendars"],
    "markdown_it": ["adapters.markdown"],
    "yaml": ["adapters.scenario_files"],
    "jinja2": ["adapters.html"],
    "prometheus_client": ["adapters.metrics"],
    "guestfs": ["images"],
    "selinux": ["images"],
    "click": ["cli", "images", "ops", "__main__"],
    "prompt_toolkit": ["ops"],
}
HELPERS = ["rapidfuzz", "tzdata"]
HEAVY = (
    "sqlalchemy",
    "libvirt",
    "irc",
    "asyncssh",
    "apscheduler",
    "icalendar",
    "alembic",
    "markdown_it",
    "yaml",
    "recurring_ical_events",
    "prompt_toolkit",
    "jinja2",
    "prometheus_client",
)


def imports_of(path: Path, *, types: bool = False) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of all that is imported when the module runs; with ``types``, under TYPE_CHECKING too."""

    def walk(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if not types and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            yield child
            yield from walk(child)

    for node in walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield node.lineno, full if full in MODULES else node.module or ""


def layer(module: str) -> int:
    """How far up it stands; trainbot itself and ``shipped`` (where content lies) below everything."""
    folder = module.split(".")[1] if "." in module else "shipped"
    if folder == "__main__":
        return len(LAYERS)
    return -1 if folder == "shipped" else next(n for n, folders in enumerate(LAYERS) if folder in folders)


def package(module: str) -> str:
    parts = module.split(".")[1:]
    return ".".join(parts[:2] if parts and parts[0] in SEPARATE else parts[:1])


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downwards_only(module: str) -> None:
    """Nobody imports from a layer above, nor from another package of the same layer."""
    assert [
        f"line {line}: {other}"
        for line, other in imports_of(MODULES[module])
        if other.split(".")[0] == "trainbot" and layer(other) >= layer(module) and package(other) != package(module)
    ] == []


def test_the_top_of_the_package_is_the_layers() -> None:
    """A new module goes into a layer; what stands at the top is the way in, and where content lies."""
    there = {path.name for path in (ROOT / "trainbot").iterdir() if path.name != "__pycache__"}
    assert there == {folder for folders in LAYERS for folder in folders} | {"shipped", "__init__.py", "__main__.py"}


def test_no_module_imports_itself_by_way_of_others() -> None:
    """No circles, those of types included: each module can be read after the ones it stands on."""
    graph = {
        module: {other for _line, other in imports_of(path, types=True) if other in MODULES} - {module, "trainbot"}
        for module, path in MODULES.items()
    }
    while free := [module for module, others in graph.items() if not others & graph.keys()]:
        for module in free:
            del graph[module]
    assert graph == {}


def test_each_library_is_imported_in_one_place() -> None:
    """Whoever wants to replace a library looks into one package, and a new one is added here."""
    users: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        for _line, name in imports_of(path, types=True):
            if (library := name.split(".")[0]) not in {"trainbot", *HELPERS, *sys.stdlib_module_names}:
                users.setdefault(library, set()).add(
                    next(
                        (
                            importer
                            for importer in IMPORTERS.get(library, [])
                            if f"trainbot.{importer}" in (module, *_parents(module))
                        ),
                        module,
                    )
                )
    assert users == {library: set(importers) for library, importers in IMPORTERS.items()}


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


def test_migrations_use_alembic_and_the_tables_only() -> None:
    """A migration is read long after the code has changed: it imports nothing of ours but the metadata."""
    found = {name for path in (ROOT / "migrations").rglob("*.py") for _line, name in imports_of(path)}
    assert {name for name in found if name.startswith("trainbot")} <= {"trainbot.adapters.db.tables"}


def test_help_in_the_shell_loads_nothing_heavy() -> None:
    """``trainbot --help`` answers at once: no database, no host, no network library is loaded."""
    program = (
        "import sys\nfrom trainbot.__main__ import main\nsys.argv = ['trainbot', '--help']\n"
        "code = main()\nprint(code, *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT)
    code, *modules = done.stdout.splitlines()[-1].split()
    assert (done.returncode, code, done.stderr) == (0, "0", "")
    assert "Usage: trainbot" in done.stdout
    assert set(modules) & set(HEAVY) == set()


#: A bot that nobody asks for it needs none of these; together they take 35 MiB and half a second.
SELDOM = (
    "alembic",
    "apscheduler",
    "asyncssh",
    "cryptography",
    "ctypes",
    "guestfs",
    "html.entities",
    "http",
    "icalendar",
    "irc.client",
    "jinja2",
    "libvirt",
    "markdown_it",
    "more_itertools",
    "multiprocessing",
    "prompt_toolkit",
    "recurring_ical_events",
    "scramp",
    "tarfile",
    "xml",
    "yaml",
)


def test_a_bot_that_starts_loads_only_what_it_needs() -> None:
    """What ``trainbot run`` imports before it reads bot.ini."""
    program = "import sys, trainbot.cli.running, trainbot.bot.app\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT, check=True
    )
    assert set(done.stdout.split()) & set(SELDOM) == set()


def test_the_page_of_commands_is_the_table() -> None:
    """docs/commands.md says what the bot can: ``make docs`` writes it anew."""
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == commands_doc.page()


def test_the_page_of_metrics_is_the_table() -> None:
    """docs/metrics.md has every metric: ``make docs`` writes it anew."""
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == metrics_doc.page()


def test_no_module_outgrows_a_sitting() -> None:
    """A module that nobody reads in one sitting wants to be two."""
    long = {
        module: lines
        for module, path in MODULES.items()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}
