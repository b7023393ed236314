"""The machine in which the others run: what they take for granted of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers.kvm_host import KvmHost

pytestmark = pytest.mark.kvm


def test_a_machine_of_its_own(kvm1: KvmHost) -> None:
    """It has systemd, libvirt and one cable; it comes back with its disk after its power was gone, and nothing of it is left
    when it is stopped."""
    assert kvm1.ssh("systemctl is-system-running --wait") == "running"
    assert "QEMU" in kvm1.ssh("virsh -q -c qemu:///system version")
    assert kvm1.ssh("ls /sys/class/net").split() == ["eth0", "lo"]
    kvm1.ssh("touch /srv/kept")
    first = kvm1.pid
    kvm1.kill()
    assert not Path(f"/proc/{first}").exists()
    kvm1.start()
    assert kvm1.ssh("ls /srv; hostname").split() == ["kept", "kvm1"]
    kvm1.stop()
    assert not kvm1.folder.exists()
    assert not [path for path in Path("/sys/class/net").iterdir() if path.name == kvm1.cable]
    assert not kvm1.cgroup.exists()
