"""Reading exercises: everything public loads, every fault is a sentence, nothing leads out of the folder."""

from __future__ import annotations

import json
import os
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainbot.adapters.scenario_files import katacoda
from trainbot.adapters.scenario_files.library import load_library
from trainbot.core.errors import UserError
from trainbot.model.exercise import Exercise, ExerciseProblem, Script


def write(folder: Path, index: object, name: str = "index.json", **files: str | bytes) -> Path:
    """An exercise's folder; in file names two underscores stand for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(index if isinstance(index, str) else json.dumps(index))
    for file, content in files.items():
        (folder / file.replace("__", ".")).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def load(folder: Path) -> tuple[Exercise | None, list[ExerciseProblem]]:
    return katacoda.load(folder)


def one_step(folder: Path, step: object, **files: str | bytes):
    exercise, problems = load(write(folder, {"title": "T", "details": {"steps": [step]}}, **files))
    return exercise.steps[0], problems


def test_all_keys_are_read(tmp_path: Path) -> None:
    """Katacoda's keys and ours end up where the model says."""
    index = {
        "title": " A\ntitle ",
        "description": "D",
        "image": "debian",
        "second_image": "centos",
        "permissive": True,
        "minutes": 90,
        "solution_after": 3,
        "backend": {"imageid": "ubuntu"},
        "details": {
            "intro": {"title": "I", "text": "a.md", "background": "s.sh", "foreground": "s.sh"},
            "steps": [
                {
                    "title": "S",
                    "text": "a.md",
                    "verify": "s.sh",
                    "background": "s.sh",
                    "foreground": "s.sh",
                    "solve": "s.sh",
                    "hints": ["a hint", "a.md"],
                    "solution": "a.md",
                    "timeout": 9,
                }
            ],
            "finish": {"text": "a.md"},
        },
    }
    exercise, problems = load(
        write(tmp_path / "My Exercise_1", index, a__md="# hi\r\nthere\r\n", s__sh="#!/bin/sh\r\ntrue\r\n")
    )
    script = Script("s.sh", "#!/bin/sh\ntrue\n")
    assert problems == []
    assert (exercise.slug, exercise.title, exercise.image, exercise.permissive) == (
        "my-exercise-1",
        "A title",
        "debian",
        True,
    )
    assert exercise.second_image == "centos"
    assert (exercise.minutes, exercise.solution_after) == (90, timedelta(minutes=3))
    assert (exercise.intro.title, exercise.intro.text, exercise.intro.setup, exercise.intro.foreground) == (
        "I",
        "# hi\nthere",
        script,
        script,
    )
    step = exercise.steps[0]
    assert (step.number, step.title, step.text, step.verify, step.setup, step.foreground, step.solve) == (
        1,
        "S",
        "# hi\nthere",
        script,
        script,
        script,
        script,
    )
    assert (step.hints, step.solution, step.timeout) == (("a hint", "# hi\nthere"), "# hi\nthere", 9)
    assert exercise.finish.title == "Finish"


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (
            {"image": "debian", "second_image": "debian"},
            "is debian, the same as image; choose another one or leave it out",
        ),
        ({"second_image": "centos"}, "needs image as well: the image of the labs that scripts run in"),
        ({"image": "debian", "second_image": {"centos": 1}}, "is not a string"),
        ({"image": "debian", "second_image": [["centos"]]}, "is not a string"),
        (
            {"image": "debian", "second_image": ["debian"]},
            "is debian, the same as image; choose another one or leave it out",
        ),
    ],
)
def test_a_second_image_is_another(tmp_path: Path, index: dict, said: str) -> None:
    """One that cannot be meant is named, and left out."""
    exercise, problems = load(write(tmp_path / "x", {**index, "details": {"steps": [{}]}}))
    assert exercise.second_image == ""
    assert [(p.where, p.text) for p in problems if p.serious] == [("second_image", said)]


