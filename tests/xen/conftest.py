"""Real Xen hosts: one that the tests share, and as many as are wanted to be killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import outside
import pytest
from host_image import TINY, HostImage, host_image, plain_image
from outside import POOL
from stocked import images_disk, stock
from watched import OWNER, Watched
from xen_host import XenHost, booted

from tests.whole import fixtures
from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.adapters.state_folder import lab_key
from trainbot.images.build.image_folder import BuiltImage, read_image
from trainbot.images.build.progress_bar import for_terminal
from trainbot.model.host import GuestType, HostConfig, LabSpec
from trainbot.ops.demo.world import cache_folder

make_bot, people = fixtures.make_bot, fixtures.people


@pytest.fixture(scope="session")
def xen_image(lab_image, pytestconfig: pytest.Config) -> HostImage:
    """The host that most tests have, built if the cache has none that is current."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():  # it takes minutes the first time: whoever waits sees why
        return host_image(lab_key(lab_image.key), cache_folder(), for_terminal())


@pytest.fixture(scope="session")
def tiny_image(xen_image: HostImage) -> BuiltImage:
    """The tiny lab on the tester's machine; its root lets in the key that the Debian lab's does."""
    return read_image(xen_image.tiny)


@pytest.fixture(scope="session")
def xen_hosts(xen_image: HostImage, pytestconfig: pytest.Config) -> Iterator[Callable[[str], XenHost]]:
    """xen_hosts(name): another host, up within seconds.  All are ended after the last test, however that went."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        state = booted(xen_image, for_terminal())
    started: list[XenHost] = []

    def start(name: str) -> XenHost:
        started.append(XenHost(xen_image, name))
        started[-1].resume(state)
        return started[-1]

    yield start
    for host in started:
        host.end()


@pytest.fixture(scope="session")
def _first(xen_hosts) -> XenHost:
    return xen_hosts("first")


@pytest.fixture
def first(_first: XenHost) -> Iterator[XenHost]:
    """The host that most tests share; each leaves it as empty as it was."""
    yield _first
    _first.thaw()
    outside.clear(_first)


@pytest.fixture
def second(xen_hosts) -> Iterator[XenHost]:
    """A host of a test's own, beside the first."""
    host = xen_hosts("second")
    yield host
    host.end()


@pytest.fixture
def doomed(xen_hosts) -> Iterator[XenHost]:
    """A host of a test's own, to be killed."""
    host = xen_hosts("doomed")
    yield host
    host.end()


@pytest.fixture
def stocked(xen_image: HostImage, tmp_path: Path) -> Iterator[Callable[..., XenHost]]:
    """stocked(name, image, …): a host of a test's own that has copies of these images."""
    started: list[XenHost] = []

    def start(name: str, *images: BuiltImage) -> XenHost:
        started.append(host := XenHost(xen_image, name))
        host.second = images_disk(images, tmp_path)
        host.boot()
        host.wait()
        stock(host, images)
        return host

    yield start
    for host in started:
        host.end()


@pytest.fixture(scope="session")
def _plain_hosts(pytestconfig: pytest.Config) -> tuple[HostImage, Path]:
    """The image of a plain host and its state when it had booted, both kept."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        image = plain_image(cache_folder(), for_terminal())
        return image, booted(image, for_terminal())


@pytest.fixture
def plain(_plain_hosts: tuple[HostImage, Path]) -> Iterator[XenHost]:
    """A fresh host of a test's own, without libvirt: what `trainbot host prepare` finds."""
    image, state = _plain_hosts
    host = XenHost(image, "plain")
    try:
        host.resume(state)
        yield host
    finally:
        host.end()


@pytest.fixture
def tiny(tiny_image: BuiltImage) -> Callable[..., LabSpec]:
    """tiny(number, **changes): the number-th tiny lab, which says how often its disk was booted (watched.greeting)."""
    usual = {"memory_mib": tiny_image.memory_mib, "cmdline": tiny_image.cmdline}
    return lambda number=1, **changes: _spec(tiny_image.name, TINY, number, **{**usual, **changes})


def _spec(image: str, folder: Path, number: int, **changes) -> LabSpec:
    usual = {
        "id": f"7d444840-9dc0-11d1-b245-{number:012x}",
        "name": f"lab-{image}-{number}",
        "owner": OWNER,
        "guest": GuestType.PVH,
    }
    files = {"disk": folder / "disk.img", "kernel": folder / "vmlinuz", "initrd": folder / "initrd"}
    return LabSpec(image=image, **{**usual, **files, **changes})


@pytest.fixture
def drivers() -> Iterator[Callable[..., LibvirtDriver]]:
    """drivers(uri): our driver, connected."""
    opened: list[LibvirtDriver] = []

    def connect(uri: str) -> LibvirtDriver:
        opened.append(LibvirtDriver(HostConfig("rack", uri, folder=POOL), OWNER))
        opened[-1].open()
        return opened[-1]

    yield connect
    for driver in opened:
        driver.close()


@pytest.fixture
async def watch():
    """watch(name, uri, **settings of the host): a worker that was started, with its events."""
    started: list[Watched] = []

    def start(name: str, uri: str, **settings) -> Watched:
        started.append(Watched(HostConfig(name, uri, folder=POOL, **{"deadline": 300.0, **settings})))
        return started[-1]

    yield start
    for watched in started:
        await watched.worker.close()
