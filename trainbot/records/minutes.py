"""The minutes of a class, as Markdown (CommonMark), and where they lie."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trainbot.exercises.classes import Attendance, ClassRun, Done
from trainbot.questions.model import Question, QuestionEvent, QuestionState, answers_of
from trainbot.records.journal import scrubbed
from trainbot.records.model import Entry
from trainbot.spine.words import span


@dataclass(frozen=True, slots=True)
class ClassRecord:
    """All that is known of one class.  ``times``: the start in the configured zones, in words."""

    run: ClassRun
    entries: Sequence[Entry]
    attendance: Sequence[Attendance]
    done: Sequence[Done]
    questions: Sequence[Question]
    events: Sequence[QuestionEvent]
    times: str = ""


def file_name(run: ClassRun) -> str:
    """``2026-11-27-selinux-debian-3.md``: by date, and never twice the same."""
    slug = re.sub(r"[^a-z0-9-]+", "-", run.exercise.lower()).strip("-") or "class"
    return f"{run.started_at.astimezone(UTC):%Y-%m-%d}-{slug}-{run.id}.md"


def text_of(words: str) -> str:
    """Somebody's words, so that nothing in them is read as Markdown or HTML (CommonMark 2.4)."""
    escaped = re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", scrubbed(words))
    return re.sub(r"^([0-9]*)([-+#=.)])", r"\1\\\2", escaped)  # or it would begin a list, a heading or a rule


def clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M}"


def minutes(record: ClassRecord) -> str:
    """The whole document; the same rows give the same text."""
    run = record.run
    ended = run.ended_at or run.step_at
    lines = [f"# {text_of(run.title)}", "",
             f"- when: {run.started_at.astimezone(UTC):%a %d %b %Y %H:%M} to {clock(ended)} UTC "
             f"({span(ended - run.started_at)})"]
    lines += [f"- local times: {text_of(record.times)}"] if record.times else []
    lines += [f"- where: {text_of(run.channel)}", f"- presenter: {text_of(run.presenter)}",
              f"- exercise: {text_of(run.exercise)}, {run.steps} steps",
              f"- took part: {len(record.attendance)}"
              + (f" ({', '.join(text_of(a.nick) for a in record.attendance)})" if record.attendance else "")]
    labs = [entry for entry in record.entries if entry.kind == "lab"]
    lines += [f"- labs handed out: {len(labs)}"]
    lines += ["", "## Steps", "", *_steps(record)]
    lines += ["", "## Questions", "", *_questions(record)]
    for kind, title in (("info", "Notes"), ("link", "Links"), ("action", "To be done")):
        found = [entry for entry in record.entries if entry.kind == kind]
        if found:
            lines += ["", f"## {title}", "", *(f"- {text_of(e.text)} ({text_of(e.nick)})" for e in found)]
    said = [entry for entry in record.entries if entry.kind == "said"]
    if said:
        lines += ["", "## Log (times in UTC)", "",
                  *(f"- {clock(e.at)} **{text_of(e.nick)}** {text_of(e.text)}" for e in said)]
    return "\n".join(lines) + "\n"


def _steps(record: ClassRecord) -> list[str]:
    shown = [entry for entry in record.entries if entry.kind == "step"]
    lines, seen = [], set()
    for entry in shown:
        number, _, title = entry.text.partition(" ")
        if number in seen or not number.isdigit():
            continue
        seen.add(number)
        done = sum(d.step == int(number) for d in record.done)
        stuck = sum(e.kind == "stuck" and _step_at(shown, e.at) == number for e in record.entries)
        more = (f", {done} done" if int(number) <= record.run.steps else "") + (f", {stuck} stuck" if stuck else "")
        lines.append(f"- {clock(entry.at)} step {number}: {text_of(title)}{more}")
    return lines or ["No step was shown."]


def _step_at(shown: Iterable[Entry], at: datetime) -> str:
    return next((e.text.partition(" ")[0] for e in reversed(list(shown)) if e.at <= at), "0")


def _questions(record: ClassRecord) -> list[str]:
    lines = []
    for question in record.questions:
        if question.state is QuestionState.DELETED:
            continue
        where = f", at step {question.step}" if question.step else ""
        votes = f", {question.votes} more wanted to know" if question.votes else ""
        lines.append(f"- **{question.id}** {text_of(question.words)} ({text_of(question.asker)}, "
                     f"{clock(question.asked_at)}{where}{votes})")
        answers = answers_of(event for event in record.events if event.question_id == question.id)
        lines += [f"  - {text_of(answer.words)} ({text_of(answer.nick)}, {clock(answer.at)})" for answer in answers]
        if question.merged_into is not None:
            lines.append(f"  - see question {question.merged_into}")
        elif not answers:
            lines.append(f"  - {'put aside' if question.state is QuestionState.SKIPPED else 'not answered yet'}")
    return lines or ["Nothing was asked."]


def write_whole(path: Path, text: str) -> None:
    """The file is there whole, or as it was before (POSIX rename(2)); folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    with open(draft, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
