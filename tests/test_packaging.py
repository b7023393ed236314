"""What is installed works without the checkout, and knows which version it is."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.upgrades.released import VERSIONS
from trainbot import __version__
from trainbot.shipped import commit_of

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


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


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
    git(source, "init", "-q")
    git(source, "add", "-A")
    git(source, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "a checkout")
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


def test_an_installed_trainbot_names_its_commit(installed: Path, tmp_path: Path) -> None:
    """It was made from a checkout, and is far from it now."""
    commit = git(installed.parent / "source", "rev-parse", "--short=12", "HEAD")
    assert trainbot(installed, tmp_path, "--version").stdout == f"trainbot {__version__} (commit {commit})\n"


def test_a_checkout_and_its_archive_name_their_commit(installed: Path, tmp_path: Path) -> None:
    """git says it of a checkout, and whether that was changed since; an archive made by git has it written in."""
    source = installed.parent / "source"
    assert commit_of(source) == git(source, "rev-parse", "--short=12", "HEAD")
    archive = subprocess.run(
        ["git", "-C", source, "archive", "HEAD", "trainbot/shipped"], check=True, capture_output=True
    )
    subprocess.run(["tar", "-x", "-C", tmp_path], input=archive.stdout, check=True)
    assert commit_of(source).startswith((tmp_path / "trainbot" / "shipped" / "COMMIT").read_text().strip())
    (source / "README.md").write_text("changed")
    assert commit_of(source).endswith("-dirty")


def test_no_commit_is_no_error(installed: Path, tmp_path: Path) -> None:
    """A copy of the files in somebody else's checkout: just the version."""
    git(tmp_path, "init", "-q")
    shutil.copytree(installed, tmp_path / "site")
    (tmp_path / "site" / "trainbot" / "shipped" / "COMMIT").write_text("$Format:%h$\n")
    assert trainbot(tmp_path / "site", tmp_path, "--version").stdout == f"trainbot {__version__}\n"


def test_the_version_is_the_same_everywhere() -> None:
    """In the program, in the package, and at the top of the changelog, which has a section for each release."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["version"] == __version__
    sections = re.findall(r"^## (\S+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert [version for version, _when in sections] == list(dict.fromkeys([__version__, *reversed(VERSIONS)]))
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", when) for _version, when in sections[1:])


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
