"""Classic Instruqt tracks are read, linted, and played where one machine is enough."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainbot.adapters.scenario_files.instruqt import load
from trainbot.adapters.scenario_files.library import load_library
from trainbot.cli.shared import cli
from trainbot.features.classes.lab_script import command, last_words
from trainbot.model.exercise import Script

TRACK = """slug: first-steps
id: abc
title: First steps
teaser: Look around.
description: |
  A track.

  In **two** parts.
level: beginner
timelimit: 3600
lab_config: {extend_ttl: 900}
"""
ASSIGNMENT = """---
slug: look
type: challenge
title: Look
notes:
- type: text
  contents: wait
tabs:
- title: Terminal
  type: terminal
  hostname: web
difficulty: basic
timelimit: 600
---
Make a file:

```
touch /root/x
```
"""
QUIZ = """---
type: quiz
title: Which?
answers: [Enforcing, 3, Permissive]
solution: [0]
---
Which mode?
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def track(folder: Path, **more: str) -> Path:
    return write(
        folder,
        **{
            "track.yml": TRACK,
            "config.yml": "version: '3'\nvirtualmachines:\n- name: web\n  image: debian-cloud/debian-12\n",
            "01-look/assignment.md": ASSIGNMENT,
            "01-look/check-web": "#!/bin/sh\r\nset -e\r\n[ -e /root/x ] || fail-message make /root/x\r\n",
            "01-look/solve-web": "touch /root/x\n",
            "02-quiz/assignment.md": QUIZ,
            "track_scripts/setup-web": "true\n",
        }
        | more,
    )


def test_a_track(tmp_path: Path) -> None:
    """Steps in order, scripts of the machine, quiz with its answers, an image that fits."""
    exercise, problems = load(track(tmp_path / "t"))
    assert problems == []
    assert (exercise.slug, exercise.title, exercise.image, exercise.minutes) == (
        "first-steps",
        "First steps",
        "debian12",
        60,
    )
    assert exercise.intro.text.endswith("In **two** parts.") and "true" in exercise.intro.setup.text
    look, quiz = exercise.steps
    assert look.text.startswith("Make a file") and look.solution == "```\ntouch /root/x\n```"
    assert look.verify.interpreter == "/bin/bash" and "\r" not in look.verify.text
    assert (
        quiz.text == "Which mode?\n\n- Enforcing\n- 3\n- Permissive"
        and quiz.solution == "- Enforcing"
        and quiz.verify is None
    )


def test_fail_message_and_variables_work_as_there() -> None:
    """Scripts find what Instruqt's machines have for them; what they fail with is told."""
    from trainbot.adapters.scenario_files.instruqt import _PRELUDE

    def run(text: str) -> tuple[int, str]:
        script = Script(
            "x",
            "#!/bin/bash\n"
            + _PRELUDE.replace("/opt/instruqt", "/tmp/instruqt-test").replace("/run/instruqt", "/tmp/instruqt-test")
            + text,
        )
        done = subprocess.run(
            ["sh", "-c", command(script, 20)], input=script.text, text=True, capture_output=True, timeout=30
        )
        return done.returncode, last_words(done.stdout)

    assert run("#!/bin/bash\nset -euxo pipefail\nfail-message 'Make the file first'\nexit 1\n") == (
        1,
        "Make the file first",
    )
    assert run(
        'agent variable set NAME "a b"\nbash -c "fail-message \\"$(agent variable get NAME)\\""\nset-workdir /x\n'
    ) == (0, "a b")


def test_an_older_track_has_its_scripts_in_folders_named_by_slug(tmp_path: Path) -> None:
    """They are played as those of today's tracks are; a slug that is a path is none."""
    index = "title: T\nchallenges:\n- slug: look\n  assignment: do\n- slug: ../t/look\n- slug: gone\n- slug: [look]\n"
    exercise, problems = load(
        write(
            tmp_path / "t",
            **{"track.yml": index, "look/check-web": "true", "look/solve-web": "touch /x\n", "look/setup-web": "true"},
        )
    )
    assert [(step.verify is not None, step.setup is not None, step.solution) for step in exercise.steps] == [
        (True, True, "```\ntouch /x\n```"),
        (False, False, ""),
        (False, False, ""),
        (False, False, ""),
    ]
    assert all(not problem.serious for problem in problems)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('open [button label="Web App" background="#444CE7"](tab-4) now', "open **Web App** now"),
        (
            '```\nhelm [[ Instruqt-Var key="APP_1" hostname="shell" ]]/x\n```',
            "```\nhelm $(cat /run/instruqt/APP_1)/x\n```",
        ),
        ("> [!NOTE]\n> look", "> **Note:**\n> look"),
        ("[button](x) [[ Instruqt-Var ]] [!NOTE]", "[button](x) [[ Instruqt-Var ]] [!NOTE]"),
        ('[[ Instruqt-Var key="a;reboot" ]]', '[[ Instruqt-Var key="a;reboot" ]]'),
    ],
)
def test_what_only_their_page_can_show_is_said_in_words(tmp_path: Path, text: str, shown: str) -> None:
    """Buttons are their labels, variables the command that prints them in the lab, callouts begin with what they are."""
    exercise, _ = load(track(tmp_path / "t", **{"01-look/assignment.md": f"---\ntitle: A\n---\n{text}"}))
    assert exercise.steps[0].text == shown


