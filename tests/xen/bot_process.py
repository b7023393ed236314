"""A process that makes a lab through our driver, as the bot does, and can be killed like it.

usage: bot_process.py URI OWNER SPEC (the LabSpec, pickled, in hex).  Says "making", then "made", and stays.
"""

from __future__ import annotations

import pickle
import sys
import time
from pathlib import Path

from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.model.host import HostConfig


def main(uri: str, owner: str, spec: str) -> None:
    driver = LibvirtDriver(HostConfig("rack", uri, folder=Path("/var/lib/libvirt/trainbot")), owner)
    driver.open()
    print("making", flush=True)
    driver.make(pickle.loads(bytes.fromhex(spec)))
    print("made", flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main(*sys.argv[1:])
