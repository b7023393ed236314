"""The plain host is what it is said to be: what tests of preparing a host rest on."""

from __future__ import annotations

import pytest
from xen_host import XenHost

pytestmark = pytest.mark.xen
_INSTALL = ("DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "
            "$(cat /usr/local/share/host-packages)")


def test_a_plain_host_becomes_one_with_libvirt(plain: XenHost):
    """It has Xen and nothing else of what we need; what is missing can be installed although it has no network, and
    then libvirt's Xen driver works at once."""
    assert "xen_version" in plain.ssh("xl info")
    assert plain.ssh("for each in virsh sudo nft qemu-img nc; do ! command -v $each || exit 1; done") == ""
    plain.ssh(_INSTALL, 900)
    assert "Domain-0" in plain.ssh("virsh -q -c xen:///system list")
