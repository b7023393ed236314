"""How an image boots, according to its own boot loader.  Pure.

Boot Loader Specification entries (/boot/loader/entries/*.conf, Fedora and its kin) and grub.cfg (Debian and its kin).
Their content is not trusted: words that could do harm where we write them are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"[A-Za-z0-9_.,:/@%+=-]{1,200}")  # no quotes, no $variables
#: Set by us (consoles, SE Linux mode), or only for machines with much memory or a screen.
_OURS = (
    "console=",
    "earlyprintk",
    "enforcing=",
    "crashkernel",
    "rhgb",
    "splash",
    "quiet",
    "BOOT_IMAGE=",
    "root=",
    "rootflags=",
    "resume=",
    "init=",
    "rdinit=",
    "initrd=",
    "ro",
    "rw",
    "selinux=0",
    "systemd.unit=",
)
_LINUX = re.compile(r"^\s*linux(?:16|efi)?\s+(\S+)\s*(.*)$", re.MULTILINE)
_OPTIONS = re.compile(r"^options\s+(.*)$", re.MULTILINE)
_ENTRY_LINUX = re.compile(r"^linux\s+(\S+)", re.MULTILINE)


def command_line(version: str, root: str, subvolume: str, entries: Iterable[str], grub: Iterable[str]) -> str:
    """The kernel's command line without console= and mode.  ``root``: the root file system's UUID; ``subvolume``: of
    btrfs, '' for others; ``entries``, ``grub``: the files' texts.  Harmless words of the image's own entry for that
    kernel are kept."""
    words = [f"root=UUID={root}", *([f"rootflags=subvol={subvolume}"] if subvolume else []), "rw", "quiet"]
    for word in _said(version, entries, grub).split():
        if _WORD.fullmatch(word) and not _is_ours(word) and word not in words:
            words.append(word)
    return " ".join(words)


def _said(version: str, entries: Iterable[str], grub: Iterable[str]) -> str:
    for text in entries:
        kernel, options = _ENTRY_LINUX.search(text), _OPTIONS.search(text)
        if kernel and options and kernel[1].endswith(f"-{version}"):
            return options[1]
    for text in grub:
        for match in _LINUX.finditer(text):
            if match[1].endswith(f"-{version}"):
                return match[2]
    return ""


def _is_ours(word: str) -> bool:
    return any(
        word == ours or (ours.endswith("=") and word.startswith(ours)) or word.startswith(f"{ours}=") for ours in _OURS
    )
