"""What tests of several parts share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libvirt
import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from tests.peers.libvirtd import Libvirtd
from tests.stage import Stage
from trainbot import shipped
from trainbot.adapters.hosts.pools import disk_pool
from trainbot.adapters.state_folder import lab_key
from trainbot.images.build.build import build_image
from trainbot.images.build.progress_bar import for_terminal
from trainbot.ops.demo.ngircd import Ngircd
from trainbot.ops.demo.world import cache_folder

settings.register_profile("trainbot", deadline=None)  # a busy machine is no fault
settings.load_profile("trainbot")

#: These boot an emulated machine, each as long as a core needs for it: one after the other, while the rest runs beside.
BOOTS = (
    "tests/adapters/hosts/test_embedded.py::test_a_lab_outlives_the_process_that_made_it",
    "tests/whole/test_whole_rehearsal.py::test_a_real_machine_is_rehearsed",
    "tests/whole/test_whole_machine.py::test_a_machine_from_request_to_return",
    "tests/whole/test_whole_kept_files.py::test_own_files_outlive_a_lab",
)
#: What takes longest is begun first, lest one worker be left with it in the end.
LONG = (
    *BOOTS,
    "tests/features/labs/test_lease_machine.py",
    "tests/features/labs/test_rehearsal_machine.py",
    "tests/whole/",
    "tests/features/labs/",
    "tests/gateway/",
    "tests/ops/",
)


class Files(LoadFileScheduling):
    """A file's tests run in one worker, in the order of LONG; those that boot machines are one file to it."""

    def _split_scope(self, nodeid: str) -> str:
        return "machines" if nodeid in BOOTS else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Files | None:
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # the number of tests says nothing about how long they take
    return Files(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((place for place, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG))

    items.sort(key=place)


@dataclass(frozen=True)
class LabImage:
    """A built image: its folder (disk.img, vmlinuz, initrd, image.json), and the key that its root lets in."""

    folder: Path
    key: Path


@pytest.fixture(scope="session")
def lab_image(pytestconfig: pytest.Config) -> LabImage:
    """The Debian image."""
    return built("debian", pytestconfig)


@pytest.fixture(scope="session")
def trixie_image(pytestconfig: pytest.Config) -> LabImage:
    """Debian 13's, beside it."""
    return built("trixie", pytestconfig)


def built(name: str, pytestconfig: pytest.Config) -> LabImage:
    """The shipped recipe's image, built if the cache (the demo's own) has none that is current."""
    cache = cache_folder()
    key = cache / "lab_key"
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():  # it takes minutes the first time: whoever waits sees why
        image = build_image(shipped.folder("images") / name, cache, lab_key(key), for_terminal())
    return LabImage(image.folder, key)


@pytest.fixture
def stages(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """stages(labs=…, spare=…): a bot without doors, for dialogs."""
    made: list[Stage] = []

    def make(**settings: object) -> Stage:
        made.append(Stage(tmp_path / str(len(made)), **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for stage in made:
        stage.store.close()


@pytest.fixture
def stage(stages: Callable[..., Stage]) -> Stage:
    """The usual stage, with its host up."""
    found = stages()
    found.host_up()
    return found


@pytest.fixture
async def ngircd(tmp_path: Path) -> AsyncIterator[Ngircd]:
    """An IRC server without accounts, where one may talk freely."""
    async with Ngircd(tmp_path / "ngircd", max_penalty=0) as server:
        yield server


@pytest.fixture
def libvirtd() -> Iterator[Libvirtd]:
    """A host of a test's own, to be killed."""
    with Libvirtd() as server:
        yield server


@pytest.fixture(scope="module")
def daemon() -> Iterator[Libvirtd]:
    """A host that a module's tests share."""
    with Libvirtd() as server:
        yield server


@pytest.fixture
def pool(daemon: Libvirtd, tmp_path: Path) -> Iterator[libvirt.virStoragePool]:
    """That host's pool, seen by somebody else than the drivers; empty again afterwards."""
    connection = libvirt.open(daemon.uri)
    pool = disk_pool(connection, tmp_path)
    yield pool
    for volume in pool.listAllVolumes():
        volume.delete()
    connection.close()
