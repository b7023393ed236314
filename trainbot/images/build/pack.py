"""Makes disk.img, vmlinuz and initrd from a tar of a system."""

from __future__ import annotations

from pathlib import Path

from trainbot.images.build.command import BuildLog, as_root
from trainbot.images.build.labels import label_image
from trainbot.images.build.progress_bar import Progress
from trainbot.images.build.recipe import Recipe
from trainbot.images.build.rootfs import scratch

_HERE = Path(__file__).parent


def pack(recipe: Recipe, system: Path, work: Path, log: BuildLog, progress: Progress) -> None:
    """Make the image's three files in `work` from the tar `system`, labelled for SE Linux, and beside them `config`, its
    kernel's configuration, if it has one; needs no root."""
    progress.stage("unpacking for the disk")
    script = (_HERE / "pack.sh").read_text(encoding="utf-8")
    labeller = (_HERE / "labeller.py").read_text(encoding="utf-8")
    packed = work / "packed.tar"

    def follow(line: str) -> None:
        if line.startswith("stage: "):
            progress.stage(line.removeprefix("stage: "))

    with system.open("rb") as stdin, packed.open("wb") as stdout:
        log.run(
            [*as_root(), "sh", "-c", script, "_", labeller, recipe.name, str(recipe.disk_mib)],
            follow,
            stdin=stdin,
            stdout=stdout,
            env=scratch(work),
        )
    system.unlink()
    log.run(["tar", "-x", "-S", "-f", str(packed), "-C", str(work), "--no-same-owner"])
    packed.unlink()
    label_image(work / "disk.img", work / "labels", log, progress)
