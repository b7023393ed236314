"""Examines a disk and adds keys and seed, using libguestfs in a process of the system's Python (``opener``)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainbot.core.errors import BackendError
from trainbot.core.text import one_line
from trainbot.images.build.command import environment, stop
from trainbot.images.build.kernel import configured_types
from trainbot.images.build.progress_bar import Progress
from trainbot.images.importing import initrd
from trainbot.images.importing.contexts import labels_of, with_folders
from trainbot.images.importing.facts import DiskFacts, Kernel, read_facts
from trainbot.images.importing.kernels import choose
from trainbot.images.importing.seed import SeedFile
from trainbot.images.importing.tmux import tmux_files
from trainbot.model.host import GuestType

_PYTHON = "/usr/bin/python3"  # the one that the distribution's packages of libguestfs are for
_OPENER = Path(__file__).with_name("opener.py")
_MACHINE_ID = "/etc/machine-id"


@dataclass(frozen=True, slots=True)
class DiskContents:
    """``kernel``: the version that was chosen; ``guests``: how it runs on Xen, None if its configuration is unknown;
    ``lacking``: the drivers of labs' disks that neither it nor its initrd has, None if the initrd cannot be read;
    ``tmux``: whether it has one now."""

    facts: DiskFacts
    kernel: str
    guests: tuple[GuestType, ...] | None = None
    lacking: frozenset[str] | None = frozenset()
    tmux: bool = True


def open_disk(disk: Path, to: Path, kernel: str, write: Mapping[str, SeedFile], progress: Progress) -> DiskContents:
    """Extract kernel and initrd into ``to`` and add ``write`` (path -> file); takes a minute or two without KVM.

    ``kernel``: a version, '' for the image's choice.  BackendError explains in one sentence why it failed.
    """
    contexts = to / "contexts"
    contexts.mkdir()
    with _opener(progress) as opener:
        facts = read_facts(opener.ask(disk=str(disk), to=str(contexts))["facts"])
        chosen = choose(facts, kernel)
        files = dict(write)
        if not facts.machine_id:  # without it systemd assumes a first boot and asks questions on the console
            files[_MACHINE_ID] = SeedFile("", 0o444)
        tmux = {} if facts.tmux else tmux_files()
        files |= tmux
        modes = with_folders({path: file.mode for path, file in files.items()})
        opener.ask(
            take={"vmlinuz": chosen.path, "initrd": chosen.initrd},
            to=str(to),
            write=[
                [path, str(file.file or file.content), file.file is not None, file.mode] for path, file in files.items()
            ],
            labels=labels_of(contexts / "file_contexts", modes) if facts.contexts else {},
            empty=[_MACHINE_ID, "/var/lib/dbus/machine-id"],
        )
    guests = None if chosen.config is None else configured_types(chosen.config)
    return DiskContents(facts, chosen.version, guests, _lacking(chosen, to / "initrd"), facts.tmux or bool(tmux))


def _lacking(kernel: Kernel, file: Path) -> frozenset[str] | None:
    config, built_in = kernel.config or frozenset(), set(kernel.builtin)
    built_in |= {
        driver
        for driver, line in (
            (initrd.XEN, "CONFIG_XEN_BLKDEV_FRONTEND=y"),
            (initrd.QEMU, "CONFIG_VIRTIO_BLK=y"),
        )
        if line in config
    }
    needed = frozenset((initrd.XEN, initrd.QEMU)) - built_in
    if not needed:
        return frozenset()
    there = initrd.drivers_in(file)
    return None if there is None else needed - there


class _Opener:
    def __init__(self, process: subprocess.Popen[str], progress: Progress) -> None:
        self._process, self._progress = process, progress

    def ask(self, **question: Any) -> dict[str, Any]:
        """Its answer; what it tells on the way goes to ``progress``."""
        assert self._process.stdin and self._process.stdout and self._process.stderr
        last: dict[str, Any] = {}
        with suppress(BrokenPipeError):  # why it ended is read below
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            last = json.loads(line)
            if "stage" not in last:
                break
            self._progress.stage(str(last["stage"]))
        if "error" in last:
            raise BackendError(one_line(str(last["error"]), 500, ""))
        if "stage" in last or not last:
            words = self._process.stderr.read(2000).strip()
            raise BackendError(f"libguestfs exited early: {one_line(words[-300:], 300, '') or 'no reason given'}")
        return last


@contextmanager
def _opener(progress: Progress) -> Iterator[_Opener]:
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", _PYTHON, "-I", str(_OPENER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**environment(), "LIBGUESTFS_BACKEND": "direct"},
        start_new_session=True,
    )
    assert process.stdin and process.stdout and process.stderr
    try:
        yield _Opener(process, progress)
        process.wait()
    except BaseException:
        stop(process)
        raise
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        process.stderr.close()
