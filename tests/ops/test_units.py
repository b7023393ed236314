"""systemd's units as shipped: what limits the gateway, and what must not limit the bot."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "systemd"
LIMITS = {"MemoryMax", "TasksMax", "CPUWeight"}


def service(name: str) -> dict[str, str]:
    unit = ConfigParser(strict=False, interpolation=None, delimiters="=")
    unit.optionxform = str  # type: ignore[assignment, method-assign]  # as configparser's documentation does
    unit.read(FOLDER / f"{name}.service")
    return dict(unit["Service"])


def test_the_gateway_cannot_take_the_machine() -> None:
    assert service("trainbot-gateway").keys() >= LIMITS


def test_the_watch_over_copies_reaches_nothing_else() -> None:
    """It reads copies that hold keys: no network, no devices, and only that folder is written."""
    unit = service("trainbot-standby")
    assert unit["PrivateNetwork"] == unit["PrivateDevices"] == "yes" and unit["RestrictAddressFamilies"] == "AF_UNIX"
    assert unit["ReadWritePaths"] == "/var/lib/trainbot" and unit["ProtectSystem"] == "strict"


def test_the_bot_has_no_limits_that_its_labs_would_share() -> None:
    assert not service("trainbot").keys() & LIMITS


@pytest.mark.parametrize("name", ["trainbot", "trainbot-gateway"])
def test_both_may_confine_what_they_start(name: str) -> None:
    """Landlock's system calls are not in systemd's @system-service everywhere."""
    allowed = service(name)["SystemCallFilter"]
    assert {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"} <= set(allowed.split())
