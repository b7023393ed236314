"""Minutes as people read them: one page that stands alone, harmless, and usable by everybody."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trainbot.adapters.html
from tests.stage import CHANNEL, Stage
from trainbot.bot.pages import minutes_pages as pages
from trainbot.core.messages import Arrived
from trainbot.features.records.minutes import ClassRecord, minutes_of
from trainbot.features.records.timeline import no_formula, rows
from trainbot.model.class_run import Attendance, ClassRun, Done
from trainbot.model.question import Question, QuestionEvent, QuestionState
from trainbot.model.record import Entry

AT = datetime(2026, 11, 27, 8, tzinfo=UTC)
RUN = ClassRun(3, "#class", "", "selinux", "SE Linux", 1, "russell", 4, 3, AT, "", AT, AT + timedelta(hours=2))
VOID = {"meta", "link", "br", "img", "input"}


class Page(HTMLParser):
    """What a browser finds: elements with attributes, and the text; AssertionError where tags do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in self.open:
            self.words[tag] = self.words.get(tag, "") + data

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


def record_of(*words: str) -> ClassRecord:
    """A class in which each of these words is said in every way."""
    question = [Question(n, 3, "#class", 2, w, 1, w, QuestionState.OPEN, AT) for n, w in enumerate(words, 1)]
    events = [
        QuestionEvent(n, n, AT, 2, w, kind, w) for n, w in enumerate(words, 1) for kind in ("asked", "answered", w)
    ]
    entries = [
        Entry(n, 3, "#class", AT, kind, w, w)
        for n, w in enumerate(words)
        for kind in ("said", "info", "link", "action", "stuck", "lab", "step", "there", "joined", "renamed", w)
    ]
    entries.append(Entry(99, 3, "#class", AT, "step", "russell", f"1 {words[0] if words else ''}"))
    attendance = [Attendance(3, n, w, 1, None, "", 0, AT) for n, w in enumerate(words)]
    return ClassRecord(RUN, entries, attendance, [Done(3, 0, 1, AT)], question, events, [], "local")


def all_pages(record: ClassRecord) -> list[str]:
    minutes, questions = minutes_of(record), {q.id: q for q in record.questions}
    log = rows(record.entries, record.done, record.events, record.checks, questions.get, lambda _class, _person: None)
    return [pages.minutes_page(minutes, "x"), pages.log_page(minutes, log, "x"), pages.index_page([record.run])]


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='x",
    "{{ 7*7 }}",
    "{% raw %}",
    "javascript:alert(1)",
    'https://x" onclick="y',
    "</title></style><b>",
    "&lt;b&gt;",
    "<!--",
    "]]>",
    "\u202e",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_text(words: str) -> None:
    """Whatever people say adds no element, no attribute, no address but http(s), and can be read as it was said."""
    for text, plain in zip(all_pages(record_of(words)), all_pages(record_of("plain")), strict=True):
        found, usual = Page(text), Page(plain)
        assert {tag for tag, _ in found.elements} <= {tag for tag, _ in usual.elements} | {"a"}
        assert not any(name.startswith("on") for _tag, attributes in found.elements for name in attributes)
        assert all(
            re.match(r"(https?://.*|#\w+|[\w.-]+\.(html|md|json)|[\w.-]+\.html#q\d+)$", a["href"] or "")
            for a in found.all("a")
        )
    assert words in Page(all_pages(record_of(words))[0]).words["main"]


@given(st.lists(st.text(max_size=30), max_size=3))
@settings(max_examples=40, deadline=None)
def test_any_words_make_a_page_that_nests(words: list[str]) -> None:
    """The tags nest, and there are as many questions as were asked."""
    found = Page(all_pages(record_of(*words))[0])
    assert len(found.all("article")) == len(words)


