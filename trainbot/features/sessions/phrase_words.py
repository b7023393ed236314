"""Splits what an organiser types about a session into words; times with blanks in them (``7:30 p.m. - 9 pm``) are one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainbot.core.errors import UserError
from trainbot.features.sessions.polls.tokens import MONTHS, PARTS, TIME_WORDS, MonthDay, Token, from_to, minutes_of_day

_HALF = r"[ap]\.?\s?m\b\.?"
_HOURS = r"\s*(?:h|hrs?|hours|o'clock)\b"
_DASH = "[-\\u2010-\\u2015\\u2212]"  # of all lengths, as programs put them in
_QUOTE = "[«»“”„‟]"
_SURE = (  # a time of day
    rf"(?:\d{{1,2}}(?:[:.]?\d\d|[:.]\d)?\s*{_HALF}|\d{{1,2}}[:.]\d\d(?::00)?(?:{_HOURS})?"
    rf"|(?:[01]\d|2[0-3])[0-5]\d{_HOURS}|(?<!\bin\s)(?:1[3-9]|2[0-3])\s+h\b|(?:12\s+)?(?:noon|midday|midnight))"
)
_TO = rf"\s*(?:{_DASH}|\b(?:to|till|until|through|thru)\b)\s*"
_DATE = rf"\s*(?:{'|'.join(MONTHS)})\b"
_TIME = (
    rf"(?:(?:{_SURE}|\d{{1,2}}){_TO}{_SURE}|\d{{1,2}}:\d\d{_TO}\d{{1,2}}(?!{_DATE})"
    rf"|between\s+{_SURE}\s+and\s+{_SURE}|{_SURE})"
)
_END = rf"(?:\s+-\s|\s*(?!-){_DASH}|\s+(?:to|till|until)\s)"
_DAY_OF_SPAN = rf"(\d{{4}}-\d\d?-\d\d?)t(?=\d\d?:\d\d{_END})"  # 2027-03-14T09:00 - 11:00
# the date 14.3., the length 2.25 hours
_NOT = rf"\d{{1,2}}\.(?:0?[1-9]|1[0-2])\.(?=[\s,;]|$)|(?:0?\d|1[0-2])\.\d\d{_HOURS}"
_TOKEN = re.compile(
    rf'"([^"]*)"|{_QUOTE}([^«»“”„‟]*){_QUOTE}|{_DAY_OF_SPAN}|(?!{_NOT})({_TIME})(?=\.?(?:[\s,;]|$))|(\S+)',
    re.IGNORECASE,
)
_ISO = re.compile(r"(?:(\d{4}-\d\d?-\d\d?)t)?(\d\d?:\d\d)(?::00(?:\.0+)?)?(z|[+-]\d\d(?::?\d\d)?)?[,;]?", re.IGNORECASE)
_ISO_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(?:00)?(?=z|[+-]|$)", re.IGNORECASE)
_LENGTHS = dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 60)
_LENGTHS |= dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 1)
_DAYS = {"day": 1, "days": 1, "week": 7, "weeks": 7, "fortnight": 14}
_DAY_WORDS = frozenset({"week", "weeks", "weekend", "fortnight", "month", "day", "days", "yesterday", "now"})
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "half": 0.5}


@dataclass(frozen=True, slots=True)
class Word:
    """As typed, but times without blanks."""

    text: str
    kind: str = "word"  # or "time", "quoted"

    @property
    def plain(self) -> str:
        return "" if self.kind == "quoted" else self.text.lower().strip(",;")


def split(text: str) -> list[Word]:
    """The words of ``text``; ``2027-03-14T09:00Z`` becomes a date, a time and a zone."""
    found: list[Word] = []
    for match in _TOKEN.finditer(text):
        straight, other, day_of_span, at, word = match.groups()
        word = word or day_of_span
        if at and _names_a_month(found) and (day := re.match(r"12\s+(?=noon|mid)", at, re.IGNORECASE)):
            found += [Word("12"), Word(_without_blanks(at[day.end() :]), "time")]
        elif at:
            found.append(Word(_without_blanks(at), "time"))
        elif word and (iso := _ISO.fullmatch(_ISO_BASIC.sub(r"\1-\2-\3T\4:\5", word))):
            zone = {"Z": "UTC"}.get((iso[3] or "").upper(), iso[3] or "")
            found += [*([Word(iso[1])] if iso[1] else []), Word(iso[2], "time"), *([Word(zone)] if zone else [])]
        else:
            found.append(Word(word) if word else Word(straight or other or "", "quoted"))
    return found


def title_in_quotes(text: str) -> str:
    """``text`` with straight quotes around the title that it begins with."""
    return re.sub(rf'^\s*{_QUOTE}([^«»“”„‟"]*){_QUOTE}', r'"\1"', text)


def _names_a_month(words: list[Word]) -> bool:
    """Whether the last word is a month whose day has not been named: ``mar 12 noon`` is a day and a time."""
    last, before = ([word.plain.rstrip(".") for word in words[:-3:-1]] + ["", ""])[:2]
    return last in MONTHS and not re.fullmatch(r"\d{1,2}(?:st|nd|rd|th)?|of", before)


def _without_blanks(time: str) -> str:
    """``between 7 pm and 9 pm`` is ``7pm-9pm``, ``1930 h`` 19:30, ``12 noon`` noon."""
    time = re.sub(r"\s|^between", "", time.lower()).replace("and", "-")
    time = re.sub(r"\b(\d{1,2})(\d\d)(?=[hoap])", r"\1:\2", time)
    return re.sub(r"12(?=noon|mid)|(?<=\d)(?:h|hrs?|hours|o'clock)(?=\W|$)", "", time)


# -- times ---------------------------------------------------------------------------------------------


def times(word: Word) -> tuple[int, int | None] | None:
    """Start and end in minutes after midnight, the end past 1440 if it is on the next day and None if not given; None
    if the word is no time.  Raises UserError for times that no clock shows, and for ``19.10``, which may be a date."""
    plain = word.plain.rstrip(".")
    if word.kind != "time":
        if re.fullmatch(r"(?:1[3-9]|2[0-3])h(?:\d\d)?", plain):  # no length: sessions are shorter
            return minutes_of_day(plain), None
        if re.fullmatch(r"\d{1,2}:\d{1,2}(?:\D.*)?", plain):
            raise UserError(f'"{word.text[:30]}" is not a time of day: write it as 19:00 or 7 pm')
        return None
    first, *last = re.split(f"{_DASH}|till|until|through|thru|to", plain)
    if last:
        return from_to(_token(first), _token(last[0]))
    dotted = re.fullmatch(r"(\d{1,2})\.(\d\d)", plain)
    if dotted and _may_be_date(int(dotted[1]), int(dotted[2])):
        if int(dotted[1]) > 23:
            return None
        month = next(name for name, number in MONTHS.items() if number == int(dotted[2]))
        raise UserError(
            f"is {plain} a time or a date? Write {dotted[1]}:{dotted[2]}, or the month as a word: {int(dotted[1])} {month}"
        )
    return minutes_of_day(plain), None


def _token(text: str) -> Token:
    return Token("number" if text.isdigit() else "time", text)


def _may_be_date(first: int, second: int) -> bool:
    return 1 <= first <= 31 and 1 <= second <= 12


def amount(words: list[str]) -> tuple[int, int] | None:
    """``2h``, ``1h30``, ``90 min``, ``two hours``, ``1 hour and 30 minutes``, ``half an hour``: minutes, and how many of
    the words say it; None if they do not begin with a length."""
    first = _one_amount(words)
    if first is None or first[0] % 60:
        return first
    rest = words[first[1] :]
    if rest[:3] == ["and", "a", "half"]:
        return first[0] + 30, first[1] + 3
    more = int(rest[:1] == ["and"])
    second = _one_amount(rest[more:])
    if second is None or second[0] >= 60:
        return first
    return first[0] + second[0], first[1] + more + second[1]


def _one_amount(words: list[str]) -> tuple[int, int] | None:
    word = words[0] if words else ""
    if match := re.fullmatch(r"(\d{1,2})h(?:rs?)?(\d{1,2})(?:m(?:ins?)?)?", word):
        return 60 * int(match[1]) + int(match[2]), 1
    if words[:3] == ["half", "an", "hour"]:
        return 30, 3
    word = re.sub(r"^(\d{0,4})(?:½|(?<!\d)1/2)", r"\g<1>.5", word)
    match = re.fullmatch(r"(\d{1,4}(?:[.,]\d\d?)?|\d{0,4}\.5)([a-z]*)\.?", word)
    number, unit = (float(match[1].replace(",", ".")), match[2]) if match else (float(_NUMBERS.get(word, 0)), "")
    used = 1
    for half in (["1/2"], ["½"], ["and", "a", "half"]):
        if not unit and words[1 : 1 + len(half)] == half:
            number, used = number + 0.5, 1 + len(half)
    if not unit and len(words) > used:
        unit, used = words[used], used + 1
    if unit not in _LENGTHS or not (match or number):
        return None
    return round(number * _LENGTHS[unit]), used


def days_ahead(words: list[str]) -> int | None:
    """``3 days``, ``a week``: how many days from today."""
    if len(words) < 2 or words[1] not in _DAYS:
        return None
    number = int(words[0]) if re.fullmatch(r"\d{1,3}", words[0], re.ASCII) else int(_NUMBERS.get(words[0], 0))
    return number * _DAYS[words[1]] or None


# -- dates ---------------------------------------------------------------------------------------------


def month_day(words: list[str]) -> tuple[MonthDay, int] | None:
    """``14 mar``, ``mar 14th 2027``, ``14-mar-2027``, ``2027-03-14``, ``14.3.2027``, ``14/3``: the date, and how many of
    the words say it; None if they do not begin with one.  Raises UserError if it may be two dates, or is none."""
    word = words[0] if words else ""
    if match := re.fullmatch(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})", word, re.ASCII):
        return _checked(int(match[4]), int(match[3]), int(match[1]), word), 1
    if match := re.fullmatch(r"(20\d\d)(\d\d)(\d\d)", word, re.ASCII):
        return _checked(int(match[3]), int(match[2]), int(match[1]), word), 1
    if match := re.fullmatch(r"(\d{1,2})([./])(\d{1,2})(?:\2(\d{4}|\d{2})?)?", word, re.ASCII):
        return _numbers(match), 1
    joined = r"(\d{1,2})(?:st|nd|rd|th)?[-.]?([a-z]{3,9})[-.]?(\d{4})?"
    if (match := re.fullmatch(joined, word, re.ASCII)) and match[2] in MONTHS:  # 14mar
        return _with_year(
            int(match[1]), MONTHS[match[2]], [*([match[3]] if match[3] else []), *words[1:]], int(not match[3])
        )
    if (match := re.fullmatch(r"([a-z]{3,9})[-.]?(\d{1,2})", word, re.ASCII)) and match[1] in MONTHS:
        return _with_year(int(match[2]), MONTHS[match[1]], words[1:], 1)
    second = 2 if len(words) > 1 and words[1] in ("of", "the") else 1
    for day, month in ((0, second), (second, 0)):
        names = words[month].rstrip(".") if len(words) > month else ""
        number = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th|\.)?", words[day], re.ASCII) if len(words) > day else None
        if number and names in MONTHS:
            return _with_year(int(number[1]), MONTHS[names], words[second + 1 :], second + 1)
    return None


def _with_year(day: int, month: int, after: list[str], used: int) -> tuple[MonthDay, int]:
    """The date with the year that may follow it; ``used``: the words before ``after``."""
    if after and re.fullmatch(r"20\d\d", after[0], re.ASCII):
        return _checked(day, month, int(after[0])), used + 1
    return _checked(day, month, None), used


def _numbers(match: re.Match[str]) -> MonthDay:
    """Dots mean that the day comes first; slashes do not say."""
    word, first, sign, second, year = match[0], int(match[1]), match[2], int(match[3]), match[4]
    dated = (2000 + int(year) if len(year) == 2 else int(year)) if year else None
    day_first = _may_be_date(first, second)
    month_first = _may_be_date(second, first) and not (sign == "." and (year or word.endswith(".")))
    if day_first and month_first and first != second:
        raise UserError(f"does {word} start with the day or the month? Write the month as a word, such as 14 mar")
    if not (day_first or month_first):
        raise UserError(f"{word}: there is no such day; write a date as in 14 mar, a time as in 19:00")
    return _checked(first, second, dated) if day_first else _checked(second, first, dated)


def _checked(day: int, month: int, year: int | None, word: str = "") -> MonthDay:
    said = MonthDay(day, month, year)
    said.check(word)
    return said


def refusal(word: str) -> str:
    """The sentence about a word that has no meaning here; '' if it may be part of a place."""
    low = word.lower().strip(",;.")
    if low in TIME_WORDS:
        return f'I don\'t understand "{low}": write the time in figures, as in 19:30 or 7:30 pm'
    if low in _DAY_WORDS:
        return f'I don\'t understand "{low}": a day is sat, 14 mar, tomorrow, or in 3 days'
    if re.fullmatch(r"\d{1,2}(?:st|nd|rd|th)", low):
        return f"the {low} of which month? For example {low[:-2]} mar"
    if low in PARTS:
        return f"at what time in the {low.removesuffix('s')}? For example 19:00"
    if low in MONTHS:
        return f"which day in {low.capitalize()}? For example 14 {low}"
    if re.search(r"\d", low) and not re.fullmatch(r"(?:utc|gmt)?[+-]\d{1,2}(?::?\d\d)?", low):
        return f'I don\'t understand "{word[:30]}": a time is 19:00 or 7 pm, a date 14 mar, a length 2h'
    return ""
