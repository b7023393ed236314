"""Reads classic Instruqt tracks (formats.md): track.yml, NN-slug/assignment.md with front matter, scripts.

A track can be run if one machine is enough: the scripts of the first machine that has any are used.  Notes, tabs and
levels are ignored.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from trainbot.adapters.scenario_files.folder import (
    INDEX_LIMIT,
    SCRIPT_LIMIT,
    TEXT_LIMIT,
    FileMissing,
    FileRefused,
    parse,
    read_text,
)
from trainbot.adapters.scenario_files.reader import ExerciseReading, Table, slug_of
from trainbot.core.text import many_lines, one_line
from trainbot.model.exercise import Exercise, ExerciseProblem, Page, Script, Step
from trainbot.model.stand_in import named_release

INDEX = "track.yml"
CONFIG = "config.yml"
MAX_STEPS = 200
_SCRIPT = re.compile(r"(setup|check|solve|cleanup)-([\w.-]{1,64})")
_FRONT = re.compile(r"---[ \t]*\n(.*?\n)?---[ \t]*(?:\n|\Z)", re.DOTALL)
#: What the name of a machine's image contains.
_DISTRIBUTIONS = ("debian", "ubuntu", "centos", "rocky", "alma", "rhel", "redhat")
_SHELLS = ("sh", "bash", "dash")
#: What Instruqt's machines provide for scripts; bash allows names with a hyphen.
_PRELUDE = r"""{ mkdir -p /opt/instruqt/bootstrap /run/instruqt && touch /opt/instruqt/bootstrap/host-bootstrap-completed
fail-message() { echo "FAIL: $*"; }
set-workdir() { :; }
agent() { [ "$1 $2" = "variable set" ] && printf '%s' "$4" > "/run/instruqt/${3##*/}" || cat "/run/instruqt/${3##*/}" 2>/dev/null; }
export -f fail-message set-workdir agent; }
"""


_BUTTON = re.compile(r'\[button label="([^"\]\n]{1,100})"[^\]\n]{0,200}\]\([^)\s]{0,100}\)')
_VARIABLE = re.compile(r'\[\[ ?Instruqt-Var key="([\w.-]{1,64})"[^\]\n]{0,100}\]\]')
_CALLOUT = re.compile(r"^([> ]*> ?)\[!(\w+)\][ \t]*$", re.MULTILINE)


def _readable(text: str) -> str:
    """Replaces what only Instruqt's page understands: a button by its label, a variable by a command that prints it in
    the lab."""
    text = _VARIABLE.sub(r"$(cat /run/instruqt/\1)", _BUTTON.sub(r"**\1**", text))
    return _CALLOUT.sub(lambda found: f"{found[1]}**{found[2].capitalize()}:**", text)


def load(folder: Path, slug: str | None = None, name: str = "") -> tuple[Exercise | None, list[ExerciseProblem]]:
    """Like katacoda.load."""
    reading = _InstruqtReading(folder, name or folder.name, INDEX)
    data = reading.yaml(INDEX)
    return (reading.track(data, slug) if data is not None else None), reading.problems


class _InstruqtReading(ExerciseReading):
    host = ""

    def yaml(self, file: str) -> Table | None:
        """The mapping in ``file``; None (and a problem) if there is none."""
        try:
            data = parse(read_text(self.folder, file, INDEX_LIMIT), is_yaml=True)
        except FileRefused as refused:
            self.refused(refused, file=file)
            return None
        if not isinstance(data, dict):
            self.fault("", "is not a mapping of keys to values", file=file)
            return None
        return data

    def track(self, data: Table, slug: str | None) -> Exercise:
        numbered, inline = self._folders(), data.get("challenges")
        older = (
            [entry if isinstance(entry, dict) else {} for entry in inline[:MAX_STEPS]]
            if isinstance(inline, list)
            else []
        )
        folders = numbered or [self._folder_of(entry) for entry in older]
        self.host, image = self._machine([folder for folder in folders if folder])
        seconds = data.get("timelimit")
        minutes = max(1, seconds // 60) if isinstance(seconds, int) and 0 < seconds <= 24 * 3600 else None
        setup = self._script("track_scripts", "setup")
        description = self.line(data, "teaser", "", limit=1000)
        told = data.get("description")
        intro = Page(
            "Introduction",
            _readable(many_lines(told)).strip("\n") if isinstance(told, str) else description,
            setup=setup,
        )
        steps = [self._challenge(folder, number) for number, folder in enumerate(numbered, 1)] or [
            self._step(entry, number, "", folder, f"challenges[{number}].")
            for number, (entry, folder) in enumerate(zip(older, folders, strict=True), 1)
        ]
        if not steps:
            self.fault("challenges", "there are no steps", serious=False)
        title = self.line(data, "title", "") or self.line(data, "slug", "") or self.folder.name
        return Exercise(
            slug or slug_of(self.line(data, "slug", "") or self.folder.name),
            title,
            self.folder,
            description,
            image,
            intro=intro,
            steps=tuple(steps),
            minutes=minutes,
        )

    # -- folders and machines --------------------------------------------------------------

    def _folders(self) -> list[str]:
        """The challenges' folders, in order."""
        try:
            found = sorted(
                entry.name
                for entry in os.scandir(self.folder)
                if entry.is_dir(follow_symlinks=False) and os.path.lexists(os.path.join(entry.path, "assignment.md"))
            )
        except OSError:
            found = []
        if len(found) > MAX_STEPS:
            self.fault("", f"more than {MAX_STEPS} steps; the rest is left out")
        return found[:MAX_STEPS]

    def _folder_of(self, entry: Table) -> str:
        """The folder with the scripts of an older challenge, which is named after its slug; '' if there is none."""
        slug = entry.get("slug")
        there = isinstance(slug, str) and re.fullmatch(r"[\w-]{1,100}", slug) and (self.folder / slug).is_dir()
        return str(slug) if there else ""

    def _machine(self, challenges: list[str]) -> tuple[str, str]:
        """The machine whose scripts are run, and the image that matches it."""
        config = self.yaml(CONFIG) if (self.folder / CONFIG).exists() else None
        machines: dict[str, str] = {}
        for kind in ("virtualmachines", "containers"):
            entries = (config or {}).get(kind)
            for entry in entries if isinstance(entries, list) else []:
                if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                    machines[entry["name"]] = one_line(str(entry.get("image", ""))).lower()
        scripted = {
            found[2]
            for folder in ["track_scripts", *challenges]
            for name in self._names(folder)
            if (found := _SCRIPT.fullmatch(name))
        }
        hosts = [name for name in machines if name in scripted] or sorted(scripted) or list(machines)
        if len(hosts) > 1:
            self.fault(
                "",
                f"it has several machines but there is only one lab; only the scripts of {one_line(hosts[0], 64)} are run",
                serious=False,
            )
        host = hosts[0] if hosts else ""
        image = machines.get(host, "")
        word = next((word for word in _DISTRIBUTIONS if word in image), "")
        fits = "".join(named_release(image[image.rindex(word) :])) if word else ""
        if not fits:
            self.fault(
                "",
                f'no image of ours fits "{image}"' if image else "it does not say which image its machine uses",
                serious=False,
                file=CONFIG,
            )
        return host, fits

    def _names(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self.folder / folder))[:MAX_STEPS]
        except OSError:
            return []

    def _script(self, folder: str, kind: str, plain: bool = False) -> Script | None:
        """The script of that kind.  ``plain``: unchanged, for people to read."""
        if not self.host:
            return None
        name = f"{folder}/{kind}-{self.host}"
        try:
            script = Script(name, read_text(self.folder, name, SCRIPT_LIMIT))
        except FileMissing:
            return None
        except FileRefused as refused:
            self.fault("", str(refused), file=name)
            return None
        if plain or script.interpreter.rsplit("/", 1)[-1] not in _SHELLS:
            return script
        return Script(name, "#!/bin/bash\n" + _PRELUDE + script.text)

    # -- one step ----------------------------------------------------------------------------

    def _challenge(self, folder: str, number: int) -> Step:
        file = f"{folder}/assignment.md"
        try:
            text = read_text(self.folder, file, TEXT_LIMIT)
        except FileRefused as refused:
            self.fault("", str(refused), file=file)
            return Step(number, f"Step {number}", "")
        found = _FRONT.match(text)
        front: object = {}
        try:
            front = parse(found[1] or "", is_yaml=True) if found else {}
        except FileRefused as refused:
            self.refused(refused, file=file, after=1)
        if found and not isinstance(front, dict):
            self.fault("", "its front matter is not a mapping of keys to values", file=file)
        if not found:
            self.fault("", "it has no front matter (lines between ---)", serious=False, file=file)
        self.index, before = file, self.index
        step = self._step(
            front if isinstance(front, dict) else {}, number, text[found.end() :] if found else text, folder, ""
        )
        self.index = before
        return step

    def _step(self, data: Table, number: int, text: str, folder: str, at: str) -> Step:
        inline = data.get("assignment")
        text = _readable(text or (many_lines(inline) if isinstance(inline, str) else "")).strip("\n")
        verify, solution = None, ""
        if data.get("type") == "quiz":
            text, solution = self._quiz(data, text, at)
        elif folder:
            verify = self._script(folder, "check")
        solve = self._script(folder, "solve") if folder else None
        plain = self._script(folder, "solve", plain=True) if solve is not None else None
        if plain is not None and plain.commands:
            solution = f"```\n{plain.commands}\n```"
        return Step(
            number,
            self.line(data, "title", at) or f"Step {number}",
            text,
            verify=verify,
            setup=self._script(folder, "setup") if folder else None,
            solve=solve,
            solution=solution,
            timeout=300,
        )

    def _quiz(self, data: Table, text: str, at: str) -> tuple[str, str]:
        """The text with the possible answers, and the correct answers."""
        answers, right = data.get("answers"), data.get("solution")
        if not isinstance(answers, list) or not all(isinstance(answer, (str, int, float)) for answer in answers):
            self.fault(at + "answers", "is not a list of strings")
            return text, ""
        said = [one_line(str(answer)) for answer in answers]
        numbers = (
            [n for n in right if isinstance(n, int) and not isinstance(n, bool) and 0 <= n < len(said)]
            if isinstance(right, list)
            else []
        )
        if not numbers:
            self.fault(at + "solution", "does not give the number of an answer (counting from 0)", serious=False)
        return text + "\n\n" + "\n".join(f"- {answer}" for answer in said), "\n".join(f"- {said[n]}" for n in numbers)
