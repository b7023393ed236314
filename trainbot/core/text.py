"""Text from outside, made harmless before anybody sees it."""

from __future__ import annotations

import re

# controls but tab and LF, lone surrogates, bidi overrides and isolates, line separators, byte order marks
_UNWANTED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]")


def clean(text: str) -> str:
    """``text`` with LF line ends, without control characters (tabs stay), lone surrogates or bidi overrides."""
    return _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str, limit: int = 200) -> str:
    """``text`` cleaned, its white space folded, at most ``limit`` characters."""
    folded = " ".join(clean(text).split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"
