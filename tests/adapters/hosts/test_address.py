from __future__ import annotations

from pathlib import Path

import pytest

from trainbot.adapters.hosts.domain_xml import HostKind
from trainbot.core.errors import BackendError
from trainbot.model.host_address import host_address, prepare_root


@pytest.mark.parametrize(
    ("uri", "kind", "remote"),
    [
        ("test:///default", HostKind.TEST, False),
        ("test+tcp://127.0.0.1:16509/default", HostKind.TEST, True),
        ("xen:///system", HostKind.XEN, True),
        ("xen+tcp://h/system", HostKind.XEN, True),
        ("qemu:///system", HostKind.KVM, True),
        ("qemu+tls://h/system", HostKind.KVM, True),
        ("qemu://h/system", HostKind.KVM, True),
    ],
)
def test_kinds(uri, kind, remote):
    """A URI says what kind of XML its host wants, and whether there is a daemon in between; it is passed on as is."""
    address = host_address(uri)
    assert (address.kind, address.remote, address.root, address.uri) == (kind, remote, None, uri)


def test_ssh_asks_nothing():
    """ssh to a host never asks for a password on a terminal; what the organiser wrote stays as it is."""
    assert host_address("xen+ssh://root@h:22/system").uri == "xen+ssh://root@h:22/system?no_tty=1"
    assert host_address("xen+ssh://h/system?keyfile=/k+y").uri == "xen+ssh://h/system?keyfile=/k+y&no_tty=1"
    assert host_address("qemu+ssh://root@h/system").uri == "qemu+ssh://root@h/system?no_tty=1"
    assert host_address("xen+ssh://h/system?no_tty=0").uri == "xen+ssh://h/system?no_tty=0"


def test_a_root_becomes_absolute(tmp_path, monkeypatch):
    """libvirt takes an absolute root only; a relative one is completed, and awkward letters in it are escaped."""
    monkeypatch.chdir("/")
    address = host_address("qemu:///embed?root=srv/a%20b+%26c")
    assert (address.root, address.uri) == (Path("/srv/a b+&c"), "qemu:///embed?root=/srv/a%20b%2B%26c")


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("", "unsupported host uri"),
        ("esx://h/", "unsupported host uri"),
        ("qemu:///embed", "no root"),
        ("qemu:///embed?root=", "no root"),
        ("qemu:///embed?root=/" + "x" * 60, "too long"),
        ("qemu+ssh://h/embed?root=/x", "unsupported host uri .* use qemu\\+ssh"),
        ("qemu://h/embed?root=/x", "unsupported host uri"),
        ("qemu+ssh://h/session", "unsupported host uri"),
        ("qemu:///", "unsupported host uri"),
    ],
)
def test_refused(uri, says):
    """A URI that cannot work is refused with the reason, before libvirt hears of it."""
    with pytest.raises(BackendError, match=says):
        host_address(uri)


def test_the_root_is_prepared(tmp_path):
    """The embedded driver finds a configuration that needs no daemon beside it; preparing it again changes nothing."""
    prepare_root(tmp_path / "r")
    written = (tmp_path / "r/etc/qemu.conf").read_text()
    prepare_root(tmp_path / "r")
    assert 'stdio_handler = "file"' in written
    assert (tmp_path / "r/etc/qemu.conf").read_text() == written


def test_a_root_that_cannot_be_written(tmp_path):
    """Where the root cannot be, the sentence names it."""
    (tmp_path / "file").touch()
    with pytest.raises(BackendError, match=str(tmp_path / "file")):
        prepare_root(tmp_path / "file" / "r")
