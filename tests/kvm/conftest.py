"""Hosts with libvirt's QEMU driver, each a Debian machine in namespaces of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.peers.kvm_host import KvmHost, kvm_system
from tests.whole import fixtures
from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.config import load
from trainbot.images.build.image_folder import read_image
from trainbot.images.build.progress_bar import for_terminal
from trainbot.model.host import LabSpec
from trainbot.model.image_files import files
from trainbot.ops.demo.world import cache_folder

OWNER = "0d9a-kvm-tests"
make_bot, people = fixtures.make_bot, fixtures.people


@pytest.fixture(scope="session")
def kvm_hosts(pytestconfig: pytest.Config) -> Iterator[Callable[..., KvmHost]]:
    """kvm_hosts(name, system="host"): another host, up; "plain": one without libvirt, as ``trainbot host prepare`` finds
    it.  All are ended after the last test, however that went."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    started: list[KvmHost] = []

    def start(name: str, system: str = "host") -> KvmHost:
        with capture.global_and_fixture_disabled():  # it takes minutes the first time: whoever waits sees why
            found = kvm_system(system, cache_folder(), for_terminal())
        started.append(KvmHost(found, name))
        started[-1].start()
        return started[-1]

    yield start
    for host in started:
        host.stop()


@pytest.fixture
def kvm1(kvm_hosts: Callable[..., KvmHost]) -> Iterator[KvmHost]:
    """A host of a test's own."""
    host = kvm_hosts("kvm1")
    yield host
    host.stop()


class Rack:
    """A host that ``trainbot host prepare`` has set up, with the Debian image."""

    def __init__(self, host: KvmHost, folder: Path, image: Path, key: Path) -> None:
        self.host = host
        (folder / "bot.ini").write_text(
            f"[irc]\nchannels = #a\n[host.kvm1]\nuri = {host.uri}\nlabs = 4\n[gateway]\nlab_key = {key}\n"
            f"[image.debian]\nfolder = {image}\n"
        )
        words = [sys.executable, "-m", "trainbot", "host", "prepare", "kvm1", "-c", str(folder / "bot.ini")]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1200)
        assert done.returncode == 0, done.stdout + done.stderr
        (self.config,) = load(folder / "bot.ini").hosts
        built = read_image(image)
        there = files(self.config.images, image.name)
        self._labs = LabSpec("", "", "debian", there.disk, there.kernel, there.initrd, built.cmdline, 256, owner=OWNER)

    def lab(self, slot: int, **changes: Any) -> LabSpec:
        own = {"id": f"7d444840-9dc0-11d1-b245-{slot:012x}", "name": f"lab-debian-{slot}", "slot": slot}
        return replace(self._labs, **{**own, **changes})

    def driver(self, **changes: Any) -> LibvirtDriver:
        """Ours, connected; it is closed with the host."""
        driver = LibvirtDriver(replace(self.config, **changes), OWNER)
        driver.open()
        return driver

    def disks(self) -> list[str]:
        """Owner, mode and name of each lab's."""
        listed = self.host.ssh(f"cd {self.config.folder} && stat -c '%U %a %n' *.qcow2 2>/dev/null || true")
        return sorted(listed.splitlines())


@pytest.fixture(scope="session")
def rack(kvm_hosts, lab_image, tmp_path_factory: pytest.TempPathFactory) -> Rack:
    """One for all tests that leave it as empty as it was."""
    return Rack(kvm_hosts("kvm1"), tmp_path_factory.mktemp("rack"), lab_image.folder, lab_image.key)
