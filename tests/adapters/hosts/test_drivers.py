"""One place knows the kinds of hosts."""

from __future__ import annotations

from pathlib import Path

from tests.adapters.hosts.paper_host import paper_host
from tests.test_house import MODULES, imports_of
from trainbot.adapters.hosts.drivers import driver_for, look_at
from trainbot.model.host import HostConfig

DRIVER = "trainbot.adapters.hosts.libvirt_driver"


def test_nobody_else_names_a_driver() -> None:
    """A new kind of host is a new driver and a line there."""
    users = {module for module, path in MODULES.items() if DRIVER in {name for _line, name in imports_of(path)}}
    assert users == {"trainbot.adapters.hosts.drivers"}


def test_a_driver_for_a_host(tmp_path: Path, owner: str) -> None:
    """It is not open until somebody opens it; the same host can be looked at beside it."""
    config = HostConfig("paper", paper_host(tmp_path))
    driver = driver_for(config, owner)
    assert not driver.shared
    driver.open()
    assert driver.report().name == "paper" and driver.report().domains == ()
    driver.close()
    assert look_at(config).cpus == 4
