"""QEMU's own control channel, on its stdin and stdout: https://www.qemu.org/docs/master/interop/qmp-spec.html."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

_PAUSE = 0.05


class Qmp:
    """For a QEMU that was started with ``-qmp stdio``."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._greeted = False

    def __call__(self, command: str, **arguments: Any) -> Any:
        """What QEMU returned.  AssertionError with its complaint, or when it has ended."""
        if not self._greeted:
            self._line()
            self._greeted = True
            self("qmp_capabilities")
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self._process.stdin.flush()
        while True:
            said = self._line()
            if "return" in said:
                return said["return"]
            assert "error" not in said, f"{command}: {said['error']['desc']}"

    def migrated(self, seconds: float) -> None:
        """Waits until the state of the machine has left, or arrived, completely."""
        end = time.monotonic() + seconds
        while (status := self("query-migrate").get("status")) != "completed":
            assert status not in ("failed", "cancelled"), self("query-migrate")
            assert time.monotonic() < end, f"the machine's state is {status} after {seconds:g} s"
            time.sleep(_PAUSE)

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"QEMU ended with {self._process.wait()}"
        return json.loads(line)
