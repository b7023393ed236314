"""The page of an exercise: whole, harmless, and with the commands as they are to be typed."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.adapters.markdown.html import to_html
from trainbot.adapters.scenario_files.library import load_library
from trainbot.bot.pages import handout
from trainbot.model.config import RecordsConfig
from trainbot.model.exercise import Exercise, Step

SHIPPED = load_library(Path(__file__).parents[3] / "exercises")
TAGS = {"html", "head", "meta", "title", "style", "body", "a", "h1", "header", "nav", "main", "span"} | {
    "br",
    "hr",
    "p",
    "b",
    "i",
    "em",
    "strong",
    "code",
    "pre",
    "kbd",
    "ul",
    "ol",
    "li",
    "details",
    "summary",
    "blockquote",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "sub",
    "sup",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
}


class Reader(HTMLParser):
    """A browser's reading of a page: its tags with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def harmless(page: str) -> None:
    for tag, attributes in Reader(page).tags:
        assert tag in TAGS, tag
        assert set(attributes) <= {
            "href",
            "title",
            "class",
            "start",
            "lang",
            "charset",
            "name",
            "content",
            "http-equiv",
            "style",
            "id",
            "aria-label",
            "rel",
        }
        assert not str(attributes.get("href", "")).lower().lstrip().startswith(("javascript:", "vbscript:", "data:"))
        if "style" in attributes:
            assert attributes["style"] in ("text-align:left", "text-align:right", "text-align:center")


@pytest.mark.parametrize("exercise", SHIPPED.exercises.values(), ids=lambda exercise: exercise.slug)
def test_what_ships_is_whole(exercise: Exercise) -> None:
    """Every step with its commands; nothing is loaded from anywhere."""
    page = handout.page(exercise, ["On a machine of your own: https://example.org/ says how."])
    harmless(page)
    text = Reader(page).text
    for step in exercise.steps:
        assert f"Step {step.number} of {len(exercise.steps)}: {step.title}" in text
        assert all(
            commands in text for commands in re.findall(r"^```\n(.*?)^```$", step.text, re.DOTALL | re.MULTILINE)
        )
    assert '<a href="https://example.org/" rel="noopener">' in page and "{{" not in page


def test_what_a_class_prepares_is_told_to_those_alone() -> None:
    """Whoever follows a handout at home hears what does that in a machine of their own."""
    (line,) = handout.run_yourself(RecordsConfig(), SHIPPED.exercises["load-average"])[1:]
    assert (
        line.startswith("Before the first step and step 4 the class prepares") and "sh load-average.sh setup N" in line
    )
    assert len(handout.run_yourself(RecordsConfig(), SHIPPED.exercises["squid-ports"])) == 1


NASTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "<a href='javascript:1'>x</a>",
    "<!-- <b> -->",
    "<style>*{display:none}",
    "<svg/onload=1>",
    "<p onclick=1>",
    "![p](https://e.org/x.png)",
    "<b",
    "`<i>`",
    "</details></body>",
    "<iframe srcdoc='<script>'>",
    '"><script>1</script>',
    "<scr<script>ipt>",
]


@given(st.lists(st.sampled_from(NASTY) | st.text(max_size=12), max_size=8).map("\n".join))
def test_no_text_becomes_a_script(text: str) -> None:
    """Whatever an exercise writes: a short list of tags, without attributes but links'."""
    harmless(
        handout.page(
            Exercise("x", text, Path("."), text, steps=(Step(1, text, text, hints=(text,), solution=text),)), [text]
        )
    )


def test_html_that_exercises_use() -> None:
    """Folds, line breaks and tables stay; pictures are links; Katacoda's suffixes go."""
    assert to_html("`ls`{{exec}} and `id`{{copy}}<br>x") == "<p><code>ls</code> and <code>id</code><br>x</p>\n"
    assert to_html("```{{exec}}\nls -Z\n```") == "<pre><code><span>ls -Z\n</span></code></pre>\n"
    assert "<details>" in to_html("<details open><summary>Tip</summary>\n\nlook\n</details>")
    assert to_html("![map](https://e.org/m.png)") == '<p><a href="https://e.org/m.png">[map]</a></p>\n'
    assert to_html("# A") == "<h3>A</h3>\n"
