"""The law of the house (docs/architecture.md): which way imports go, and which door each outside library has."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainbot.ops import commands_doc

ROOT = Path(__file__).parents[1]
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
           for path in sorted((ROOT / "trainbot").rglob("*.py"))}

FEATURES = ("people", "labs", "exercises", "questions", "sessions", "records", "notices")
DOORS = ("chat", "hosts", "gateway", "store", "timers", "control", "imaging")
#: Later ones may import earlier ones.  What is not named here is the program itself: bot, app, cli, demo, …
FLOORS = (("errors", "shipped"), ("spine",), ("pages",), FEATURES, DOORS, ("config",))
#: Parts of the program that lie with the feature whose rows or texts they show.
PROGRAM = ("trainbot.ops.log", "trainbot.ops.publish_schedule", "trainbot.ops.exercise_text")
#: Plain values that pass between rooms; they import no more than other values and the spine.
VALUES = ("trainbot.model.host", "trainbot.model.seats", "trainbot.model.image_files", "trainbot.model.config", "trainbot.model.lab", "trainbot.model.lab_events", "trainbot.model.exercise",
          "trainbot.model.class_run", "trainbot.model.script_events", "trainbot.model.question", "trainbot.model.record", "trainbot.model.person",
          "trainbot.model.session", "trainbot.model.session_rows", "trainbot.model.notice")
#: Outside library -> whoever may import it.
LIBRARIES = {
    "irc": ("chat",), "scramp": ("chat",), "cryptography": ("chat",), "libvirt": ("hosts",), "asyncssh": ("gateway",), "sqlalchemy": ("store",),
    "alembic": ("store",), "apscheduler": ("timers",), "icalendar": ("sessions",),
    "recurring_ical_events": ("sessions",), "markdown_it": ("chat",), "yaml": ("exercises",), "click": ("cli", "__main__", "demo", "imaging"),
    "prompt_toolkit": ("demo",), "guestfs": ("importing",), "jinja2": ("pages",),
}
HEAVY = ("sqlalchemy", "libvirt", "irc", "asyncssh", "apscheduler", "icalendar", "alembic", "markdown_it", "yaml",
         "recurring_ical_events", "prompt_toolkit", "jinja2")


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of all that is imported when the module runs: not what is under TYPE_CHECKING."""
    def walk(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
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


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def floor(module: str) -> int:
    if module in PROGRAM:
        return len(FLOORS)
    return next((n for n, rooms in enumerate(FLOORS) if room(module) in rooms), len(FLOORS))


def lawful(module: str, other: str) -> bool:
    if other == "trainbot" or floor(module) == len(FLOORS):
        return True
    if other in PROGRAM:
        return False
    if room(other) == room(module):
        return True
    if other in VALUES:
        return floor(module) >= FLOORS.index(FEATURES)
    if module in VALUES:
        return floor(other) <= FLOORS.index(("spine",))
    return floor(other) < floor(module)


#: One door that stands on another: each with its reason.
AGREED = {
    ("trainbot.gateway.ssh_server", "trainbot.adapters.control.client"): "the gateway's table comes through the control socket",
    ("trainbot.gateway.ssh_server", "trainbot.adapters.control.server"): "the gateway answers over a socket of the same kind",
    ("trainbot.gateway.rpc.gateway_client", "trainbot.adapters.control.lines"): "and is asked in the same lines",
}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downwards_only(module: str) -> None:
    """errors, spine, features, doors, config, the program: nobody imports upwards, nor the room next door."""
    wrong = [f"line {line}: {other}" for line, other in imports_of(MODULES[module])
             if other.split(".")[0] == "trainbot" and not lawful(module, other) and (module, other) not in AGREED]
    assert wrong == []


def test_every_exception_is_still_needed() -> None:
    """What was agreed on as an exception is really there."""
    there = {(module, other) for module in MODULES for _line, other in imports_of(MODULES[module])}
    assert set(AGREED) <= there
    assert {*PROGRAM, *VALUES} <= set(MODULES)


@pytest.mark.parametrize("library", LIBRARIES)
def test_each_library_has_one_door(library: str) -> None:
    """Whoever wants to replace a library looks into one room."""
    users = {room(module) for module, path in MODULES.items()
             for _line, name in imports_of(path) if name.split(".")[0] == library}
    assert users <= set(LIBRARIES[library])


def test_migrations_use_alembic_and_the_tables_only() -> None:
    """A migration is read long after the code has changed: it imports nothing of ours but the metadata."""
    found = {name for path in (ROOT / "migrations").rglob("*.py") for _line, name in imports_of(path)}
    assert {name for name in found if name.startswith("trainbot")} <= {"trainbot.adapters.db.tables"}


def test_help_in_the_shell_loads_nothing_heavy() -> None:
    """``trainbot --help`` answers at once: no database, no host, no network library is loaded."""
    program = ("import sys\nfrom trainbot.__main__ import main\nsys.argv = ['trainbot', '--help']\n"
               "code = main()\nprint(code, *sorted({name.split('.')[0] for name in sys.modules}))")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT)
    code, *modules = done.stdout.splitlines()[-1].split()
    assert (done.returncode, code, done.stderr) == (0, "0", "")
    assert "Usage: trainbot" in done.stdout
    assert set(modules) & set(HEAVY) == set()


def test_the_page_of_commands_is_the_table() -> None:
    """docs/commands.md says what the bot can: ``make docs`` writes it anew."""
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == commands_doc.page()


def test_no_module_outgrows_a_sitting() -> None:
    """A module that nobody reads in one sitting wants to be two."""
    long = {module: lines for module, path in MODULES.items()
            if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400}
    assert long == {}
