"""Write SE Linux labels into a finished ext4 image, with debugfs(8).

Setting security.selinux on real files needs root on this machine; writing it into an image does not.  So all
builds do it this way.  The kernel stores a label with its final NUL, as setfiles(8) does.
"""

from __future__ import annotations

from pathlib import Path

from trainbot.core.errors import BackendError
from trainbot.images.build.command import BuildLog
from trainbot.images.build.progress_bar import Progress


def label_image(disk: Path, labels: Path, log: BuildLog, progress: Progress) -> None:
    """Label every file in `disk` as `labels` (the labeller's output) says.  BackendError when one cannot be."""
    progress.stage("labelling the files for SE Linux")
    pairs = parse_labels(labels.read_bytes())
    if not pairs:
        raise BackendError(
            "the image's SE Linux policy has no labels for any file: is a policy among the packages of the recipe?"
        )
    values = labels.with_name("label-values")
    values.mkdir()
    commands = labels.with_name("debugfs-commands")
    commands.write_bytes(debugfs_commands(pairs, values))
    done, wrong = 0, list[str]()

    def follow(line: str) -> None:
        nonlocal done
        if line.startswith("debugfs: ea_set"):
            done += 1
            progress.step(done, len(pairs))
        elif not line.startswith("debugfs "):  # its banner
            wrong.append(line)

    log.run(["debugfs", "-w", "-f", str(commands), str(disk)], follow)
    if wrong or done != len(pairs):
        raise BackendError(
            f"only {done} of {len(pairs)} files could be labelled for SE Linux "
            f"({wrong[0] if wrong else 'no reason given'}); the complete log is {log.path}"
        )


def parse_labels(said: bytes) -> list[tuple[bytes, bytes]]:
    """The labeller's output as (path, label)."""
    words = said.split(b"\0")
    return list(zip(words[1::2], words[0::2], strict=False))


def debugfs_commands(pairs: list[tuple[bytes, bytes]], values: Path) -> bytes:
    """debugfs's commands that set each path's label; each distinct label goes into a file in `values` once."""
    known: dict[bytes, Path] = {}
    lines = []
    for path, label in pairs:
        if label not in known:
            known[label] = values / str(len(known))
            known[label].write_bytes(label + b"\0")
        lines.append(b"ea_set -f %s %s security.selinux\n" % (quote(bytes(known[label])), quote(path)))
    return b"".join(lines)


def quote(word: bytes) -> bytes:
    """A word as libss reads it: in double quotes, a double quote doubled.  A path with a line break has no form."""
    if b"\n" in word:
        raise BackendError(f"a file name in the image contains a line break: {word!r}")
    return b'"' + word.replace(b'"', b'""') + b'"'
