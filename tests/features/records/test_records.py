"""Minutes and exports: complete, harmless, and written whatever happens in between."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.stage import Stage
from trainbot.core.errors import UserError
from trainbot.core.files import write_whole
from trainbot.features.records.minutes_markdown import text_of
from trainbot.ops.log import archive, classes, export, show

HOSTILE = [
    "# not a title",
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](http://evil/)",
    "`code`",
    "**bold** _it_ ~~x~~",
    "| a | b |",
    "- item",
    "1. one",
    "> quote",
    "&lt;b&gt; &amp;",
    "\\# \\",
    "a\u2028b",
    "***",
    "---",
    "=1+2",
    "+cmd|' /C calc'!A0",
    "@SUM(1)",
    "<!-- comment",
    "http://x_y_z/*",
    "\u202eevil",
]


def hold(stage: Stage, *words: str, asker: str = "alice") -> None:
    """A class in which these words were asked, answered, and noted."""
    stage.talk("russell", "!start")
    stage.talk("russell", "!next")
    for said in words:
        stage.talk(asker, f"!ask {said}")
        stage.talk("hannah", f"!info {said}")
        stage.talk(asker, said)
    stage.talk("hannah", "!answer 1 " + (words[0] if words else "x"))
    stage.talk(asker, "!done")
    stage.talk("russell", "!end")
    stage.talk("russell", "!yes")


def written(stage: Stage) -> str:
    (path,) = (stage.folder / "public" / "minutes").glob("*.md")
    return path.read_text(encoding="utf-8")


def test_minutes_of_a_class(stage: Stage) -> None:
    """When, where, who, steps with how many were done, questions with their answers; under a dated name."""
    hold(stage, "why?")
    assert sorted(path.name for path in (stage.folder / "public" / "minutes").iterdir()) == [
        *(f"2026-11-27-selinux-1{ending}" for ending in (".html", ".json", ".log.html", ".md")),
        "index.html",
    ]
    text = written(stage)
    for part in (
        "# SE Linux for beginners",
        "- when: Fri 27 Nov 2026 08:00 to 08:00 UTC",
        "- presenter: russell",
        "- exercise: selinux, 3 steps",
        "- took part: 1 (alice)",
        "- 08:00 step 1: Look (0 s), 1 done",
        "- **1** why? (alice, 08:00, at step 1)\n  - why? (hannah, 08:00)",
    ):
        assert part in text


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_stay_words(stages: Callable[..., Stage], words: str) -> None:
    """Whatever people say is text in the minutes: no markup, no HTML, no link, no heading of theirs."""
    stage = stages(log="yes")
    hold(stage, words)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(written(stage))
    inner = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inner} <= {"text", "strong_open", "strong_close", "softbreak", "text_special", "em"}
    assert {token.tag for token in tokens if token.tag} <= {"h1", "h2", "ul", "li", "p"}
    assert [token.content for token in tokens if token.type == "html_block"] == []


@given(st.text(max_size=60))
def test_any_words_are_only_words(words: str) -> None:
    """As CommonMark reads them at the beginning of a list item: one paragraph of text, nothing else."""
    tokens = MarkdownIt("commonmark", {"html": True}).parse(f"- {text_of(words)} (alice)\n")
    (inline,) = [token for token in tokens if token.type == "inline"]
    assert {child.type for child in inline.children or ()} <= {"text", "text_special", "softbreak"}
    assert {token.tag for token in tokens if token.tag} == {"ul", "li", "p"}


def test_exports(stage: Stage) -> None:
    """Everything by time: as JSON lines, as CSV that no spreadsheet runs, as Markdown."""
    hold(stage, "=1+2", '"quoted", with comma')
    rows = [json.loads(line) for line in "".join(export(stage.config, 1, "jsonl")).splitlines()]
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert {row["kind"] for row in rows} >= {"start", "step", "asked", "answered", "done", "info", "end"}
    assert all(
        set(row) == {"class", "at", "kind", "nick", "step", "question", "text"} and row["class"] == 1 for row in rows
    )
    found = list(csv.DictReader(export(stage.config, None, "csv")))
    assert len(found) == len(rows) and {row["text"] for row in found} >= {"'=1+2", '"quoted", with comma'}
    assert not any(cell[:1] in ("=", "+", "-", "@") for row in found for cell in row.values())
    assert "".join(export(stage.config, 1, "markdown")) == show(stage.config, 1) == written(stage)


def test_questions_outside_of_classes_are_exported_too(stage: Stage) -> None:
    """Nothing that was asked is lost."""
    stage.talk("alice", "!ask before any class")
    rows = [json.loads(line) for line in "".join(export(stage.config, None, "jsonl")).splitlines()]
    assert [(row["kind"], row["text"]) for row in rows] == [("asked", "before any class")]


def test_the_list_of_classes(stage: Stage) -> None:
    """Numbers, times, titles, and which one runs; beside a bot that writes."""
    hold(stage)
    stage.talk("russell", "!start")
    value, lines = classes(stage.config)
    assert lines == [
        "1 2026-11-27 08:00 UTC #class SE Linux for beginners, with russell",
        "2 2026-11-27 08:00 UTC #class SE Linux for beginners, with russell (running)",
    ]
    assert [entry["number"] for entry in value] == [1, 2] and json.dumps(value)
    with pytest.raises(UserError, match="there is no class 7; trainbot log list shows all classes"):
        show(stage.config, 7)


def test_killed_between_the_end_and_the_minutes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The class ended and the bot died: the next one writes the minutes."""
    monkeypatch.setattr(stage.wiring.records.archive, "settle", lambda now: None)
    hold(stage, "why?")
    assert not (stage.folder / "public" / "minutes").exists()
    stage.restart()
    stage.wait(seconds=2)
    assert "why?" in written(stage)


