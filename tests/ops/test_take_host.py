"""trainbot host take: the way out where the trainbot that a host belongs to is gone for good."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from trainbot.adapters.db import Store
from trainbot.adapters.db.migrate import upgrade
from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.adapters.hosts.pools import empty_xml
from trainbot.cli import cli
from trainbot.core.errors import BackendError, HostDown, UserError
from trainbot.model.host import HostConfig


@pytest.fixture
def shell(daemon, tmp_path):
    """shell(*words, said=what is typed): trainbot in a shell, with the host xen1 and an embedded one."""
    ini = tmp_path / "bot.ini"
    ini.write_text(
        "[irc]\nserver = irc.example.org\nnick = t\nchannels = #t\n"
        f"[store]\nurl = sqlite:///{tmp_path}/t.db\n"
        f"[host.xen1]\nuri = {daemon.uri}\n[host.here]\nuri = qemu:///embed?root=/tmp/tb-take\n"
    )

    def run(*words, said=""):
        return CliRunner().invoke(cli, [*words, "-c", str(ini)], input=said, standalone_mode=False)

    return run


@pytest.fixture
def ran(tmp_path):
    """The bot has been started once before."""
    url = f"sqlite:///{Path(tmp_path)}/t.db"
    upgrade(url)
    store = Store(url)
    with store.transaction():
        store.settings.set("owner", "ours")
    store.close()


def test_a_host_is_taken(shell, pool, ran, daemon):
    """It asks, with whose the host is; no leaves everything as it was; yes makes it ours, and the other is refused."""
    pool.createXML(empty_xml("claim-another"))
    refused = shell("host", "take", "xen1", said="n\n")
    assert "xen1 belongs to another trainbot (id another)" in refused.output and refused.return_value == 1
    assert pool.listVolumes() == ["claim-another"]
    taken = shell("host", "take", "xen1", said="y\n")
    assert "xen1 now belongs to this trainbot (before: another)" in taken.output and taken.return_value == 0
    assert pool.listVolumes() == ["claim-ours"]
    with pytest.raises(HostDown, match="id ours"):
        LibvirtDriver(HostConfig("xen1", daemon.uri), "another").open()


def test_without_being_asked(shell, pool, ran):
    """--yes asks nothing, and neither does a host that nobody else claims; again is no error."""
    pool.createXML(empty_xml("claim-another"))
    for said in ("(before: another)", "already"):
        taken = shell("host", "take", "xen1", "--yes")
        assert said in taken.output and "[y/N]" not in taken.output
    assert "already" in shell("host", "take", "xen1").output


def test_what_cannot_be_taken(shell, pool, ran):
    """A host that bot.ini does not have is said with those it has; one on this machine alone needs no claim."""
    unknown = shell("host", "take", "xen2").exception
    assert isinstance(unknown, UserError) and "(available: xen1, here)" in str(unknown)
    assert "nothing to take over" in shell("host", "take", "here").output


def test_a_bot_without_an_id(shell, pool):
    """Before its first start a trainbot has nothing to claim with, which is said with what makes it."""
    error = shell("host", "take", "xen1", "--yes").exception
    assert isinstance(error, BackendError) and "trainbot run creates it" in str(error)
    assert pool.listVolumes() == []