@pytest.mark.parametrize(
    ("index", "step", "second", "faults"),
    [
        ({"second_image": "centos"}, {"second_lab": True}, True, []),
        ({"second_image": ["centos", "trixie"]}, {"second_lab": False}, False, []),
        (
            {},
            {"second_lab": True},
            False,
            [("details.steps[1].second_lab", "needs second_image: the image of that lab")],
        ),
        (
            {"second_image": "centos"},
            {"second_lab": "yes"},
            False,
            [("details.steps[1].second_lab", "is neither true nor false")],
        ),
        (
            {"second_image": "centos"},
            {"second_lab": True, "background": "#!/bin/sh\ntrue"},
            True,
            [("details.steps[1].background", "is not run, because the step is done in the second lab")],
        ),
    ],
)
def test_a_step_may_be_one_of_the_second_lab(
    tmp_path: Path, index: dict, step: dict, second: bool, faults: list
) -> None:
    """Of a second image that the exercise has; nothing is prepared there."""
    said = {"image": "debian", **index, "details": {"steps": [{"title": "A", "verify": "#!/bin/sh\ntrue", **step}]}}
    (tmp_path / "index.json").write_text(json.dumps(said))
    exercise, problems = katacoda.load(tmp_path)
    assert (
        exercise is not None
        and [(p.where, p.text) for p in problems if "second" in p.text or "neither" in p.text] == faults
    )
    assert exercise.steps[0].second_lab is second
    assert (exercise.in_first_lab().steps[0].verify is None) is second
    assert exercise.image_of(1) == (exercise.second_image if second else "debian") and exercise.image_of(0) == "debian"


def test_second_images_to_choose_from(tmp_path: Path) -> None:
    """Several are kept in their order; the first is meant until somebody knows which are here."""
    index = {"image": "debian", "second_image": ["centos", "trixie"], "details": {"steps": [{}]}}
    exercise, problems = load(write(tmp_path / "x", index))
    assert (exercise.second_image, exercise.second_choices) == ("centos", ("centos", "trixie"))
    assert not [problem for problem in problems if problem.serious]


@pytest.mark.parametrize("index", [{}, {"details": {}}, {"details": None}, {"details": {"steps": []}}, {"title": None}])
def test_a_scenario_may_have_no_steps(tmp_path: Path, index: dict) -> None:
    """Public scenarios without steps or titles load, without a serious problem."""
    exercise, problems = load(write(tmp_path / "bare", index))
    assert (exercise.title, exercise.steps) == ("bare", ())
    assert not any(problem.serious for problem in problems)


def test_missing_texts_titles_and_old_names(tmp_path: Path) -> None:
    """A missing text is empty, a missing title is the number, code and courseData are what they were."""
    step, problems = one_step(tmp_path, {"text": "gone.md", "code": "a.sh", "courseData": "b.sh"}, a__sh="a", b__sh="b")
    assert (step.title, step.text, step.foreground.text, step.setup.text) == ("Step 1", "", "a", "b")
    assert [(p.where, p.serious) for p in problems] == [("details.steps[1].text", False)]


@pytest.mark.parametrize("verify", ["test -e /x", "#!/bin/sh\ntrue", "a\r\nb"])
def test_a_script_may_stand_in_the_index(tmp_path: Path, verify: str) -> None:
    """More than one word that is no file's name is the script itself."""
    step, problems = one_step(tmp_path, {"verify": verify})
    assert step.verify.text == verify.replace("\r\n", "\n") + "\n" and problems == []


def test_a_script_that_is_not_there_is_serious(tmp_path: Path) -> None:
    """A check that can never run has to be mended."""
    step, problems = one_step(tmp_path, {"verify": "verify.sh"})
    assert step.verify is None and [p.serious for p in problems] == [True]


def test_folded_hints_are_hints(tmp_path: Path) -> None:
    """What public texts hide in <details> can be asked for; written hints and solutions come first."""
    text = "x\n<details><summary>Tip 1</summary>\n\nlook\n</details>\n<details open>\n<summary>Solution</summary>\n`ls`\n</details>"
    step, _ = one_step(tmp_path, {"text": "a.md"}, a__md=text)
    assert (step.hints, step.solution) == (("look",), "`ls`")


def test_the_solution_is_made_from_solve(tmp_path: Path) -> None:
    """Without one written, the solution is what one would type."""
    step, _ = one_step(tmp_path, {"solve": "s.sh"}, s__sh="#!/bin/bash\n# why\nset -e\n\nls -Z\n  id\n")
    assert step.solution == "```\nls -Z\n  id\n```"


