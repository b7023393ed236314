"""What a viewer sees of somebody else's console: text, colours and the cursor's moves, and nothing that commands a terminal.

A lab's root could otherwise fill its viewer's clipboard (OSC 52 of xterm), redefine their keys (DECUDK), print, or make their
terminal answer (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html).
"""

from __future__ import annotations

import codecs
import re

_TEXT = "\\x00-\\x1f\\x7f-\\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # all but these
_STRING = r"\x1b[\]PX^_][^\x07\x18\x1a\x1b\x9c]*"  # ECMA-48, 5.6: of any length
_TOKEN = re.compile(
    rf"(?P<shown>[^{_TEXT}]+|[\t\n\r\b]|\x1b[78DEM]"  # save and restore the cursor, move it by a line
    r"|\x1b\[[0-9;:]*[@A-HJ-MPSTXZ`adefgmrsu]|\x1b\[\?(?:25|1049)[hl])"  # move it, erase, colours; hide it; another screen
    rf"|{_STRING}(?:\x1b\\|[\x07\x18\x1a\x9c])?|\x1b\[[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?|.",
    re.DOTALL,
)
_BEGUN = re.compile(rf"(?:{_STRING}\x1b?|\x1b\[[0-?]*[ -/]*|\x1b[ -/]*)\Z")
_LONGEST = 256  # characters of an unfinished sequence that are kept


class ShownTerminal:
    """Filters one viewer's stream, which comes in pieces."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""

    def __call__(self, data: bytes) -> bytes:
        text = self._begun + self._decoder.decode(data)
        begun = _BEGUN.search(text)
        end = begun.start() if begun else len(text)
        self._begun = text[end:]
        if len(self._begun) > _LONGEST:  # it is dropped in the end; what it begins with says until where
            self._begun = self._begun[:2] + ("\x1b" if self._begun.endswith("\x1b") else "")
        return "".join(found["shown"] or "" for found in _TOKEN.finditer(text, 0, end)).encode("utf-8", "replace")
