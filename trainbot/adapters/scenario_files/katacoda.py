"""The Katacoda/Killercoda format: index.json or index.yaml beside texts and scripts (formats.md, "Exercises").

Source: some 650 public scenarios.  Some have no steps, no titles, missing texts, old names (``code`` for
``foreground``, ``courseData`` for ``background``), CRLF, or scripts written into the index; all of these load.  Our own
keys: ``image``, ``second_image``, ``permissive``, ``minutes`` and ``solution_after`` (minutes) at the top level;
``solve``, ``hints``, ``solution``, ``timeout`` (seconds) and ``second_lab`` in a step.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from trainbot.adapters.scenario_files.assets import assets_script
from trainbot.adapters.scenario_files.folder import INDEX_LIMIT, FileMissing, FileRefused, parse, read_text
from trainbot.adapters.scenario_files.katacoda_text import converted, minutes_of, title_of
from trainbot.adapters.scenario_files.reader import ExerciseReading, Table, slug_of
from trainbot.model.exercise import Exercise, ExerciseProblem, Page, Script, Step

INDEXES = ("index.json", "index.yaml", "index.yml")
MAX_STEPS = 200
MAX_HINTS = 20

_TOP = {
    "title",
    "description",
    "difficulty",
    "time",
    "icon",
    "type",
    "pathwayTitle",
    "private",
    "files",
    "details",
    "backend",
    "environment",
    "interface",
    "image",
    "second_image",
    "permissive",
    "minutes",
    "solution_after",
}
_STEP = {
    "title",
    "text",
    "verify",
    "foreground",
    "background",
    "code",
    "courseData",
    "answer",
    "hint",
    "solve",
    "hints",
    "solution",
    "timeout",
    "second_lab",
    "credits",
}
_FOLDED = re.compile(
    r"<details[^<>]*>\s*<summary[^<>]*>([^<]*)</summary>((?:(?!</?details).)*)</details>", re.DOTALL | re.IGNORECASE
)


def load(folder: Path, slug: str | None = None, name: str = "") -> tuple[Exercise | None, list[ExerciseProblem]]:
    """The exercise in ``folder`` and all its faults; no exercise if its index can't be used at all.

    ``slug``: its name in commands (default: made from the folder's).  ``name``: the folder's name in the problems.
    No content raises an exception.
    """
    reading = _KatacodaReading(folder, name or folder.name, INDEXES[0])
    for index in INDEXES:
        reading.index = index
        try:
            data, odd = _parsed(read_text(folder, index, INDEX_LIMIT), index)
        except FileMissing:
            continue
        except FileRefused as refused:
            reading.refused(refused)
            return None, reading.problems
        if odd is not None:
            reading.refused(odd, serious=False)
        if not isinstance(data, dict):
            reading.fault("", "is not a mapping of keys to values")
            return None, reading.problems
        return reading.exercise(data, slug or slug_of(folder.name)), reading.problems
    reading.index = INDEXES[0]
    reading.fault("", "there is no index.json or index.yaml")
    return None, reading.problems


def _parsed(content: str, index: str) -> tuple[object, FileRefused | None]:
    """The data, and what is wrong with it: JSON with an extra comma is read as YAML."""
    try:
        return parse(content, is_yaml=not index.endswith(".json")), None
    except FileRefused as odd:
        if index.endswith(".json"):
            with suppress(FileRefused):
                if isinstance(data := parse(content, is_yaml=True), dict):
                    return data, odd
        raise


class _KatacodaReading(ExerciseReading):
    """Reads one folder."""

    def text(self, data: Table, key: str, at: str) -> str:
        return converted(super().text(data, key, at))

    def exercise(self, data: Table, slug: str) -> Exercise:
        self.spelling(data, _TOP, "")
        details = self.table(data, "details", "")
        image = self.line(data, "image", "") or self.line(self.table(data, "backend", ""), "imageid", "backend.")
        second = self.second_images(data, image)
        steps = self.steps(details)
        if not second and (step := next((step for step in steps if step.second_lab), None)):
            self.fault(f"details.steps[{step.number}].second_lab", "needs second_image: the image of that lab")
            steps = tuple(replace(step, second_lab=False) for step in steps)
        return Exercise(
            slug=slug,
            title=self.line(data, "title", "") or slug,
            folder=self.folder,
            description=self.line(data, "description", "", limit=1000),
            image=image,
            permissive=self.yes(data, "permissive"),
            intro=self.page(details, "intro", "Introduction"),
            steps=steps,
            finish=self.page(details, "finish", "Finish"),
            minutes=self.number(data, "minutes", "", None, 1, 24 * 60) or minutes_of(data.get("time")),
            solution_after=timedelta(minutes=self.number(data, "solution_after", "", 5, 0, 24 * 60)),
            assets=assets_script(self, self.table(details, "assets", "details.")),
            second_image=second[0] if second else "",
            second_choices=second if len(second) > 1 else (),
        )

    def second_images(self, data: Table, image: str) -> tuple[str, ...]:
        """The second image, or several to choose from.  They need ``image`` and must differ from it."""
        said = data.get("second_image")
        names = said if isinstance(said, list) else [said]
        second = tuple(name for each in names if (name := self.line({"second_image": each}, "second_image", "")))
        if second and not image:
            self.fault("second_image", "needs image as well: the image of the labs that scripts run in")
        elif image in second:
            self.fault("second_image", f"is {image}, the same as image; choose another one or leave it out")
        return tuple(name for name in second if image and name != image)

    def page(self, details: Table, key: str, title: str) -> Page | None:
        if details.get(key) is None:
            return None
        page, at = self.table(details, key, "details."), f"details.{key}."
        return Page(
            title=self.line(page, "title", at) or title,
            text=self.text(page, "text", at),
            setup=self.script(page, "background", at) or self.script(page, "courseData", at),
            foreground=self.script(page, "foreground", at) or self.script(page, "code", at),
        )

    def steps(self, details: Table) -> tuple[Step, ...]:
        steps = details.get("steps")
        if steps is None:
            self.fault("details.steps", "there are no steps", serious=False)
            return ()
        if not isinstance(steps, list):
            self.fault("details.steps", "is not a list")
            return ()
        if len(steps) > MAX_STEPS:
            self.fault("details.steps", f"more than {MAX_STEPS} steps; the rest is left out")
        return tuple(self.step(step, number) for number, step in enumerate(steps[:MAX_STEPS], 1))

    def step(self, step: object, number: int) -> Step:
        at = f"details.steps[{number}]."
        if not isinstance(step, dict):
            self.fault(at[:-1], "is not a mapping of keys to values")
            return Step(number, f"Step {number}", "")
        self.spelling(step, _STEP, at)
        text, solve = self.text(step, "text", at), self.script(step, "solve", at)
        tips, answers = folded(text)
        hints, hint_script = self.hints(step, at)
        solution = self.text(step, "solution", at) or self.text(step, "answer", at) or "\n\n".join(answers)
        if not solution and solve:
            solution = f"```\n{solve.commands}\n```"
        return Step(
            number=number,
            title=title_of(self.line(step, "title", at), text, number),
            text=text,
            verify=self.script(step, "verify", at),
            setup=self.script(step, "background", at) or self.script(step, "courseData", at),
            foreground=self.script(step, "foreground", at) or self.script(step, "code", at),
            solve=solve,
            hints=hints or tips,
            hint_script=hint_script,
            solution=solution,
            timeout=self.number(step, "timeout", at, 60, 1, 1800),
            second_lab=self.in_second_lab(step, at),
        )

    def in_second_lab(self, step: Table, at: str) -> bool:
        """Nothing is prepared in the second lab."""
        second = self.yes(step, "second_lab", at)
        for key in ("background", "courseData", "foreground", "code") if second else ():
            if step.get(key) is not None:
                self.fault(at + key, "is not run, because the step is done in the second lab", serious=False)
        return second

    def hints(self, step: Table, at: str) -> tuple[tuple[str, ...], Script | None]:
        """The hints and the hint script, from ``hints`` (ours: texts, or names of .md files) and ``hint``
        (Killercoda's: a file, .md or .sh)."""
        hint = step.get("hint")
        script = self.script(step, "hint", at) if isinstance(hint, str) and hint.endswith(".sh") else None
        found = [] if script else [self.text(step, "hint", at)]
        many = step.get("hints")
        many = [many] if isinstance(many, str) else many
        if isinstance(many, list):
            if len(many) > MAX_HINTS:
                self.fault(at + "hints", f"more than {MAX_HINTS} hints; the rest is left out")
            for number, entry in enumerate(many[:MAX_HINTS], 1):
                found.append(self.text({f"hints[{number}]": entry}, f"hints[{number}]", at))
        elif many is not None:
            self.fault(at + "hints", "is not a list of strings")
        return tuple(hint for hint in found if hint), script


def folded(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The hints and the solutions that a markdown text hides in <details>, distinguished by their summaries."""
    tips, answers = [], []
    for summary, body in _FOLDED.findall(text):
        if re.search(r"solution|answer", summary, re.IGNORECASE):
            answers.append(body.strip())
        elif re.search(r"tip|hint", summary, re.IGNORECASE):
            tips.append(body.strip())
    return tuple(tip for tip in tips if tip), tuple(answer for answer in answers if answer)
