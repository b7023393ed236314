"""Hostile text: whatever bytes come in, at every door that shows them nothing that acts on a screen comes out."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.__main__ import complain
from trainbot.adapters.calendars.feed import _text as calendar_text
from trainbot.adapters.calendars.ics_schedule import read_ics
from trainbot.adapters.calendars.schedule_folder import load_schedules
from trainbot.adapters.calendars.toml_schedule import read_toml
from trainbot.adapters.hosts import libvirt_errors
from trainbot.adapters.irc.outbox import Outbox
from trainbot.adapters.irc.queued_line import CtcpReply
from trainbot.adapters.irc.wire_text import TOGGLES, plain, sanitise
from trainbot.adapters.markdown.irc_lines import render, render_step
from trainbot.adapters.scenario_files.folder import FileRefused, parse, read_text
from trainbot.core.log_format import JsonFormatter, PlainFormatter
from trainbot.core.messages import Line, Topic
from trainbot.core.text import many_lines, one_line, plain_ascii, visible
from trainbot.features.classes.lab_script import last_words
from trainbot.features.records.minutes_markdown import text_of as minutes_words
from trainbot.gateway.learner import tmux
from trainbot.gateway.learner.status_line import read_lines
from trainbot.gateway.worker.ssh_session import LearnerEnd
from trainbot.model import session_fields
from trainbot.ops import check
from trainbot.ops.doctor.finding import Findings

NOW = datetime(2026, 11, 29, tzinfo=UTC)
TURNING = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
INVISIBLE = set("\xad\u200b\u2060\ufeff")
NASTY = st.binary(max_size=400) | st.text(
    st.characters(exclude_categories=())
    | st.sampled_from("\x1b[31m\r\n\t\0\x02\x03\x9b\u2028\u2029\u202e\u2066\ufeff\u200b\u200d\ud800 ;#%'`*|")
).map(lambda text: text.encode("utf-8", "surrogatepass"))


def harmful(text: str, allowed: str = "") -> set[str]:
    """By Unicode's categories, not by the list that is tested."""
    return {
        sign
        for sign in text
        if sign not in allowed
        and (unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") or sign in TURNING or sign in INVISIBLE)
    }


def decoded(raw: bytes) -> str:
    """With what Python makes of bytes that are no UTF-8 in file names and arguments: lone surrogates."""
    return raw.decode("utf-8", "surrogateescape")


# -- the doors: bytes in, the lines that are shown out -------------------------------------------------


def irc_line(raw: bytes) -> list[str]:
    outbox = Outbox(1000, 0.0)
    for out in (Line("#c", decoded(raw)), Topic("#c", decoded(raw)), CtcpReply("a", decoded(raw))):
        outbox.put(out, 0.0)
    return [piece.wire.replace("\x01", "") for piece in outbox.take(0.0)]


def irc_reading(raw: bytes) -> list[str]:
    return [plain(decoded(raw))]


def ssh_status_line(raw: bytes) -> list[str]:
    (above,) = read_lines({"lease": {"line": decoded(raw), "word": decoded(raw)}}).values()
    return [above.line, above.word, tmux.change(decoded(raw)), tmux.tell(decoded(raw))]


def ssh_says(raw: bytes) -> list[str]:
    said: list[bytes] = []

    class Channel:
        def is_closing(self) -> bool:
            return False

        def write(self, data: bytes, kind: object) -> None:
            said.append(data)

    end = LearnerEnd.__new__(LearnerEnd)
    end.chan = Channel()
    end.say(decoded(raw))
    return [line.decode().removesuffix("\r\n") for line in said]


def _logged(formatter: logging.Formatter, raw: bytes) -> str:
    try:
        raise ValueError(decoded(raw))
    except ValueError:
        record = logging.LogRecord("a", logging.INFO, "f", 1, "%s said %s", ("b", decoded(raw)), sys.exc_info())
    return formatter.format(record)


def log_line(raw: bytes) -> list[str]:
    first, *trace = _logged(PlainFormatter("%(levelname)s %(message)s"), raw).split("\nTraceback ", 1)
    return [first, *"".join(trace).split("\n")]


def log_line_json(raw: bytes) -> list[str]:
    line = _logged(JsonFormatter(), raw)
    found = json.loads(line)
    return [line, found["text"], *found["trace"].split("\n")]


def complaint(raw: bytes) -> list[str]:
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        complain(f"trainbot: {decoded(raw)}")
    return said.getvalue().split("\n")


def gateway_log_word(raw: bytes) -> list[str]:
    return [plain_ascii(decoded(raw))]


def doctor_line(raw: bytes) -> list[str]:
    found = Findings("host a").wrong(decoded(raw), decoded(raw), decoded(raw))
    failed = Findings("host a").failed("x", OSError(decoded(raw)), "y")
    return [found.line, failed.line, *found.as_json().values()]


def check_line(raw: bytes) -> list[str]:
    said: list[str] = []
    line = check.CheckReport(said.append).line
    line(decoded(raw))
    line("a", decoded(raw))
    return said


def lab_output(raw: bytes) -> list[str]:
    return many_lines(raw).split("\n")


def script_words(raw: bytes) -> list[str]:
    return [last_words(decoded(raw)), last_words(many_lines(raw))]


def host_error(raw: bytes) -> list[str]:
    return [
        str(libvirt_errors.translate(1, decoded(raw), alive=True, doing="starting")),
        libvirt_errors.plain(decoded(raw)),
    ]


def exercise_text(raw: bytes) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "1.md").write_bytes(raw)
        text = read_text(Path(folder), "1.md")
    return [*text.split("\n"), *render(text), *render(decoded(raw)), *render_step(decoded(raw), text, 3)]


