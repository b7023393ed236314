"""ircd-hybrid on loopback: extended-join and WHOX, no account-tag, no services.  It refuses to run as root."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.peers.daemons import DEADLINE, unprivileged, wait_for_port
from tests.peers.inspircd import free_port

CONF = """
serverinfo {{ name = "hybrid.class.test"; description = "tests"; network_name = "class"; sid = "0HY"; hub = no;
              default_max_clients = 512; max_nick_length = 20; }};
admin {{ name = "tests"; description = "tests"; email = "root@localhost"; }};
class {{ name = "users"; ping_time = 90 seconds; number_per_ip_local = 500; number_per_ip_global = 500; max_number = 500;
        sendq = 1 megabyte; recvq = 8000 bytes; }};
listen {{ host = "127.0.0.1"; port = {port}; }};
auth {{ user = "*@*"; class = "users"; flags = need_tilde; }};
general {{ throttle_count = 1000; throttle_time = 1 second; disable_auth = yes; }};
modules {{ path = "/usr/lib/ircd-hybrid/modules"; path = "/usr/lib/ircd-hybrid/modules/autoload"; }};
"""


class Hybrid:
    """``port`` is open once ``start`` returned."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hybrid-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        (self.folder / "ircd.conf").write_text(CONF.format(port=self.port))
        paths = {"-configfile": "ircd.conf", "-logfile": "ircd.log", "-pidfile": "ircd.pid", "-klinefile": "kline.db",
                 "-dlinefile": "dline.db", "-xlinefile": "xline.db", "-resvfile": "resv.db"}
        arguments = [word for name, file in paths.items() for word in (name, str(self.folder / file))]
        self._process = subprocess.Popen(["/usr/sbin/ircd-hybrid", "-foreground", *arguments], cwd=self.folder,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                         **unprivileged(self.folder))
        wait_for_port(self.port, self._process)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(DEADLINE)
        shutil.rmtree(self.folder)
