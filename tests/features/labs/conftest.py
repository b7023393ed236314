"""What dialogs about labs share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stage import Stage


@pytest.fixture
def two(stages: Callable[..., Stage]) -> Stage:
    """A class with two hosts; alice and bob have labs on xen1, which was up first."""
    stage = stages(hosts=("xen1", "xen2"), labs=3)
    stage.host_up("xen1")
    for nick in ("alice", "bob"):
        stage.talk(nick, "!lab debian")
    stage.hosts_work()
    stage.host_up("xen2")
    stage.talk("russell", "!start")
    return stage
