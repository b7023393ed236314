"""The commands that people paste into their shell.  Each is sent as a line of its own: whatever stands behind it would be
pasted too, and ssh would run it in the lab.

An IRC client in a terminal of 80 columns shows the time and our nick first, and wraps what does not fit.
"""

from __future__ import annotations

SSH = 22
ROW = 60
"""Columns that such a client leaves for the first row of a line of ours: irssi has ``12:34 <trainbot> `` before it,
weechat ``12:34:56 trainbot | `` (and its list of buffers, until that is hidden: about 40 columns are left beside it)."""


def ssh_command(port: int, address: str, user: str, words: str = "") -> str:
    """``ssh -p 2222 debian@lab.example.org``; with ``words``, which are run there on a terminal: ``ssh -t …``."""
    return f"ssh {'-t ' if words else ''}{_port('-p', port)}{user}@{address}{words and f' {words}'}"


def scp_command(port: int, address: str, user: str, path: str) -> str:
    """Copies the folder ``path`` of that user's machine to the folder in which it is typed, with times and modes."""
    host = f"[{address}]" if ":" in address else address
    return f"scp -rp {_port('-P', port)}{user}@{host}:{path} ."


def _port(option: str, port: int) -> str:
    return f"{option} {port} " if port != SSH else ""
