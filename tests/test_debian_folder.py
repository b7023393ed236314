"""The sources of the Debian package, as far as they can be examined without building it (tests/deb does that)."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import test_requirements
from trainbot.config import Config, load

ROOT = Path(__file__).parents[1]
DEBIAN = ROOT / "debian"
INSTALLED, STATE = Path("/etc/trainbot"), Path("/var/lib/trainbot")


def field(name: str) -> set[str]:
    """The packages that this field of debian/control lists."""
    found = re.search(rf"^{name}:(.*(?:\n .*)*)", (DEBIAN / "control").read_text(), re.MULTILINE)
    assert found
    return {re.sub(r" *\(.*\)", "", word.strip()) for word in found[1].split(",")} - {""}


@pytest.fixture(scope="module")
def ini() -> str:
    """The package's bot.ini."""
    done = subprocess.run(
        ["sed", "-f", DEBIAN / "bot.ini.sed", ROOT / "bot.ini"], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def config(ini: str, tmp_path: Path) -> Config:
    (tmp_path / "bot.ini").write_text(ini)
    return load(tmp_path / "bot.ini")


def test_each_line_of_the_script_changes_something() -> None:
    """bot.ini was not changed behind its back."""
    lines = [line for line in (DEBIAN / "bot.ini.sed").read_text().splitlines() if line[0] != "#"]
    before = (ROOT / "bot.ini").read_text()
    for line in lines:
        done = subprocess.run(["sed", line], input=before, capture_output=True, text=True, check=True)
        assert done.stdout != before, line


def test_the_services_write_below_var_lib_only(config: Config) -> None:
    """As the units allow; and the gateway is one of them."""
    written = [config.store.state, config.gateway.lab_key, config.records.folder]
    assert all(path.is_relative_to(STATE) for path in written)
    assert config.store.url == f"sqlite:///{STATE}/trainbot.db"
    assert config.gateway.service


def test_what_people_write_is_beside_bot_ini(config: Config, tmp_path: Path) -> None:
    assert (config.schedule.folder, config.exercises.folder) == (tmp_path / "schedules", tmp_path / "exercises")
    assert (DEBIAN / "trainbot.dirs").read_text() == f"{INSTALLED / 'schedules'}\n"[1:]


def test_nobody_is_organiser_yet(config: Config) -> None:
    """Whoever installs it decides."""
    assert not any(config.roles.rules.values())


def test_what_the_build_needs_comes_with_scripts_setup() -> None:
    """debian/control says it to Debian's tools; dh-sequence-… are names for debhelper's own parts."""
    needed = {name for name in field("Build-Depends") if not name.startswith("dh-sequence-")} - {"debhelper-compat"}
    assert needed | {"debhelper", "build-essential"} <= test_requirements.brings("deb")


def test_every_program_that_is_run_comes_with_the_package() -> None:
    """It depends on, recommends or suggests the packages of all that the program runs; git is for checkouts."""
    users = {name: path for name, path in test_requirements.programs() if path.is_relative_to(ROOT / "trainbot")}
    paths = {name: shutil.which(name, path=test_requirements.PATH) for name in users}
    owned = test_requirements.owners({path for path in paths.values() if path})
    brought = field("Depends") | field("Recommends") | field("Suggests") | test_requirements.everywhere() | {"git"}
    assert len(users) > 10
    assert [name for name, path in paths.items() if not owned.get(path or "", set()) & brought] == []
