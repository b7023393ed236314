"""InspIRCd with Anope on loopback: services that many networks have, and that differ from Atheme."""

from __future__ import annotations

import re

from tests.peers.inspircd import Child, InspIrcd
from trainbot.ops.demo.world import cache_folder


class AnopeNetwork(InspIrcd):
    """Services as the package configures them, except that one may register at once."""

    registered = "registered"

    def start_services(self) -> None:
        there, folder = cache_folder() / "anope", self.folder / "anope"
        assert there.exists(), "anope is not unpacked: scripts/setup test"
        folder.mkdir(exist_ok=True)
        (folder / "motd").touch()
        (folder / "services.conf").write_text(self.filled("anope.conf"))
        for name in ("chanserv.conf", "nickserv.conf"):
            text = (there / "etc/anope" / name).read_text()
            (folder / name).write_text(re.sub(r"regdelay = \w+", "regdelay = 0s", text))
        command = [
            str(there / "usr/sbin/anope"),
            "--nofork",
            f"--confdir={folder}",
            f"--dbdir={folder}",
            f"--logdir={folder}",
        ]
        command += [f"--modulesdir={there}/usr/lib/anope", f"--localedir={there}/usr/share/anope/locale"]
        self._servers.append(
            Child(command, "services.class.test (services) is done syncing", self.folder / "anope.out")
        )
