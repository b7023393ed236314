"""The tiny lab as an image: busybox with a real ssh server, up within seconds where everything is emulated.

hooks/30-tiny.sh makes its files while the Xen host is built.  In it, ``keep WORD`` and ``kept`` show what became of
its disk, and whoever connects to GREETING_PORT hears how often that was booted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from trainbot.images.build.image_folder import FILES, BuiltImage, digest, write_image

GREETING_PORT = 7
_LINE = "quiet mitigations=off sysrq_always_enabled"  # sysrq: a test crashes it


def describe_tiny(made: Path, suite: str, recipe: str) -> None:
    """Of the folder that the hook made, an image's beside it, called by what it was built from (``recipe``)."""
    folder = made.rename(made.with_name(f"tiny-{recipe[:12]}"))
    public = folder / "host_key.pub"
    host_key = public.read_text(encoding="ascii").strip()
    public.unlink()
    for name in FILES:
        (folder / name).chmod(0o444)
    write_image(
        BuiltImage(
            folder=folder,
            name="tiny",
            suite=suite,
            recipe=recipe,
            root="",
            cmdline=_LINE,
            permissive="",
            enforcing="",
            user="root",
            host_key=host_key,
            memory_mib=128,
            disk_bytes=(folder / "disk.img").stat().st_size,
            sha256={name: digest(folder / name) for name in FILES},
            built_at=datetime.now(UTC),
        )
    )