def test_killercoda_hint_script(tmp_path: Path) -> None:
    """A .sh hint is a script for the lab, an .md hint is a text."""
    step, _ = one_step(tmp_path / "a", {"hint": "h.sh"}, h__sh="echo $1")
    assert (step.hint_script.text, step.hints) == ("echo $1", ())
    step, _ = one_step(tmp_path / "b", {"hint": "h.md"}, h__md="look")
    assert (step.hint_script, step.hints) == (None, ("look",))


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "/etc/passwd",
        "a/../../secret",
        "..\\secret",
        "link",
        "linked/secret",
        "loop",
        "pipe",
        "folder",
        "a\0b",
        "x" * 5000,
        "big.sh",
    ],
)
@pytest.mark.parametrize("key", ["text", "verify", "solve", "hints"])
def test_no_path_leaves_the_folder(tmp_path: Path, key: str, name: str) -> None:
    """Outside, links, pipes, folders, huge files: refused in a sentence, nothing of them is read."""
    (tmp_path / "secret").write_text("SECRET")
    home = tmp_path / "home"
    (home / "folder").mkdir(parents=True)
    (home / "link").symlink_to(tmp_path / "secret")
    (home / "linked").symlink_to(tmp_path)
    (home / "loop").symlink_to("loop")
    os.mkfifo(home / "pipe")
    (home / "big.sh").write_bytes(b"x" * (1 << 20) + b"y")
    step, problems = one_step(home, {key: [name] if key == "hints" else name})
    assert "SECRET" not in repr(step) and step.verify is step.solve is None and not step.text
    assert len(problems) == 1 and "\n" not in str(problems[0])


def test_a_link_inside_the_folder_is_fine(tmp_path: Path) -> None:
    """Only where a link ends matters."""
    (tmp_path / "x.md").symlink_to("a.md")
    step, problems = one_step(tmp_path, {"text": "x.md"}, a__md="hi")
    assert step.text == "hi" and problems == []


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("index.json", "{\n x", "line 2"),
        ("index.json", "", "line 1"),
        ("index.json", "[" * 100_000, ""),
        ("index.json", "[]", ""),
        ("index.json", '{"a": ' + "9" * 5000 + "}", ""),
        ("index.json", " " * ((1 << 20) + 1), ""),
        ("index.yaml", "a: [", "line 2"),
        ("index.yaml", BOMB, "line 2"),
        ("index.yaml", "a: !!python/object:os.system x", "line 1"),
        ("index.yaml", "a: !!int ''", "line 1"),
        ("index.yaml", "a: 2001-99-99", ""),
        ("index.yaml", "[" * 5000, "line 1"),
        ("index.yaml", "- a\n" * 30_000, "line 1999"),
        ("index.yaml", "", ""),
        ("index.yaml", "? [a]\n: b", ""),
        ("index.yml", "a: =\nb: \tx", ""),
    ],
)
def test_an_unreadable_index_is_one_problem(tmp_path: Path, name: str, text: str, where: str) -> None:
    """Broken, deep, huge or hostile: one sentence with the line, in no time."""
    began = time.monotonic()
    exercise, problems = load(write(tmp_path / "x", text, name))
    assert exercise is None and len(problems) == 1 and problems[0].serious
    assert problems[0].where.startswith(where) and "\n" not in str(problems[0])
    assert time.monotonic() - began < 5


def test_json_with_a_comma_too_many_is_read(tmp_path: Path) -> None:
    """What browsers and YAML forgive is no reason to leave an exercise out; its place is named all the same."""
    (tmp_path / "index.json").write_text('{\n  "title": "T",\n  "details": {"steps": [{"text": "x y"},]},\n}')
    exercise, problems = katacoda.load(tmp_path)
    assert exercise.title == "T" and len(exercise.steps) == 1
    assert [(problem.where, problem.serious) for problem in problems] == [("line 3", False)]


def test_yaml_is_read_like_json(tmp_path: Path) -> None:
    """index.yaml is the same in another dress."""
    exercise, problems = load(
        write(
            tmp_path / "y",
            "title: T\npermissive: true\ndetails:\n  steps:\n  - title: S\n    text: a.md\n",
            "index.yaml",
            a__md="hi",
        )
    )
    assert (exercise.title, exercise.permissive, exercise.steps[0].text, problems) == ("T", True, "hi", [])


