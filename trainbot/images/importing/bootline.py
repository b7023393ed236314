"""How an image boots, according to its own boot loader.  Pure.

Boot Loader Specification entries (/boot/loader/entries/*.conf, Fedora and its kin), grub.cfg (Debian and its kin), and
grubenv, GRUB's environment block, which holds the saved entry and what $variables in entries mean.
Their content is not trusted: words that could do harm where we write them are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

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


_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
_SET = re.compile(r"""^\s*set\s+([A-Za-z_][A-Za-z0-9_]*)=(?:"([^"\n]*)"|'([^'\n]*)'|(\S+))\s*$""", re.MULTILINE)
_MENU = re.compile(r"""^\s*menuentry\s+(?:'([^'\n]*)'|"([^"\n]*)")(.*)$""", re.MULTILINE)


def command_line(
    version: str, root: str, subvolume: str, entries: Iterable[str], grub: Iterable[str], grubenv: Iterable[str] = ()
) -> str:
    """The kernel's command line without console= and mode.  ``root``: the root file system's UUID; ``subvolume``: of
    btrfs, '' for others; ``entries``, ``grub``, ``grubenv``: the files' texts.  Harmless words of the image's own entry
    for that kernel are kept."""
    words = [f"root=UUID={root}", *([f"rootflags=subvol={subvolume}"] if subvolume else []), "rw", "quiet"]
    grub, grubenv = tuple(grub), tuple(grubenv)
    said = _expanded(_said(version, entries, grub), _variables(grub, grubenv))
    for word in said.split():
        if _WORD.fullmatch(word) and not _is_ours(word) and word not in words:
            words.append(word)
    return " ".join(words)


def saved_kernel(entries: Mapping[str, str], grub: Iterable[str], grubenv: Iterable[str]) -> str:
    """The version of the kernel that the boot loader's saved entry boots; '' if there is none, or if grub.cfg does not
    ask for it.  ``entries``: path -> text."""
    grub = tuple(grub)
    saved = _environment(grubenv).get("saved_entry", "").rpartition(">")[2]
    defaults = [
        match[2] or match[3] or match[4] or ""
        for text in grub
        for match in _SET.finditer(text)
        if match[1] == "default"
    ]
    if not saved or (defaults and not any("saved_entry" in value for value in defaults)):
        return ""
    for path, text in entries.items():
        if PurePosixPath(path).stem == saved and (found := _ENTRY_LINUX.search(text)):
            return _version(found[1])
    for text in grub:
        for menu in _MENU.finditer(text):
            if saved == (menu[1] or menu[2]) or f"'{saved}'" in menu[3]:
                line = _LINUX.search(text, menu.end())
                return _version(line[1]) if line else ""
    return ""


def _version(path: str) -> str:
    return path.rpartition("/")[2].partition("-")[2]


def _environment(grubenv: Iterable[str]) -> dict[str, str]:
    """GRUB's environment block: NAME=VALUE in each line; comments and the padding begin with #."""
    lines = [line for text in grubenv for line in text.splitlines() if "=" in line and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in reversed(lines))}


def _variables(grub: Iterable[str], grubenv: Iterable[str]) -> dict[str, str]:
    set_there = {match[1]: match[2] or match[3] or match[4] or "" for text in grub for match in _SET.finditer(text)}
    return {**set_there, **_environment(grubenv)}


def _expanded(options: str, variables: Mapping[str, str]) -> str:
    """``$kernelopts`` and others, once: what they contain is not expanded again."""
    return _VARIABLE.sub(lambda match: variables.get(match[1], match[0])[:4096], options)


def _said(version: str, entries: Iterable[str], grub: Iterable[str]) -> str:
    for text in entries:
        kernel, options = _ENTRY_LINUX.search(text), _OPTIONS.findall(text)
        if kernel and options and kernel[1].endswith(f"-{version}"):
            return " ".join(options)
    for text in grub:
        for match in _LINUX.finditer(text):
            if match[1].endswith(f"-{version}"):
                return match[2]
    return ""


def _is_ours(word: str) -> bool:
    return any(
        word == ours or (ours.endswith("=") and word.startswith(ours)) or word.startswith(f"{ours}=") for ours in _OURS
    )
