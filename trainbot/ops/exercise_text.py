"""An exercise as text for a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from trainbot.adapters.markdown.irc_lines import BOLD, MONO, render
from trainbot.bot.pages.written import WrittenPages
from trainbot.core.wording import as_many
from trainbot.features.classes.classroom import step_lines
from trainbot.features.classes.presenter_commands import IN_CHANNEL, MORE
from trainbot.model.config import RecordsConfig
from trainbot.model.exercise import Exercise, ExerciseProblem, Page
from trainbot.model.stand_in import placed

NAMES = 400  # bytes of names in one note
LONGEST = 400  # bytes of an IRC line that are safe even if our host name is long
_TERMINAL = {BOLD: "1", MONO: "36", "\x1d": "3"}  # ECMA-48, SGR


def whole_text(exercise: Exercise) -> str:
    """Introduction, all steps, and the end."""
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


def as_on_irc(exercise: Exercise) -> str:
    """The lines that the channel gets, formatted for a terminal; a blank line between pages."""
    chat = WrittenPages(RecordsConfig())
    pages = [
        step_lines(chat, exercise, step, IN_CHANNEL, MORE.format(step=step)) for step in range(len(exercise.steps) + 2)
    ]
    return "\n\n".join("\n".join(f"<trainbot> {_coloured(line)}" for line in page) for page in pages)


def image_notes(exercises: Iterable[Exercise], images: Collection[str]) -> list[str]:
    """Which exercises cannot be prepared or checked in labs of these ``images``, and which use another than their own: one
    sentence for each image."""
    missing: dict[str, dict[str, None]] = {}
    other: dict[tuple[str, str], dict[str, None]] = {}
    for exercise in exercises:
        found = placed(exercise, images)
        if why := found.unchecked(found.image in images):
            missing.setdefault(why, {})[exercise.slug] = None
        elif found.written_for:
            other.setdefault((found.written_for, found.image), {})[exercise.slug] = None
    return [
        *(f"{why}, so nothing is prepared or checked in {as_many(slugs, NAMES)}" for why, slugs in missing.items()),
        *(
            f"written for {image}, runs in {used} labs: {as_many(slugs, NAMES)}"
            for (image, used), slugs in other.items()
        ),
    ]


def too_long(exercise: Exercise) -> list[ExerciseProblem]:
    """Commands that are too long for one IRC line, so that copying them would add a line break."""
    found = []
    for step in exercise.steps:
        if not any(len(line.encode()) > LONGEST for line in step.text.split("\n")):
            continue
        for line in render(step.text):
            if (size := len(line.strip(BOLD + MONO).encode())) > LONGEST:
                found.append(
                    ExerciseProblem(
                        exercise.slug,
                        f"step {step.number}",
                        f"a command of {size} bytes is too long for an IRC line ({LONGEST} bytes): fold it with a backslash",
                        serious=False,
                    )
                )
    return found


def _coloured(line: str) -> str:
    """Converts IRC formatting codes, each of which toggles an attribute, to terminal codes."""
    out = ""
    on: set[str] = set()
    for sign in line:
        if sign not in _TERMINAL:
            out += sign
            continue
        on ^= {sign}
        out += "\x1b[0m" + "".join(f"\x1b[{_TERMINAL[code]}m" for code in sorted(on))
    return out + ("\x1b[0m" if on else "")
