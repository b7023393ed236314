"""An exercise that has been read, as plain frozen values, the same for every format.

Texts are markdown with LF line ends, without control characters.  Scripts run in labs only, never here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from trainbot.core.errors import UserError


@dataclass(frozen=True, slots=True)
class ExerciseProblem:
    """One fault in an exercise's files.

    ``file`` is relative to the folder that was loaded, ``where`` a key (``details.steps[2].verify``) or
    ``line 3``, ``text`` one sentence.  ``serious``: it has to be fixed (a lint exits with 1); otherwise
    it is an oddity that was replaced by something sensible.
    """

    file: str
    where: str
    text: str
    serious: bool = True

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.text}" if self.where else f"{self.file}: {self.text}"


@dataclass(frozen=True, slots=True)
class Script:
    """A script for a lab: ``text`` has LF line ends and may lack a shebang line.

    Run it as ``interpreter`` with the text on stdin or as a file: it never needs to be executable.
    ``name`` says where it came from (a file relative to the exercise's folder, or a key for an inline script).
    """

    name: str
    text: str

    @property
    def interpreter(self) -> str:
        """The program of the shebang line without its arguments; ``/bin/bash`` if there is none."""
        first = self.text.split("\n", 1)[0]
        words = first[2:].split() if first.startswith("#!") else []
        if len(words) > 1 and words[0].endswith("/env"):
            return words[1]
        return words[0] if words else "/bin/bash"

    @property
    def commands(self) -> str:
        """The lines that a person would type: without the shebang, comments, blank lines, and ``set -e`` at the
        start."""
        lines = [line.rstrip() for line in self.text.split("\n")]
        shown = [line for line in lines if line and not line.lstrip().startswith("#")]
        while shown and shown[0].startswith(("set -", "export LC_ALL=")):
            del shown[0]
        return "\n".join(shown)


@dataclass(frozen=True, slots=True)
class Page:
    """The introduction or the end.  ``setup`` runs unseen in each lab, ``foreground`` in the learner's view."""

    title: str
    text: str
    setup: Script | None = None
    foreground: Script | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step.  ``number`` counts from 1.

    ``verify`` passes on exit code 0; the last thing it prints says what is missing.  ``setup`` prepares the lab
    before the step and ``solve`` does the step for somebody: both may run twice without harm.
    ``hints`` are markdown, mildest first; ``hint_script`` (Killercoda) gets the seconds since the step
    began as $1 and prints a hint.  ``solution`` is markdown, made from ``solve`` if none was written.
    ``timeout`` is the time limit of each script in seconds.  ``second_lab``: it is done, and checked, in the lab of the
    exercise's second image.
    """

    number: int
    title: str
    text: str
    verify: Script | None = None
    setup: Script | None = None
    foreground: Script | None = None
    solve: Script | None = None
    hints: tuple[str, ...] = ()
    hint_script: Script | None = None
    solution: str = ""
    timeout: int = 60
    second_lab: bool = False


@dataclass(frozen=True, slots=True)
class Exercise:
    """A whole exercise.  ``steps`` may be empty (a lecture); ``image`` is "" if none is given.  ``written_for``: the image
    that its files name, if ``image`` stands in for it here, otherwise "".

    ``second_image``: of a second lab that people may have for comparison; only the checks of steps that say so run in it.
    ``second_choices``: what
    its files name for it, the best first, if that is more than one.
    ``permissive``: the lab needs SE Linux in permissive mode.  ``minutes``: how long a class takes, or None.
    ``assets``: a script that puts the exercise's own files into a lab.
    ``solution_after``: how long somebody should have been on a step before ``!solution`` shows the solution.
    """

    slug: str
    title: str
    folder: Path
    description: str = ""
    image: str = ""
    permissive: bool = False
    intro: Page | None = None
    steps: tuple[Step, ...] = ()
    finish: Page | None = None
    minutes: int | None = None
    solution_after: timedelta = timedelta(minutes=5)
    assets: Script | None = None
    second_image: str = ""
    second_choices: tuple[str, ...] = ()
    written_for: str = ""

    def image_of(self, step: int) -> str:
        """The image of the labs in which that step is done (0: the introduction, and those after the last: the first)."""
        second = 1 <= step <= len(self.steps) and self.steps[step - 1].second_lab
        return self.second_image if second else self.image

    def in_first_lab(self) -> Exercise:
        """The exercise as labs of its first image have it: no script of a step that is done in the other lab runs there."""
        if not any(step.second_lab for step in self.steps):
            return self
        nothing: dict[str, None] = dict.fromkeys(("verify", "setup", "foreground", "solve", "hint_script"))
        steps = tuple(replace(step, **nothing) if step.second_lab else step for step in self.steps)  # type: ignore[arg-type]
        return replace(self, steps=steps)

    def unchecked(self, has_labs: bool) -> str:
        """Why none of its scripts can run; '' if they can, or if it has none.  ``has_labs``: labs of its image can be
        made."""
        if not self.has_scripts and not any(step.verify or step.hint_script for step in self.steps):
            return ""
        if not self.image:
            return "the exercise names no image"
        return "" if has_labs else f"there are no {self.image} labs here"

    @property
    def has_scripts(self) -> bool:
        """Whether any script prepares a lab for it or does its steps for somebody."""
        pages = [page for page in (self.intro, self.finish, *self.steps) if page is not None]
        return (
            self.assets is not None
            or any(page.setup or page.foreground for page in pages)
            or any(step.solve for step in self.steps)
        )


LEAST = 3  # letters of what may stand for a longer name
ALIKE = 75  # percent of letters that a misspelt name has in common with what was meant
Files = tuple[tuple[str, int, int], ...]  # (path, mtime in ns, bytes) of each file


@dataclass(frozen=True, slots=True)
class ExerciseLibrary:
    """The exercises that were found, one's own before the ``included`` ones, which come with trainbot.  ``problems``: of
    all exercises, in the order of their folders."""

    folder: Path
    exercises: Mapping[str, Exercise] = field(default_factory=dict)
    problems: tuple[ExerciseProblem, ...] = ()
    seen: Mapping[Path, tuple[Files, Exercise | None, tuple[ExerciseProblem, ...]]] = field(
        default_factory=dict, repr=False
    )
    included: frozenset[str] = frozenset()

    @property
    def own(self) -> list[str]:
        """The slugs of all that are not included."""
        return [slug for slug in self.exercises if slug not in self.included]

    def matching(self, words: str) -> list[Exercise]:
        """Those in whose slugs and titles words begin with each of these ``words``; all of them without words."""
        wanted = _words(words)
        return [
            e
            for e in self.exercises.values()
            if all(any(part.startswith(word) for part in _words(f"{e.title} {e.slug}")) for word in wanted)
        ]

    def find(self, words: str, begin: str = "") -> Exercise:
        """The exercise with this slug, or the only one whose slug begins with it or whose title has these words: the
        only one of one's own if there are several.  Raises UserError that offers the nearest, or lists the available
        ones; on IRC with the command to type, of which ``begin`` is the first part ("!start ")."""
        wanted = " ".join(words.lower().split())
        if wanted in self.exercises:
            return self.exercises[wanted]
        told = len(wanted) >= LEAST  # one letter is the beginning of something by chance
        found = [e for e in self.exercises.values() if told and e.slug.startswith(wanted.replace(" ", "-"))]
        found = found or (self.matching(wanted) if told else [])
        own = [e for e in found if e.slug not in self.included]
        if len(found) == 1 or len(own) == 1:
            return (own or found)[0]
        there = [e.slug for e in found] or list(self.exercises)
        shown = ", ".join(there[:8]) + (", …" if len(there) > 8 else "")
        more = "; !exercises lists them" if begin else ""
        if found:
            raise UserError(f"which one: {shown}?{f' Type {begin}{there[0]}' if begin else ''}{more}")
        if near := nearest(wanted, {e.slug: f"{e.slug} {e.title}" for e in self.exercises.values()}):
            raise UserError(
                f"no exercise with that name; did you mean {' or '.join(begin + slug for slug in near)}?{more[1:]}"
            )
        raise UserError(
            f"no exercise with that name (available: {shown}){more}" if there else "there are no exercises yet"
        )


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def nearest(words: str, names: Mapping[str, str]) -> list[str]:
    """The keys whose texts are most like ``words``, best first: at most two, [] if none is.  A single word is compared
    with each word of a text."""
    from rapidfuzz import fuzz  # with the first comparison: it takes 4 MiB

    said, scores = " ".join(_words(words)), {}
    for key, text in names.items():
        parts = [part for part in _words(text) if " " not in said and len(part) > LEAST]
        parts += [" ".join(_words(key)), " ".join(_words(text))]
        scores[key] = max(fuzz.ratio(said, part) for part in parts)
    best = max(scores.values(), default=0.0)
    return [key for key, score in scores.items() if score == best and best >= ALIKE][:2]