def test_a_page_stands_alone_and_is_for_everybody() -> None:
    """Nothing is loaded from elsewhere; language, title, landmarks, headings in order, table heads, time elements,
    an id for each jump."""
    for text in all_pages(record_of("why?", "https://example.org/a the slides")):
        page = Page(text)
        tags = [tag for tag, _ in page.elements]
        assert not {"script", "img", "link", "iframe", "base"} & set(tags)
        assert "default-src 'none'" in text and "url(" not in text and "@import" not in text
        assert page.all("html") == [{"lang": "en"}] and page.words["title"].strip()
        assert tags.count("main") == tags.count("h1") == tags.count("header") == 1
        levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
        assert all(th.get("scope") in ("col", "row") for th in page.all("th"))
        assert len(page.all("caption")) == len(page.all("table"))
        assert all(datetime.fromisoformat(t["datetime"] or "") for t in page.all("time")) and page.all("time")
        ids = [attributes["id"] for _tag, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        assert {a["href"][1:] for a in page.all("a") if (a["href"] or "").startswith("#")} <= set(ids)
        assert {name for _tag, a in page.elements if (name := a.get("aria-labelledby"))} <= set(ids)


def luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    if len(colour) == 4:
        colour = "#" + "".join(c * 2 for c in colour[1:])
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_everything_can_be_read_in_light_dark_and_print() -> None:
    """Each colour of text on each ground: a contrast of 4.5 at least (WCAG 2.2, 1.4.3)."""
    css = Path(trainbot.adapters.html.__file__).with_name("templates").joinpath("style.css").read_text()
    schemes = [dict(re.findall(r"--(\w+): (#\w+)", rule)) for rule in re.findall(r":root \{([^}]*--[^}]*)\}", css)]
    assert len(schemes) == 3
    for scheme in schemes:
        for ink in ("ink", "soft", "link", "warn"):
            for ground in ("ground", "mark"):
                light, dark = sorted((luminance(scheme[ink]), luminance(scheme[ground])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground, scheme)


def test_numbers_of_a_class(stages: Callable[..., Stage]) -> None:
    """How many came, were there at once, did each step; where they were stuck; who asked not to be named is not."""
    stage = stages(log="yes")
    stage.talk("russell", "!start")
    stage.join("dave", account="dave")
    stage.happens(Arrived(stage.net.people["dave"], CHANNEL, stage.now))
    stage.wait(minutes=1)
    stage.talk("russell", "!next")
    stage.wait(minutes=5)
    for nick in ("alice", "bob"):
        stage.talk(nick, "!done")
    stage.wait(seconds=1)
    stage.talk("carol", "!stuck no idea")
    stage.whisper("bob", "nolog on")
    stage.talk("bob", "not this")
    stage.leave("dave")
    stage.wait(minutes=5)
    stage.talk("russell", "!next")
    stage.talk("alice", "!ask why?")
    stage.wait(minutes=2)
    stage.talk("russell", "!end")
    stage.talk("russell", "!yes")
    folder = stage.folder / "public" / "minutes"
    found = json.loads((folder / "2026-11-27-selinux-1.json").read_text())
    assert (found["came"], found["names"], found["most"], found["finished"]) == (3, ["alice", "carol"], 8, 0)
    assert [
        (s["number"], s["title"], round(s["lasted"], -1), s["done"], [w["words"] for w in s["stuck"]])
        for s in found["steps"]
    ] == [(1, "Look", 600.0, 2, ["no idea"]), (2, "Change", 120.0, 0, [])]
    for path in folder.iterdir():
        assert "bob" not in path.read_text() and "not this" not in path.read_text()
    log = Page((folder / "2026-11-27-selinux-1.log.html").read_text()).words["main"]
    order = [
        log.index(words)
        for words in (
            "begins the class",
            "in the channel: 7",
            "dave joined",
            "goes to step 1",
            "somebody has done step 1",
            "carol is stuck: no idea",
            "dave quit",
            "goes to step 2",
            "alice asks question 1 why?",
            "russell ends the class",
        )
    ]
    assert order == sorted(order)


def test_an_answer_that_comes_late_is_in_the_minutes(stage: Stage) -> None:
    """Also days after the class, and where the bot was restarted in between; the index lists the newest class first."""
    stage.talk("russell", "!start")
    stage.talk("alice", "!ask why?")
    stage.talk("russell", "!end")
    stage.talk("russell", "!yes")
    path = stage.folder / "public" / "minutes" / "2026-11-27-selinux-1.html"
    assert "not answered yet" in path.read_text()
    stage.wait(days=2)
    stage.talk("hannah", "!answer 1 because of the policy")
    stage.restart()
    stage.wait(seconds=2)
    assert "because of the policy" in path.read_text() and "not answered yet" not in path.read_text()
    stage.talk("russell", "!start")
    stage.talk("russell", "!end")
    stage.talk("russell", "!yes")
    index = (path.parent / "index.html").read_text()
    assert index.index("2026-11-29-selinux-2.html") < index.index("2026-11-27-selinux-1.html")


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+2", "'=1+2"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        (" =1", "' =1"),
        ("\t=1", "'\t=1"),
        ("\uff1d1", "'\uff1d1"),
        ("1=1", "1=1"),
        ("", ""),
        ("why?", "why?"),
    ],
)
def test_no_cell_is_a_formula(cell: str, safe: str) -> None:
    """What a spreadsheet would run is text."""
    assert no_formula(cell) == safe