def test_another_folder_or_another_machine(stage: Stage) -> None:
    """The next start writes what is not there, and leaves nothing where it was before."""
    hold(stage, "why?")
    public = stage.folder / "public"
    names = {path.name for path in (public / "minutes").iterdir()}
    shutil.rmtree(public)
    stage.restart()
    stage.wait(seconds=2)
    assert {path.name for path in (public / "minutes").iterdir()} == names
    stage.config = replace(stage.config, records=replace(stage.config.records, folder=stage.folder / "elsewhere"))
    stage.restart()
    stage.wait(seconds=2)
    assert {path.name for path in (stage.folder / "elsewhere" / "minutes").iterdir()} == names
    assert list((public / "minutes").iterdir()) == []


def test_a_folder_that_cannot_be_written(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """It is said in the log, once, and tried again; the bot goes on."""
    (stage.folder / "public").write_text("I am in the way")
    hold(stage, "why?")
    for _ in range(5):
        stage.wait(seconds=2)
    assert len(re.findall("cannot write the minutes .*", caplog.text)) == 1
    assert stage.talk("alice", "!ask next?") == ["alice: question 2 is next"]
    assert stage.talk("russell", "!start")[0].startswith("SE Linux for beginners begins")
    (stage.folder / "public").unlink()
    stage.wait(seconds=2)
    assert "why?" in written(stage)


def test_words_that_minutes_cannot_be_made_of(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the minutes stops neither the end of the class nor anything after it."""

    def fail(_record: object) -> str:
        raise RuntimeError("a bug")

    monkeypatch.setattr("trainbot.features.records.archive.minutes_of", fail)
    hold(stage, "why?")
    assert stage.wait(seconds=2) == [] and stage.talk("alice", "!help") != []
    monkeypatch.undo()
    stage.wait(seconds=2)
    assert "why?" in written(stage)


def test_minutes_are_there_whole_or_not_at_all(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails in the middle leaves what was there."""
    path = stage.folder / "public" / "m.md"
    write_whole(path, "old")

    def fail(_handle: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, "new and longer")
    assert path.read_text() == "old"


def test_where_the_minutes_are(stage: Stage) -> None:
    """A link where the folder is served, else the command that shows them."""
    hold(stage)
    with archive(stage.config) as found:
        run = found.find(1)
        assert found.minutes_at(run) == "Minutes: trainbot log show 1"
        found.public_url = "https://class.example.org"
        assert found.minutes_at(run) == "Minutes: https://class.example.org/minutes/2026-11-27-selinux-1.html"


def test_labs_are_counted_however_they_were_handed_out(stages: Callable[..., Stage]) -> None:
    """Asked for before the class or in it, or given back in the middle; not those still waited for, nor those of people
    who had nothing to do with the class."""
    stage = stages(labs=4)
    stage.join("dave", account="dave")
    stage.join("erin", account="erin")
    stage.host_up()
    for nick in ("alice", "bob", "erin"):
        stage.talk(nick, "!lab debian")
    stage.wait(minutes=1)
    stage.talk("bob", "!lab return")
    stage.talk("bob", "!yes")  # he is not there
    stage.hosts_work()
    stage.wait(minutes=1)
    stage.talk("russell", "!start")
    stage.talk("russell", "!next")
    stage.talk("alice", "!done")
    stage.talk("carol", "!lab debian")
    stage.talk("dave", "!lab debian")
    stage.talk("dave", "!lab return")
    stage.talk("dave", "!yes")
    stage.wait(minutes=10)
    stage.talk("russell", "!end")
    stage.talk("russell", "!yes")
    assert "labs handed out: 3\n" in written(stage)


def test_who_only_waited_had_no_lab(stages: Callable[..., Stage]) -> None:
    """A place in the queue is not a lab."""
    stage = stages(labs=1)
    stage.host_up()
    for nick in ("alice", "bob"):
        stage.talk(nick, "!lab debian")
    hold(stage, "why?", asker="bob")
    assert "labs handed out: 0\n" in written(stage)  # alice had nothing to do with the class
    hold(stage, "why not?", asker="alice")
    assert any("labs handed out: 1\n" in page.read_text() for page in (stage.folder / "public/minutes").glob("*-2.md"))
