"""An exercise as text for a terminal."""

from __future__ import annotations

from trainbot.chat.formatting import render
from trainbot.exercises.model import Exercise, Page


def whole_text(exercise: Exercise) -> str:
    """Introduction, every step, the end."""
    parts = [f"{exercise.title}\n{'=' * len(exercise.title)}", exercise.description]
    parts += [_page(exercise.intro)] if exercise.intro else []
    for step in exercise.steps:
        parts.append(f"Step {step.number} of {len(exercise.steps)}: {step.title}\n\n" + _lines(step.text))
    parts += [_page(exercise.finish)] if exercise.finish else []
    return "\n\n".join(part for part in parts if part)


def _page(page: Page) -> str:
    return f"{page.title}\n\n{_lines(page.text)}" if page.title else _lines(page.text)


def _lines(markdown: str) -> str:
    return "\n".join(render(markdown, width_bytes=10_000, plain=True))
