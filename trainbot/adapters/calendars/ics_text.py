"""Checks a calendar file as text before a library reads it: is it complete, and free of what the library
would silently misread?"""

from __future__ import annotations

import re

from trainbot.model.session_fields import plain

_FOLD_IN_CHARACTER = re.compile(rb"([\xc2-\xf4][\x80-\xbf]{0,2})((?:(?:\r\n|\r|\n)[ \t])+)([\x80-\xbf]{1,3})")
_UTC_AND_ZONE = re.compile(
    r"^[A-Z-]+;[^:]*TZID=(?!\"?(?:UTC|GMT|Etc/UTC|tzone://Microsoft/Utc)\b)(?:\"[^\"]*\"|[^:\"])*:.*\dZ\s*$", re.IGNORECASE
)  # fmt: skip
_BARE_ZONE = re.compile(
    r"^([A-Z-]{1,30}(?:;VALUE=[A-Z-]{1,20}|;RANGE=[A-Z]{1,20})*;TZID=)([^\";][^\";]{0,150}?)"
    r"((?:;VALUE=[A-Z-]{1,20}|;RANGE=[A-Z]{1,20})*:\d{8}(?:[T,].*)?)$",
    re.IGNORECASE,
)
_DATES = re.compile(r"\d{8}(?:,\d{8})*")
_ZONE_OF_DATE = re.compile(r";TZID=(?:\"[^\"]*\"|[^;\"]*)", re.IGNORECASE)
_OF_TIMES = re.compile(
    r"^(?:DTSTART|DTEND|DURATION|RRULE|EXDATE|RDATE|RECURRENCE-ID|DTSTAMP|LAST-MODIFIED)[;:]", re.IGNORECASE
)


def folded_between_characters(content: bytes) -> bytes:
    """``content`` with each fold that splits a UTF-8 character moved behind that character: lines are folded by octets
    (RFC 5545 3.1), and the file must be text before it is unfolded.  No line is added or removed."""
    moved = None
    while moved != content:
        moved, content = content, _FOLD_IN_CHARACTER.sub(rb"\1\3\2", content)
    return content


def unfolded(text: str) -> str:
    """The content lines of ``text``, each on one line (3.1)."""
    return text.replace("\n ", "").replace("\n\t", "")


def torn(text: str) -> str | None:
    """What is missing from the structure (RFC 5545 3.4, 3.6) of an unfolded file, or None.  The library ignores a
    missing BEGIN or END, and the events it then leaves out would look as if they had been cancelled."""
    blocks: list[str] = []
    for mark, name in re.findall(r"^(BEGIN|END):(.*)$", text, re.MULTILINE | re.IGNORECASE):
        if mark.upper() == "BEGIN":
            blocks.append(name.strip().upper())
        elif not blocks or blocks.pop() != name.strip().upper():
            return f"END:{plain(name, 40)} has no BEGIN"
    if blocks:
        return f"BEGIN:{plain(blocks[-1], 40)} has no END"
    return None if text.rstrip().upper().endswith("END:VCALENDAR") else "the last line is not END:VCALENDAR"


def without_timezones(text: str) -> tuple[str, list[dict[str, list[str]]]]:
    """Returns the unfolded text without VTIMEZONE, and for each calendar in it the lines of each VTIMEZONE by its TZID.
    With VTIMEZONE left in, the library would use one file's rules for all files it reads after it.

    A TZID that needs quotes and has none is quoted.  Times are in capitals and without blanks (a ``t`` is a T, RFC 5234 2.3; some
    programs pad).  A time with both a zone and the Z of UTC is made invalid on purpose: the library would silently drop
    the Z.  A date loses its zone, which it must not have (3.2.19): the library would take it for midnight there.
    """
    kept: list[str] = []
    calendars: list[dict[str, list[str]]] = []
    block: list[str] | None = None
    depth = 0
    for line in text.split("\n"):
        name, _, value = line.partition(":")
        name, value = name.upper(), value.strip()
        if name == "BEGIN" and not depth:
            calendars.append({})
        depth += (name == "BEGIN") - (name == "END")
        if name in ("BEGIN", "END") and value.upper() == "VTIMEZONE":
            block = [] if name == "BEGIN" else None
        elif block is None:
            if _OF_TIMES.match(line):
                before, _, value = line.rpartition(":")
                if _DATES.fullmatch(value.strip()) and name.partition(";")[0] != "RECURRENCE-ID":
                    before = _ZONE_OF_DATE.sub("", before)
                line = _BARE_ZONE.sub(r'\1"\2"\3', f"{before}:{''.join(value.split()).upper()}")
            kept.append(f"{line} AND TZID" if _UTC_AND_ZONE.match(line) else line)
        elif name == "TZID":
            calendars[-1].setdefault(re.sub(r"\\([,;\\])", r"\1", value), block)
        else:
            block.append(line.strip())
    return "\n".join(kept), calendars
