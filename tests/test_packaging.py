"""What is installed works without the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = (
    "sqlalchemy",
    "alembic",
    "libvirt",
    "irc",
    "asyncssh",
    "apscheduler",
    "icalendar",
    "recurring_ical_events",
    "markdown_it",
    "yaml",
    "prompt_toolkit",
    "jinja2",
    "asyncio",
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for name in files:  # built from a copy, so that no build folder is left in the checkout
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "--disable-pip-version-check",
            "-w",
            folder,
            source,
        ],
        check=True,
    )
    with zipfile.ZipFile(next(folder.glob("trainbot-*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def trainbot(installed: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, "-m", "trainbot", *words], cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_an_installed_trainbot_has_its_migrations_exercises_and_schedules(installed: Path, tmp_path: Path) -> None:
    """Outside of the checkout the database is made, and the shipped exercise, schedule and image recipe are found."""
    shipped = installed / "trainbot" / "shipped"
    (tmp_path / "bot.ini").write_text(f"""
[irc]
channels = #a
[exercises]
folder = {shipped}/exercises
[schedule]
folder = {shipped}/schedules
""")
    newest = max(path.name[:4] for path in (ROOT / "migrations" / "versions").glob("0*.py"))
    assert (installed / "trainbot" / "adapters" / "html" / "templates" / "style.css").is_file()
    assert f"is at {newest}, was empty" in trainbot(installed, tmp_path, "db", "upgrade").stdout
    many = len(list((ROOT / "exercises").glob("*/index.*")))
    assert trainbot(installed, tmp_path, "exercise", "check").stdout.splitlines()[-1] == f"{many} exercises, 0 problems"
    assert trainbot(installed, tmp_path, "schedule", "check").returncode == 0
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "from trainbot import shipped, __file__ as f; print(f);"
            "print(shipped.folder('images') / 'debian' / 'recipe.toml')",
        ],
        cwd=tmp_path,
        text=True,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        check=True,
    )
    package, recipe = found.stdout.splitlines()
    assert Path(package).is_relative_to(installed) and Path(recipe).is_file()


def test_the_wheel_has_every_file_of_the_program(installed: Path) -> None:
    """No package was forgotten in setup.cfg: what is in the checkout is in the wheel."""
    tracked = subprocess.run(["git", "ls-files", "trainbot"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert [name for name in tracked.stdout.splitlines() if not (installed / name).is_file()] == []


def test_the_wheel_builds_the_same_image_as_the_checkout(installed: Path) -> None:
    """An image that the demo built from a checkout is current for an installed trainbot too."""
    code = (
        "from trainbot import shipped; from trainbot.images.build.recipe import recipe_hash;"
        "print(recipe_hash(shipped.folder('images') / 'debian', 'ssh-ed25519 AAAA'))"
    )
    hashes = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for path in (installed, ROOT)
    ]
    assert hashes[0] == hashes[1]


def test_help_imports_nothing_heavy() -> None:
    """``trainbot --help`` answers at once: no library that a command needs is loaded for it."""
    code = (
        "import sys; sys.argv = ['trainbot', '--help']\n"
        "from trainbot.__main__ import main\nmain()\n"
        "import json; print(json.dumps(sorted(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(run.stdout.splitlines()[-1])}
    assert loaded.isdisjoint(HEAVY)
