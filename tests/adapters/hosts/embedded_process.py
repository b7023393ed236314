"""A process that owns an embedded host, as the bot does, and can be killed like it.

usage: embedded_process.py ROOT OWNER [DISK_RATE].  One JSON list a line in ([action, LabSpec fields or id]), one JSON value a
line out (["ok", value] or [name of the error, its sentence]).  The end of stdin closes the host.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.core.errors import BackendError
from trainbot.model.host import HostConfig, LabSpec

PATHS = ("disk", "kernel", "initrd")


def main(root: str, owner: str, disk_rate: str = "0") -> None:
    config = HostConfig("here", f"qemu:///embed?root={root}", folder=Path(root) / "labs", disk_rate=int(disk_rate))
    driver = LibvirtDriver(config, owner)
    for line in sys.stdin:
        action, *arguments = json.loads(line)
        if action in ("make", "reset", "snapshot", "rollback"):
            fields = {name: Path(value) if name in PATHS else value for name, value in arguments[0].items()}
            arguments = [LabSpec(**fields)]
        try:
            value = getattr(driver, action)(*arguments)
            answer = ["ok", dataclasses.asdict(value) if value is not None else None]
        except BackendError as error:
            answer = [type(error).__name__, str(error)]
        print(json.dumps(answer), flush=True)
    driver.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
