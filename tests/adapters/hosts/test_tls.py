"""A host over TLS, with certificates of a test's own: who is let in, and what somebody without the right ones hears."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.peers.certificates import make_certificates, pkipath
from tests.peers.libvirtd import Libvirtd
from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.core.errors import HostDown
from trainbot.model.host import HostConfig


@pytest.fixture(scope="module")
def right(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("right")
    make_certificates(folder)
    return folder


@pytest.fixture(scope="module")
def another(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("another")
    make_certificates(folder)
    return folder


@pytest.fixture(scope="module")
def daemon(right):
    with Libvirtd(right) as daemon:
        yield daemon


def opened(daemon: Libvirtd, owner: str, pki: Path, address: str = "127.0.0.1") -> LibvirtDriver:
    driver = LibvirtDriver(HostConfig("rack", f"test+tls://{address}:{daemon.tls_port}/default?pkipath={pki}"), owner)
    driver.open()
    return driver


def refused(*arguments) -> str:
    with pytest.raises(HostDown) as raised:
        opened(*arguments)
    return str(raised.value)


def test_the_right_certificates(daemon, right, tmp_path, owner, lab_spec):
    """Whoever has a certificate of the host's authority is let in, and makes labs there."""
    driver = opened(daemon, owner, pkipath(tmp_path / "pki", right, right))
    driver.make(lab_spec())
    assert set(daemon.domains()) == {lab_spec().id}
    driver.destroy(lab_spec().id)
    driver.close()


def test_a_host_of_another_authority(daemon, another, tmp_path, owner):
    """Nothing is said to a host that cannot show who it is."""
    assert "rack's TLS certificate is not signed by the authority in our cacert.pem" in refused(
        daemon, owner, pkipath(tmp_path / "pki", another, another)
    )


def test_a_host_of_another_name(daemon, right, tmp_path, owner):
    """A certificate for another name than the URI's is none for this host."""
    assert "not for the name in its uri" in refused(daemon, owner, pkipath(tmp_path / "pki", right, right), "127.1")


def test_our_own_are_wrong(daemon, right, another, tmp_path, owner):
    """A client's certificate of another authority, none at all, another's key, no folder: each says which file it is."""
    assert "our TLS certificate, clientcert.pem, is not signed" in refused(
        daemon, owner, pkipath(tmp_path / "mixed", another, right)
    )
    bare = pkipath(tmp_path / "bare", right, right)
    (bare / "clientkey.pem").unlink()
    assert "rack does not accept our TLS certificate: put clientcert.pem and clientkey.pem" in refused(
        daemon, owner, bare
    )
    swapped = pkipath(tmp_path / "swapped", right, right)
    shutil.copy(another / "client.key", swapped / "clientkey.pem")
    assert "our clientcert.pem and clientkey.pem do not belong together" in refused(daemon, owner, swapped)
    assert (
        "needs cacert.pem, clientcert.pem and clientkey.pem in the folder that pkipath= in rack's uri names"
        in refused(daemon, owner, tmp_path / "nowhere")
    )