def test_an_older_track_has_its_challenges_inside(tmp_path: Path) -> None:
    """Texts without scripts: a lecture."""
    exercise, _ = load(
        write(tmp_path, **{"track.yml": "title: T\nchallenges:\n- title: A\n  assignment: |\n    do\n- 3\n"})
    )
    assert [(step.title, step.text) for step in exercise.steps] == [("A", "do"), ("Step 2", "")]


FAULTS = [
    ({"track.yml": "title: ["}, "t/track.yml: line 2", 1),
    ({"track.yml": "- a\n"}, "t/track.yml: is not a mapping of keys to values", 1),
    ({"01-look/assignment.md": "---\ntitle: [\n---\nx"}, "t/01-look/assignment.md: line 3", 1),
    ({"01-look/assignment.md": "---\ntitle: a\nslug: *x\n---\nx"}, "t/01-look/assignment.md: line 3: aliases", 1),
    ({"01-look/assignment.md": "no front"}, "t/01-look/assignment.md: it has no front matter", 0),
    (
        {"02-quiz/assignment.md": "---\ntype: quiz\n---\n"},
        "t/02-quiz/assignment.md: answers: is not a list of strings",
        1,
    ),
    (
        {"config.yml": "virtualmachines:\n- name: web\n  image: windows-11\n"},
        't/config.yml: no image of ours fits "windows-11"',
        0,
    ),
    ({"01-look/check-db": "x"}, "t/track.yml: it has several machines", 0),
]


@pytest.mark.parametrize(("files", "said", "code"), FAULTS)
def test_faults_are_named(tmp_path: Path, files: dict, said: str, code: int, capsys: pytest.CaptureFixture) -> None:
    """Each with its file and line or key; exit code 1 only for what has to be mended."""
    if "01-look/check-db" in files:
        files = {**files, "config.yml": "containers:\n- name: web\n  image: debian\n- name: db\n  image: debian\n"}
    track(tmp_path / "t", **files)
    assert cli.main(["exercise", "check", str(tmp_path / "t")], standalone_mode=False) == code
    assert said in capsys.readouterr().out


