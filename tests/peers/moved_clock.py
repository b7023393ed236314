"""The wall clock of one process, which a test sets while it runs."""

from __future__ import annotations

import mmap
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("moved_clock.c")


class MovedClock:
    """``environment``: for the process whose clock it is.  Makes its files in ``folder``."""

    def __init__(self, folder: Path) -> None:
        library, file = folder / "moved_clock.so", folder / "moved_clock"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl", "-lm"], check=True)
        file.write_bytes(bytes(mmap.PAGESIZE))
        with file.open("r+b") as opened:
            self._offset = mmap.mmap(opened.fileno(), 0)
        self.environment = {"LD_PRELOAD": str(library), "MOVED_CLOCK": str(file)}

    def set(self, seconds: int) -> None:
        """To that many seconds from the true time."""
        self._offset[:8] = struct.pack("d", seconds)
