"""Minutes as Markdown (CommonMark)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC

from trainbot.core.text import visible
from trainbot.core.wording import clock, span
from trainbot.features.records.minutes import SOMEBODY, TITLES, Minutes, QuestionRecord, StepRecord


def text_of(words: str) -> str:
    """Somebody's words, escaped so that nothing in them is read as Markdown or HTML (CommonMark 2.4)."""
    escaped = re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", visible(words).strip())
    return re.sub(r"^([0-9]*)([-+#=.)])", r"\1\\\2", escaped)  # otherwise it would begin a list, a heading or a rule


def markdown(minutes: Minutes) -> str:
    return "\n".join(_lines(minutes)) + "\n"


def _lines(m: Minutes) -> Iterator[str]:
    yield from (f"# {text_of(m.title)}", "")
    yield (
        f"- when: {m.started_at.astimezone(UTC):%a %d %b %Y %H:%M} to {clock(m.ended_at)} UTC "
        f"({span(m.ended_at - m.started_at)})"
    )
    if m.times:
        yield f"- local times: {text_of(m.times)}"
    yield from (
        f"- where: {text_of(m.channel)}",
        f"- presenter: {text_of(m.presenter)}",
        f"- exercise: {text_of(m.exercise)}, {m.steps_in_all} steps",
    )
    yield f"- took part: {m.came}{_names(m)}"
    if m.most:
        yield f"- most in the channel at once: {m.most}"
    yield f"- finished the last step: {m.finished}"
    if m.course:
        yield f"- course: {text_of(m.course)}"
    if m.completed or m.completed_unnamed:
        yield f"- did every step of the course so far: {_listed(m.completed, m.completed_unnamed)}"
    yield f"- labs handed out: {m.labs}" + (f"; on machines of their own: {m.homes}" if m.homes else "")
    yield from ("", "## Steps", "")
    for step in m.steps:
        yield from _step(m, step)
    if not m.steps:
        yield "No step was shown."
    yield from ("", "## Questions", "")
    for question in m.questions:
        yield from _question(question)
    if not m.questions:
        yield "No questions were asked."
    if m.quizzes:
        yield from ("", "## Quizzes", "")
    for quiz in m.quizzes:
        yield f"- {clock(quiz.at)} {text_of(quiz.words)}" + (f"; {text_of(quiz.nick)} won" if quiz.nick else "")
    for kind, title in TITLES.items():
        if m.notes.get(kind):
            yield from ("", f"## {title}", "", *(f"- {text_of(s.words)} ({text_of(s.nick)})" for s in m.notes[kind]))


def _names(m: Minutes) -> str:
    names = _listed(m.names, m.unnamed)
    return f" ({names})" if names else ""


def _listed(names: Iterable[str], unnamed: int) -> str:
    return ", ".join([text_of(name) for name in names] + [f"{unnamed} unnamed"] * bool(unnamed))


def _step(m: Minutes, step: StepRecord) -> Iterator[str]:
    numbered = 1 <= step.number <= m.steps_in_all
    done = f", {step.done} done" if numbered else ""
    stuck = f", {len(step.stuck)} stuck" if step.stuck else ""
    failed = f", a check failed for {step.failed}" if step.failed else ""
    title = f"step {step.number}: {text_of(step.title)}" if numbered else text_of(step.title)
    yield f"- {clock(step.at)} {title} ({span(step.lasted)}){done}{failed}{stuck}"
    for said in step.stuck:
        words = f": {text_of(said.words)}" if said.words else ""
        yield f"  - {clock(said.at)} {text_of(said.nick)} was stuck{words}"


def _question(question: QuestionRecord) -> Iterator[str]:
    where = f", at step {question.step}" if question.step else ""
    votes = f", {question.votes} more wanted to know" if question.votes else ""
    yield (
        f"- **{question.number}** {text_of(question.words)} ({text_of(question.nick or SOMEBODY)}, "
        f"{clock(question.at)}{where}{votes})"
    )
    for answer in question.answers:
        yield f"  - {text_of(answer.words)} ({text_of(answer.nick)}, {clock(answer.at)})"
    if question.outcome:
        yield f"  - {text_of(question.outcome)}"