def test_a_slip_in_a_key_is_told(tmp_path: Path) -> None:
    """A key that is nearly ours is reported, somebody else's key is not."""
    _, problems = one_step(tmp_path, {"verfy": "x", "somebody-elses": 1})
    assert [str(p) for p in problems] == [
        f"{tmp_path.name}/index.json: details.steps[1].verfy: is not a known key; did you mean verify?"
    ]


def test_too_many_steps_are_cut(tmp_path: Path) -> None:
    """There are at most 200 steps, and a problem says that there were more."""
    exercise, problems = load(write(tmp_path, {"details": {"steps": [{}] * 1000}}))
    assert len(exercise.steps) == 200 and len(problems) == 1


def test_odd_bytes_are_cleaned(tmp_path: Path) -> None:
    """Latin-1, a byte order mark, control characters and lone surrogates reach nobody."""
    exercise, _ = load(
        write(
            tmp_path,
            '{"title": "a\\u0002b\\ud800c", "details": {"steps": [{"text": "a.md"}, {"text": "b.md"}]}}',
            a__md=b"caf\xe9\x1b[31m\0",
            b__md="\ufeffx".encode(),
        )
    )
    assert (exercise.title, [s.text for s in exercise.steps]) == ("abc", ["café", "x"])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["a.md", "../x", "/etc/passwd", "index.json", ".", "..", "", "~", "a b", "#!/x", "x.sh"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=5)
            | st.sampled_from(sorted(katacoda._TOP | katacoda._STEP | {"steps", "intro", "finish"})),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)
steps = st.lists(
    st.dictionaries(st.sampled_from(sorted(katacoda._STEP)), json_values, max_size=5) | json_values, max_size=4
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    json_values
    | st.fixed_dictionaries(
        {"details": st.fixed_dictionaries({"steps": steps, "intro": json_values})},
        optional={"title": json_values, "minutes": json_values, "permissive": json_values, "backend": json_values},
    )
)
def test_no_index_makes_a_traceback(tmp_path: Path, index: object) -> None:
    """Whatever stands in an index, the answer is an exercise or None, and sentences."""
    exercise, problems = load(write(tmp_path / "h", index, a__md="hi"))
    assert exercise is not None or problems
    repr(exercise).encode()
    assert all("\n" not in str(problem) for problem in problems)


def test_a_broken_exercise_hides_no_other(tmp_path: Path) -> None:
    """The library holds what can be read, and all problems."""
    write(tmp_path / "one", {"title": "First one"})
    write(tmp_path / "broken", "{")
    write(tmp_path / "course" / "two", {"title": "Second one"})
    write(tmp_path / "other" / "two", {"title": "Second again"})
    library = load_library(tmp_path)
    assert list(library.exercises) == ["two", "one", "other-two"]
    assert any(p.file == "broken/index.json" and p.serious for p in library.problems)
    assert load_library(tmp_path / "nowhere").problems


def test_finding_by_name_or_words(tmp_path: Path) -> None:
    """A slug, its beginning or words of the title find one; else the answer says what there is."""
    write(tmp_path / "selinux-debian", {"title": "SE Linux on Debian"})
    write(tmp_path / "selinux-squid", {"title": "Squid and SE Linux"})
    library = load_library(tmp_path)
    for words in ("selinux-debian", "SELINUX-D", "selinux d", "linux debian", "on  Debian"):
        assert library.find(words).slug == "selinux-debian"
    for words, said in (
        ("linux", "which one: selinux-debian, selinux-squid?"),
        ("selinux-sqiud", "no exercise with that name; did you mean selinux-squid?"),
        ("x", "no exercise with that name (available: selinux-debian, selinux-squid)"),
        ("inux", "no exercise with that name"),
        ("", "no exercise with that name (available: selinux-debian, selinux-squid)"),
    ):
        with pytest.raises(UserError, match=re.escape(said)):
            library.find(words)


def test_reload_reads_only_what_changed(tmp_path: Path) -> None:
    """An unchanged exercise is the same object after a reload, a changed one is new."""
    write(tmp_path / "a", {"title": "A"})
    write(tmp_path / "b", {"title": "B"}, a__md="x")
    first = load_library(tmp_path)
    write(tmp_path / "b", {"title": "B, changed"})
    second = load_library(tmp_path, first)
    assert second.exercises["a"] is first.exercises["a"]
    assert second.exercises["b"].title == "B, changed"
