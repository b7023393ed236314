"""Values that the tests of the hosts speak about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trainbot.model.host import LabSpec

OWNER = "3f1c0a52-installation"

_FIRST = LabSpec(
    id="6ba7b810-9dad-41d1-80b4-000000000001",
    name="lab-debian-1",
    image="debian",
    disk=Path("/srv/images/debian/disk.img"),
    kernel=Path("/srv/images/debian/vmlinuz"),
    initrd=Path("/srv/images/debian/initrd"),
    cmdline="root=LABEL=debian rw quiet",
    memory_mib=384,
    port=2301,
    owner=OWNER,
)


@pytest.fixture(scope="session")
def owner():
    return OWNER


@pytest.fixture(scope="session")
def lab_spec():
    """lab_spec(number, **changes): the number-th lab, with a UUID, name and port of its own."""

    def make(number: int = 1, **changes) -> LabSpec:
        own = {"id": f"6ba7b810-9dad-41d1-80b4-{number:012x}", "name": f"lab-debian-{number}", "port": 2300 + number}
        return replace(_FIRST, **{**own, **changes})

    return make