def exercise_fault(raw: bytes) -> list[str]:
    try:
        parse(decoded(raw), is_yaml=True)
    except FileRefused as error:
        return [str(error)]
    return []


def schedule_text(raw: bytes) -> list[str]:
    words = decoded(raw).encode("utf-8", "replace").decode()
    _, problems = read_toml(words, "a.toml")
    _, others = read_toml(f"title = {json.dumps(words)}\nzone = {json.dumps(words)}\n{json.dumps(words)} = 1", "a.toml")
    event = f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:{words}\r\nSUMMARY:{words}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    _, more = read_ics(event, "a.ics", NOW, NOW)
    return [
        session_fields.plain(decoded(raw)),
        session_fields.shown(decoded(raw)),
        *map(str, (*problems, *others, *more)),
    ]


def file_names(raw: bytes) -> list[str]:
    name = raw.replace(b"/", b"").replace(b"\0", b"").lstrip(b".")[:200]
    with tempfile.TemporaryDirectory() as folder:
        try:
            (Path(folder) / f"{decoded(name)}x.toml").write_text("=")
        except (OSError, ValueError):
            return []
        found = load_schedules(Path(folder), NOW)
        said = [str(problem) for problem in found.problems]
        try:
            read_text(Path(folder), decoded(raw))
        except FileRefused as error:
            said.append(str(error))
    return said


def calendar_line(raw: bytes) -> list[str]:
    return [calendar_text(decoded(raw))]


def minutes_line(raw: bytes) -> list[str]:
    return [minutes_words(decoded(raw))]


#: And the characters that a line may have at most; None: as many as came in, or a few for each.
DOORS: list[tuple[Callable[[bytes], list[str]], int | None]] = [
    (irc_line, 512),
    (irc_reading, None),
    (ssh_status_line, 5 * tmux.LONGEST + 400),  # a quote is five signs in a shell's word
    (ssh_says, 1100),
    (log_line, 4100),
    (complaint, None),
    (log_line_json, None),
    (gateway_log_word, 33),
    (doctor_line, 720),
    (check_line, check.LONGEST + 2),
    (lab_output, None),
    (script_words, 200),
    (host_error, 400),
    (exercise_text, None),
    (exercise_fault, 300),
    (schedule_text, None),
    (file_names, 600),
    (calendar_line, None),
    (minutes_line, None),
]


