"""A real Xen host over TLS, set up as docs/preparing-hosts.md says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from watched import greeting
from xen_host import XenHost

from tests.peers.certificates import make_certificates, pkipath
from trainbot.core.errors import HostDown
from trainbot.model.host import DomainState, GuestType

pytestmark = pytest.mark.xen
PLACES = {
    "ca.crt": "/etc/pki/CA/cacert.pem",
    "server.crt": "/etc/pki/libvirt/servercert.pem",
    "server.key": "/etc/pki/libvirt/private/serverkey.pem",
}


def serve_tls(host: XenHost, certificates: Path) -> None:
    for name, place in PLACES.items():
        text = (certificates / name).read_text()
        host.ssh(f"install -D -m 600 /dev/stdin {place} <<'END'\n{text}END")
    host.ssh(
        "systemctl unmask libvirtd-tls.socket && systemctl stop libvirtd.service && "
        "systemctl start libvirtd-tls.socket libvirtd.service"
    )


async def test_a_host_over_tls(doomed: XenHost, watch, drivers, tiny, tmp_path):
    """It lets in whoever has a certificate of its authority, makes labs for them, and is lost when it dies; to a host of
    another authority nothing is said."""
    right, another = tmp_path / "right", tmp_path / "another"
    for folder in (right, another):
        folder.mkdir()
        make_certificates(folder)
    await asyncio.to_thread(serve_tls, doomed, right)
    uri = f"xen+tls://127.0.0.1:{doomed.tls_port}/system?pkipath="
    wrong = pkipath(tmp_path / "wrong", another, another)
    with pytest.raises(HostDown, match="rack's TLS certificate is not signed by the authority in our cacert.pem"):
        await asyncio.to_thread(drivers, f"{uri}{wrong}")
    spec = tiny(guest=GuestType.PV)
    ours = f"{uri}{pkipath(tmp_path / 'pki', right, right)}"
    rack = watch("rack", ours, keepalive=600, keepalive_count=10)
    assert (await rack.up()).hypervisor.startswith("Xen 4.17.")
    rack.worker.submit("make", spec.id, spec)
    made = await rack.finished()
    assert made.error is None and made.domain and made.domain.state is DomainState.RUNNING
    assert await asyncio.to_thread(greeting, doomed, await asyncio.to_thread(drivers, ours), spec.id) == "PV boots=1"
    doomed.kill()
    assert "does not answer" in (await rack.lost()).reason
