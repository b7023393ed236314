"""Finds the line that says why a program failed, among all that apt, dnf, tar and mke2fs print, and says it in plain words.  Pure."""

from __future__ import annotations

import re

_REASONS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"E: Failed to fetch (\S+)\s+(.+?)(?: \[IP: .*)?$", "{} cannot be fetched ({})"),
        (r"E: The repository '(\S+) (\S+) Release' does not have a Release file", "{} has no {}"),
        (r"E: The repository '(\S+) (\S+) \S+' is not signed", "{} has a {} that is not signed by Debian's keys"),
        (r"E: Unable to locate package (\S+)", "there is no package {}"),
        (r"E: Package '(\S+)' has no installation candidate", "there is no package {}"),
        (r"Package (\S+?)(?:\.rpm)? is not signed$", "the package {} is not signed"),
        (
            r"Public key for (\S+?)(?:\.rpm)? is not installed",
            "the package {} is signed with another key than the recipe's",
        ),
        (r"Problem opening package (\S+?)(?:\.rpm)?$", "the package {} is damaged"),
        (
            r"\[MIRROR\] (\S+?)(?:\.rpm)?: .*checksum doesn't match",
            "the package {} is not the one that the repository describes",
        ),
        (r"Error: Unable to find a match: (.+)", "there is no package {}"),
        (r"Error: Failed to download metadata for repo '(\S+)': (.+)", "the repository {} cannot be read ({})"),
        (r".*\bNo space left on device", "the disk is full"),
        (r"tar: .*: Wrote only \d+ of \d+ bytes", "the disk is full"),
        (r"\s*installing package \S+ needs \S+ more space on the ", "the disk is full"),
        (r"(?:\[MIRROR\]|\[FAILED\]).*Curl error \(23\)", "the disk is full"),
        (r"E: You don't have enough free space in ", "the disk is full"),
        (r"mke2fs: Could not allocate (?:block|inode)", "the system needs more than the recipe's disk_mib"),
    )
)


def reason(line: str) -> str:
    """What this line of a program's output says of its failure; '' if it is none of those that are known."""
    for pattern, words in _REASONS:
        if found := pattern.match(line):
            return words.format(*(word.strip().rstrip(".:") for word in found.groups()))
    return ""