@pytest.mark.parametrize(("door", "most"), DOORS, ids=lambda value: getattr(value, "__name__", ""))
@given(raw=NASTY)
@settings(max_examples=150, deadline=None)
def test_any_bytes_in_nothing_harmful_out(door: Callable[[bytes], list[str]], most: int | None, raw: bytes) -> None:
    codes = TOGGLES + "\x0f" if door in (irc_line, exercise_text) else ""
    allowed = codes + ("\t" if most is None or door is log_line else "")
    for line in door(raw):
        assert harmful(line, allowed) == set()
        line.encode()  # which lone surrogates cannot be
        assert len(line) <= (most or 12 * len(raw) + 1000)


@pytest.mark.parametrize(
    "door", [one_line, session_fields.plain, doctor_line, host_error, script_words, check_line, ssh_says]
)
def test_work_is_bounded(door: Callable[[bytes], object]) -> None:
    """Composing (NFC) a long run of marks takes the square of its length; a line takes what fits it."""
    marks = ("a" + "\u0315\u0327" * 2_000_000).encode()
    began = time.process_time()
    door(decoded(marks) if door is session_fields.plain else marks)  # type: ignore[arg-type]
    assert time.process_time() - began < 2.0


# -- what stays, and how it is cut -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "naïve Zoë e\u0301",
        "👩\u200d👩\u200d👧 ❤\ufe0f",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # the flag of England
        "می\u200cخواهم",  # Persian, with a non-joiner
        "שלום \u200e(a)\u200f",
        "葛\U000e0100城",  # an ideograph's variant
        "\ue0b0 \U0001fae8",  # private use; an emoji that Python 3.11 does not know yet
    ],
)
def test_words_stay_as_they_are(text: str) -> None:
    assert one_line(text) == many_lines(text) == visible(text) == sanitise(text) == text


@pytest.mark.parametrize(
    ("raw", "line", "lines"),
    [
        ("a\r\nb\rc\nd\u2028e\u2029f\x85g\vh\fi", "a b c d e f g h i", "a\nb\nc\nd\ne\nf\ng\nh\ni"),
        ("a\tb  c", "a b c", "a\tb  c"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07x", "[31mred[0m ]0;titlex", "red x"),
        ("user\u202egnp.exe\u2066", "usergnp.exe", "usergnp.exe"),
        ("so\xadft ze\u200bro \ufeffmark \ud800", "soft zero mark", "soft zero mark "),
        ("x\U000e0041\U000e0042y \ufffe\U0010ffff", "xy", "xy "),
        (b"\xff\xc3\xa9\0", "\ufffdé", "\ufffdé"),
    ],
)
def test_what_goes(raw: str | bytes, line: str, lines: str) -> None:
    assert (one_line(raw), many_lines(raw)) == (line, lines)


def test_what_is_cut_off_is_marked() -> None:
    assert one_line("abcdef", 6) == "abcdef"
    assert one_line("abcdefg", 6) == "abcde…"
    assert one_line("abcdefg", 6, "") == "abcdef"
    assert one_line("abc  defg", 5) == "abc…"
    assert one_line(" " * 100 + "abc", 6) == "…"
    assert one_line(b"abcdefg", 6) == "abcde…"


def test_formatting_stays_only_where_it_is_wanted() -> None:
    text = "\x02b\x0f \x1di\x1d \x1fu\x1f \x11m\x11 \x16r \x03"
    assert visible(text) == "b i u m r "
    assert visible(text, formatted=True) == "\x02b\x0f \x1di\x1d \x1fu\x1f \x11m\x11 r "
