"""What somebody sees of a terminal in a lab that is not theirs: text, colours and the cursor's moves, and nothing that commands
their own terminal.

A lab's root could otherwise fill its viewer's clipboard (OSC 52 of xterm), redefine their keys (DECUDK), print, or make their
terminal answer (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html).  What is let through is a list; the rest is dropped
whole, in its 7-bit form (ESC and a character of it) and in its 8-bit form in UTF-8 (U+0080 to U+009F).
"""

from __future__ import annotations

import codecs
import re

_C1_STRINGS = "\x90\x98\x9d\x9e\x9f"  # DCS, SOS, OSC, PM, APC
_NUMBERS = r"[0-9;:]{0,64}"
_ONE = r"[0-9]{0,8}"
_SHOWN = (  # ECMA-48 and xterm's ctlseqs
    r"\x1b[78DEM]"  # save and restore the cursor, move it by a line
    rf"|\x1b\[{_NUMBERS}m"  # colours
    rf"|\x1b\[(?:{_ONE};)?{_ONE}[Hfr]"  # move the cursor; the scroll region
    rf"|\x1b\[{_ONE}[@A-GJ-MPSTXZ`adegsu]"  # move it, erase, insert, scroll, tab stops
    r"|\x1b\[\?(?:25|47|1047|1048|1049)[hl]"  # hide it; another screen
)
_STRING = rf"(?:\x1b[\]PX^_]|[{_C1_STRINGS}])[^\x07\x18\x1a\x1b\x9c]*"  # ECMA-48, 5.6: of any length
_CSI = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*"
_OTHER = r"\x1b[ -/]*"
_HIDDEN = "\\x00-\\x07\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # no signs that are seen
_BEGUN = re.compile(rf"{_STRING}\x1b?|{_CSI}|{_OTHER}")
#: What is shown, or begun at the end, is its first group.
_TOKEN = re.compile(
    rf"([^{_HIDDEN}]+|{_SHOWN}|(?:{_BEGUN.pattern})\Z)"
    rf"|\x1b+(?=\x1b)|{_STRING}(?:\x1b\\|[\x07\x18\x1a\x9c])?|{_CSI}[@-~]?|{_OTHER}[0-~]?|."
)
_LONGEST = 256  # characters of an unfinished sequence that are kept: more than any that is shown


class ShownTerminal:
    """Filters one viewer's stream, which comes in pieces."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""

    def __call__(self, data: bytes) -> bytes:
        shown = _TOKEN.findall(self._begun + self._decoder.decode(data))
        self._begun = shown.pop() if shown and _BEGUN.fullmatch(shown[-1]) else ""
        if (
            len(self._begun) > _LONGEST
        ):  # it is dropped in the end: its beginning and its last character say until where
            self._begun = self._begun[: _LONGEST - 1] + self._begun[-1]
        return "".join(shown).encode("utf-8", "replace")
