"""The emulator of an embedded host's labs, confined (adapters.hosts.confined_emulator)."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from trainbot.adapters.hosts import confined_emulator
from trainbot.core.errors import BackendError
from trainbot.core.files import write_whole

QEMU = "qemu-system-x86_64"
_LONGEST = 200  # characters of an interpreter's path in a script's first line (execve(2))


def confined() -> bool:
    """Whether this machine can confine emulators: its kernel has Landlock."""
    return confined_emulator.landlock_version() > 0


def emulator(root: Path) -> Path | None:
    """Writes the emulator of the labs in that root; None if QEMU is not installed, or Python's path cannot begin a
    script: then libvirt looks for one itself, which is not confined.  Raises BackendError."""
    qemu, python = shutil.which(QEMU), sys.executable
    if qemu is None or not python or len(python) > _LONGEST or any(map(str.isspace, python)):
        return None
    source = Path(confined_emulator.__file__).read_text()
    path, text = root / "emulator", f"#!{python} -IS\n{source}\n\nimport sys\n\nmain({qemu!r}, sys.argv[1:])\n"
    try:
        if not path.exists() or path.read_text() != text:  # libvirt asks a changed one again what it can do
            write_whole(path, text)
            path.chmod(0o755)
    except OSError as error:
        raise BackendError(f"cannot write to the host's root {root}: {error.strerror}") from None
    return path
