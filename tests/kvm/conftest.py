"""Hosts with libvirt's QEMU driver, each a Debian machine in namespaces of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.peers.kvm_host import KvmHost, kvm_system
from trainbot.images.build.progress_bar import for_terminal
from trainbot.ops.demo.world import cache_folder


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
