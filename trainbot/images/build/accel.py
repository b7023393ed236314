"""Tests whether KVM works here: on some nested machines /dev/kvm opens but cannot run an ordinary kernel."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import time
from pathlib import Path
from typing import Literal

from trainbot.core.errors import BackendError
from trainbot.core.files import write_whole
from trainbot.images.build.command import environment, stop
from trainbot.images.build.image_folder import BuiltImage, images_folder, load_image

Accelerator = Literal["kvm", "tcg"]

# The first line of initramfs-tools' /init: it shows that the kernel started and ran a process.
_FIRST_PROCESS = b"Loading, please wait"
_SECONDS = 20.0  # KVM takes two or three; if it is slower than this, it gains nothing
_KVM = Path("/dev/kvm")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def working_accelerator(cache: Path, name: str = "debian") -> Accelerator:
    """`kvm` when this process can boot the cache's image with it, `tcg` (slow, always works) on anything odd.

    Tried once for each boot of this machine, kernel of the image and user; takes up to 20 s the first time.
    """
    if not os.access(_KVM, os.R_OK | os.W_OK):
        return "tcg"
    try:
        image = load_image(cache, name)
        key = f"{_BOOT_ID.read_text().strip()} {image.sha256['vmlinuz']} {os.geteuid()}"
    except (BackendError, OSError, KeyError):
        return "tcg"
    remembered = images_folder(cache) / "accelerator.json"
    verdict = _remembered(remembered, key)
    if verdict is None:
        verdict = "kvm" if boots(kvm_command(image)) else "tcg"
        _remember(remembered, key, verdict)
    return verdict


def kvm_command(image: BuiltImage) -> list[str]:
    """QEMU with KVM, our kernel and initrd, no disk and no network; its serial port is stdout."""
    return [
        "qemu-system-x86_64",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-machine",
        "q35",
        "-accel",
        "kvm",
        "-cpu",
        "host",
        "-m",
        "256",
        "-serial",
        "stdio",
        "-kernel",
        str(image.kernel),
        "-initrd",
        str(image.initrd),
        "-append",
        "console=ttyS0 panic=-1 break=top",
    ]


def boots(command: list[str], seconds: float = _SECONDS) -> bool:
    """Whether this virtual machine reaches its first process within that time; it is stopped either way."""
    try:
        machine = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        )
    except OSError:
        return False
    assert machine.stdout
    said, deadline = b"", time.monotonic() + seconds
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(machine.stdout, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0 and selector.select(left):
                piece = os.read(machine.stdout.fileno(), 4096)
                if not piece:
                    return False
                said = said[-64:] + piece
                if _FIRST_PROCESS in said:
                    return True
        return False
    finally:
        stop(machine)
        machine.stdout.close()


def _remembered(path: Path, key: str) -> Accelerator | None:
    try:
        verdict = json.loads(path.read_text(encoding="utf-8"))[key]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return verdict if verdict in ("kvm", "tcg") else None


def _remember(path: Path, key: str, verdict: Accelerator) -> None:
    """Keep only the latest result: after a reboot or a new build it is tested again."""
    with contextlib.suppress(OSError):
        write_whole(path, json.dumps({key: verdict}) + "\n")