def test_check_takes_any_number_of_paths(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Folders of many, of one, and an index itself; one that holds nothing is a fault."""
    track(tmp_path / "many" / "a")
    write(
        tmp_path / "many" / "b", **{"index.json": json.dumps({"title": "B", "details": {"steps": [{"text": "x y"}]}})}
    )
    (tmp_path / "none").mkdir()
    paths = [str(tmp_path / name) for name in ("many", "many/a", "many/b/index.json")]
    no_ini = ["-c", str(tmp_path / "bot.ini")]
    assert cli.main(["exercise", "check", *paths, *no_ini], standalone_mode=False) == 0
    assert capsys.readouterr().out == "4 exercises, 0 problems\n"
    assert (
        cli.main(["exercise", "check", *paths, str(tmp_path / "none"), str(tmp_path / "away")], standalone_mode=False)
        == 1
    )
    assert "there is no such folder" in capsys.readouterr().out


def test_no_script_leaves_the_folder(tmp_path: Path) -> None:
    """A check that is a link out of the track is refused, a folder that is one is not looked into."""
    (tmp_path / "secret").write_text("SECRET")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "assignment.md").write_text("SECRET")
    home = track(tmp_path / "t")
    (home / "01-look" / "check-web").unlink()
    (home / "01-look" / "check-web").symlink_to(tmp_path / "secret")
    (home / "03-x").symlink_to(tmp_path / "out")
    os.mkfifo(home / "01-look" / "setup-web")
    exercise, problems = load(home)
    assert "SECRET" not in repr(exercise) and len(exercise.steps) == 2 and len(problems) == 2


yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["quiz", "web", "../x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "slug",
    "title",
    "teaser",
    "description",
    "timelimit",
    "challenges",
    "type",
    "answers",
    "solution",
    "assignment",
    "name",
    "image",
    "virtualmachines",
    "containers",
]
tables = st.dictionaries(st.sampled_from(KEYS), yaml_values, max_size=5).map(json.dumps) | st.text(max_size=30)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables, tables, tables)
def test_no_track_makes_a_traceback(tmp_path: Path, index: str, config: str, front: str) -> None:
    """Whatever stands in its files: an exercise or None, and sentences of one line."""
    for name, text in (
        ("track.yml", index),
        ("config.yml", config),
        ("01-a/assignment.md", f"---\n{front}\n---\nx"),
        ("01-a/check-web", "x"),
    ):
        path = tmp_path / "t" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
    exercise, problems = load(tmp_path / "t")
    assert exercise is not None or problems
    repr(exercise).encode()
    assert all("\n" not in str(problem) for problem in problems)


# -- Katacoda's assets -----------------------------------------------------------------------------------


def with_assets(folder: Path, entries: object, **files: str):
    for name, text in files.items():
        path = folder / "assets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "index.json").write_text(
        json.dumps({"title": "T", "details": {"steps": [{"text": "x y"}], "assets": {"host01": entries}}})
    )
    library = load_library(folder)
    return next(iter(library.exercises.values())).assets, library.problems


def test_assets_are_put_into_the_lab(tmp_path: Path) -> None:
    """Byte for byte, where they are wanted, with the mode that is wanted; run twice without harm."""
    (tmp_path / "e").mkdir()
    there = tmp_path / "lab dir"
    script, problems = with_assets(
        tmp_path / "e",
        [
            {"file": "*.sh", "target": f"{there}/bin", "chmod": "+x"},
            {"file": "site/**", "target": f"{there}"},
            {"file": "it's", "target": str(there)},
        ],
        **{"a.sh": "#!/bin/sh\necho 'hi'\n", "b.txt": "b", "site/x/index.html": "é\n", "it's": ""},
    )
    assert problems == ()
    for _ in range(2):
        subprocess.run(["sh", "-c", command(script, 20)], input=script.text, text=True, check=True, timeout=30)
    assert subprocess.run([f"{there}/bin/a.sh"], capture_output=True, text=True).stdout == "hi\n"
    assert (there / "site/x/index.html").read_text() == "é\n" and (there / "it's").read_text() == ""
    assert sorted(path.name for path in there.rglob("*") if path.is_file()) == ["a.sh", "index.html", "it's"]


@pytest.mark.parametrize(
    ("entry", "serious"),
    [
        (3, True),
        ({"file": "no.sh"}, False),
        ({}, False),
        ({"file": "../../secret", "target": "/x"}, False),
        ({"file": "a", "target": "relative"}, True),
        ({"file": "a", "target": "/x/../../etc"}, True),
        ({"file": "a", "target": "/x", "chmod": "+x; rm -rf /"}, True),
        ({"file": "link", "target": "/x"}, True),
        ({"file": "big", "target": "/x"}, True),
    ],
)
def test_assets_that_are_none(tmp_path: Path, entry: object, serious: bool) -> None:
    """One sentence each; nothing from outside of the folder, nothing that a shell would read."""
    home = tmp_path / "e"
    (home / "assets").mkdir(parents=True)
    (tmp_path / "secret").write_text("SECRET")
    (home / "assets" / "link").symlink_to(tmp_path / "secret")
    script, problems = with_assets(home, [entry], a="a", big="x" * (9 << 20))
    assert script is None or "rm -rf" not in script.text
    assert [problem.serious for problem in problems] == [serious]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("debian-cloud/debian-12-bookworm-v20250610", "debian12"),
        ("ubuntu-os-cloud/ubuntu-minimal-2004-lts", "ubuntu2004"),
        ("rhel-cloud/rhel-9", "rhel9"),
        ("rocky-linux-cloud/rocky-linux-9-optimized-gcp", "rocky9"),
        ("almalinux-cloud/almalinux-9", "almalinux9"),
        ("centos-cloud/centos-stream-9", "centos9"),
        ("ubuntu", "ubuntu"),
        ("ubuntu:22.04", "ubuntu2204"),
        ("me/instruqt-debian", "debian"),
    ],
)
def test_the_image_is_the_release_of_its_machine(tmp_path: Path, theirs: str, ours: str) -> None:
    """Which image stands in for it where it is not here is decided, and said, there."""
    exercise, _problems = load(
        track(tmp_path / "t", **{"config.yml": f"virtualmachines:\n- name: web\n  image: {theirs}\n"})
    )
    assert exercise.image == ours
