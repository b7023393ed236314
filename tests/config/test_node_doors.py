"""[host.NAME] door of a host of several nodes: {node} in it is the name of the lab's node."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.config.test_config import LEAST, faults, read
from trainbot.config import labs_sections
from trainbot.model.host import HostConfig
from trainbot.model.jump_host import JumpHost


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every host counts as one of several nodes."""
    address = labs_sections.host_address
    monkeypatch.setattr(labs_sections, "host_address", lambda uri: replace(address(uri), nodes=True))


def ini(door: str) -> str:
    return LEAST + f"[host.pool]\nuri = xen:///system\ndoor = {door}\n"


@pytest.mark.parametrize(
    ("door", "read_as"),
    [
        ("trainbot-door@{node}:22", "trainbot-door@{node}:22"),
        ("{node}", "trainbot-door@{node}:22"),
        ("me@{node}.mgmt.example.org:2222", "me@{node}.mgmt.example.org:2222"),
        ("door.example.org", "trainbot-door@door.example.org:22"),  # one for all of them
        ("none", ""),
    ],
)
@pytest.mark.usefixtures("several")
def test_doors_of_nodes(tmp_path: Path, door: str, read_as: str) -> None:
    """The address is the node's; account and port are the same on all."""
    (host,) = read(tmp_path, ini(door)).hosts
    assert host.door == read_as


@pytest.mark.parametrize("door", ["{node}@x:22", "x:{node}", "me@{nodes}:22", "me@{node", "me@{node}:0", "me@{node} x"])
@pytest.mark.usefixtures("several")
def test_what_is_no_door(tmp_path: Path, door: str) -> None:
    """It is said at the start, not when somebody logs in."""
    (fault,) = faults(tmp_path, ini(door))
    assert fault.startswith("[host.pool] door: ") and "is not [USER@]ADDRESS[:PORT]" in fault


def test_a_host_of_one_machine_has_no_nodes(tmp_path: Path) -> None:
    """No lab of it could ever be reached."""
    assert faults(tmp_path, ini("{node}")) == [
        "[host.pool] door: {node} is for hosts of several nodes, and this is one machine: use its address"
    ]


@pytest.mark.parametrize("node", ["node1", "n-1.example.org", "N1", "a_b", "10.0.0.1", "x" * 253])
def test_the_door_of_a_node(node: str) -> None:
    """It is an ssh destination like any."""
    pool = HostConfig("pool", "xen:///system", door="trainbot-door@{node}:22")
    at = pool.at_node(node)
    assert at is not None and at.name == f"pool/{node}"
    assert at.door == pool.door_of(node) == f"trainbot-door@{node}:22"
    assert JumpHost.parse(at.door) == JumpHost("trainbot-door", node, 22)


@pytest.mark.parametrize("node", ["", "-oProxyCommand=x", "a b", "a/b", "a@b", "a:1", "a\n", "{node}", "é", "x" * 254])
def test_what_no_node_is_called(node: str) -> None:
    """Nothing that has another meaning in an ssh destination, on IRC or on a terminal."""
    pool = HostConfig("pool", "xen:///system", door="trainbot-door@{node}:22")
    assert pool.door_of(node) is None and pool.at_node(node) is None
    assert replace(pool, door="").at_node(node) is None


def test_the_door_of_one_machine() -> None:
    """Nothing changes for it."""
    assert HostConfig("xen1", "xen:///system", door="me@xen1:22").door_of("") == "me@xen1:22"
    assert HostConfig("xen1", "xen:///system").door_of("") == ""
