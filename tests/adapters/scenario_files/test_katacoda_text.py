"""What public scenarios write for their own pages, as others see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.adapters.markdown.html import to_html
from trainbot.adapters.markdown.irc_lines import render_step
from trainbot.adapters.markdown.lab_ports import Surroundings
from trainbot.adapters.scenario_files import katacoda
from trainbot.adapters.scenario_files.assets import MOST
from trainbot.adapters.scenario_files.katacoda_text import converted, minutes_of, title_of

HERE = Surroundings("https://example.org/handouts/x.html", "debian@lab.example.org", 2222)
SSH = "`ssh -p 2222 -L {}:localhost:{} debian@lab.example.org`, then http://localhost:{}/"
WEB = "https://[[HOST_SUBDOMAIN]]-80-[[KATACODA_HOST]].environments.katacoda.com/"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Open {{TRAFFIC_HOST1_80}}.", f"Open port 80 of your lab ({SSH.format(8080, 80, 8080)})."),
        ("[the page]({{TRAFFIC_HOST1_80}}/a_b)", f"the page (port 80 of your lab: {SSH.format(8080, 80, 8080)}a_b)"),
        (f"Open {WEB}a?b=c.", f"Open port 80 of your lab ({SSH.format(8080, 80, 8080)}a?b=c)."),
        (
            "https://[[HOST_SUBDOMAIN]]-30060-[[KATACODA_HOST]].[[KATACODA_DOMAIN]]/",
            f"port 30060 of your lab ({SSH.format(30060, 30060, 30060)})",
        ),
        (
            "Open [it](http://[[HOST2_SUBDOMAIN]]-80-[[KATACODA_HOST]].[[KATACODA_DOMAIN]]/?a=b)",
            f"Open it (port 80 of your lab: {SSH.format(8080, 80, 8080)}?a=b)",
        ),
        (f'<a href="{WEB}">it</a>', f"it: port 80 of your lab ({SSH.format(8080, 80, 8080)})"),
        ("http://[[HOST_IP]]:3000", f"port 3000 of your lab ({SSH.format(3000, 3000, 3000)})"),
        ("{{TRAFFIC_SELECTOR}}", f"a port of your lab ({SSH.format(8080, 'PORT', 8080)})"),
        (
            "{{TRAFFIC_HOST1_80}} and again {{TRAFFIC_HOST1_80}}",
            f"port 80 of your lab ({SSH.format(8080, 80, 8080)}) and again http://localhost:8080/ (port 80 of your lab)",
        ),
        ("ping [[HOST_IP]], `curl [[HOST2_IP]]:81`", "ping localhost, `curl localhost:81`"),
        ("`curl {{TRAFFIC_HOST1_8000}}/x`{{exec}}", "`curl http://localhost:8000/x`"),
        (f"```\ncurl {WEB}\n```", "    curl http://localhost/"),
        ("![how it works](./assets/a.png)", "[how it works] (https://example.org/handouts/x.html)"),
        ('<img src="../b.png" alt="a map">', "[a map] (https://example.org/handouts/x.html)"),
        ("![](https://x.org/c.png)", "[picture] (https://x.org/c.png)"),
        ("{{ .Values.x }} [[ -f x ]] [[UUID]]", "{{ .Values.x }} [[ -f x ]] [[UUID]]"),
    ],
)
def test_a_port_of_the_lab_and_a_picture(text: str, line: str) -> None:
    """The way to it that works with our gateway, once; in code, which runs in the lab, the lab's own address."""
    assert render_step("", converted(text), 0, plain=True, around=HERE) == [line]


def test_where_nobody_logs_in_the_option_alone_is_said() -> None:
    """In a preview, or without an image."""
    assert render_step("", converted("{{TRAFFIC_HOST1_80}}"), 0, plain=True) == [
        "port 80 of your lab (add `-L 8080:localhost:80` to your lab's ssh command, then http://localhost:8080/)"
    ]


def test_the_page_says_the_same() -> None:
    """With the command as code, and nothing of the variable left."""
    page = to_html(converted("[it]({{TRAFFIC_HOST1_80}})\n\n```\ncurl {{TRAFFIC_HOST1_81}}\n```"), HERE)
    assert "<code>ssh -p 2222 -L 8080:localhost:80 debian@lab.example.org</code>" in page
    assert "curl http://localhost:81" in page and "lab-port" not in page and "TRAFFIC" not in page


def test_a_quiz_does_not_show_its_answer() -> None:
    """Katacoda marks the right choice in the text itself."""
    text = ">>Q1: which?<<\n( ) this\n(*) that\n[*] those\n\n>>Q2: what?<<\n=== secret"
    assert converted(text) == ">>Q1: which?<<\n( ) this\n( ) that\n[ ] those\n\n>>Q2: what?<<\n"
    assert converted("a\n(*) b\n=== c") == "a\n(*) b\n=== c"


@pytest.mark.parametrize(
    ("title", "text", "said"),
    [
        ("Step 3", "# Hello *you*\n\nx", "Hello you"),
        ("step3.md", "Setup\n=====\n", "Setup"),
        ("", "## Step 1: Install `x` ##\n", "Install x"),
        ("Step 3 - Start it", "# Other", "Start it"),
        ("Step 12 Go", "", "Go"),
        ("1. Install", "", "Install"),
        ("Step 2", "# Step 2", "Step 9"),
        ("", "no heading\n\n# later", "Step 9"),
        ("2 nodes are better", "", "2 nodes are better"),
        ("10 things", "", "10 things"),
    ],
)
def test_a_number_is_no_title(title: str, text: str, said: str) -> None:
    """The heading of the text is, if there is one."""
    assert title_of(title, text, 9) == said


@given(st.text(st.sampled_from("{}[]<>()# \n:/-_.aHOSTIP_TRAFFIC10`\"'=")), st.text(max_size=20))
def test_any_text_can_be_shown(text: str, title: str) -> None:
    """Whatever stands in brackets."""
    render_step("", converted(text), 0, around=HERE)
    to_html(converted(text), HERE)
    assert title_of(title, text, 1) or not title.strip()


@pytest.mark.parametrize(
    "text",
    [
        "{{TRAFFIC_HOST1_" * 4000,
        "[[HOST" * 10000,
        '<a href="lab-port:{{' * 3000,
        "# " + "[](" * 20000,
        "lab-port:80/" * 5000,
    ],
)
def test_hostile_text_is_shown(text: str) -> None:
    """64 KiB of beginnings."""
    assert render_step("", converted(text), 6, around=HERE) and title_of("", text, 1)


# -- an exercise's own files -----------------------------------------------------------------------------


def files_of(folder: Path, assets: object, **sizes: int):
    """(script, problems) of an exercise with these files."""
    (folder / "assets").mkdir()
    for name, size in sizes.items():
        (folder / "assets" / name).write_bytes(b"x" * size)
    (folder / "index.json").write_text(json.dumps({"title": "T", "details": {"steps": [], "assets": assets}}))
    found, problems = katacoda.load(folder)
    return found.assets, [str(problem) for problem in problems if problem.serious]


def test_a_file_that_is_wanted_twice_is_sent_once(tmp_path: Path) -> None:
    """By two machines, by two patterns, to two places."""
    wanted = [{"file": "*", "target": "/a"}, {"file": "big", "target": "/b", "chmod": "+x"}]
    script, problems = files_of(tmp_path, {"host01": wanted, "host02": wanted}, big=MOST - 10, small=10)
    assert problems == [] and script.text.count("base64 -d") == 2
    assert script.text.splitlines().count("cp /a/big /b/big") == 1 and "chmod +x /b/big" in script.text


def test_files_that_are_too_large_are_named(tmp_path: Path) -> None:
    """The largest, with its size; the others are there."""
    script, (problem,) = files_of(tmp_path, {"host01": [{"file": "*"}]}, big=MOST - 10, small=4096)
    assert problem.endswith(
        "details.assets.host01[1].file: all files together have 8.0 MiB, and the limit is 8.0 MiB: leave out or shrink "
        "the largest, big (8.0 MiB)"
    )
    assert "/root/small" in script.text and "/root/big" not in script.text


@pytest.mark.parametrize(
    ("time", "minutes"),
    [
        ("30 minutes", 30),
        ("5-10 minutes", 10),
        ("10 \u2013 15 min", 15),
        ("10 to 15 mins.", 15),
        ("15m", 15),
        ("~20 Min", 20),
        ("about 20 minutes", 20),
        ("45+ minutes", 45),
        ("1 hour", 60),
        ("1.5 hours", 90),
        ("1,5 h", 90),
        ("1-2 hours", 120),
        ("1 hour 30 minutes", 90),
        ("1h30", 90),
        ("1:30", 90),
        ("00:15:00", 15),
        ("90 seconds", 2),
        ("25", 25),
        (25, 25),
        (12.5, 12),
        ("", None),
        (None, None),
        (True, None),
        ([10], 10),
        ("a few minutes", None),
        ("0 minutes", None),
        ("3 days", None),
        ("10 minutes, 20 minutes", None),
        (0.5, 1),
        ("2021", None),
        (10**30, None),
        (1e300, None),
        (float("nan"), None),
    ],
)
def test_how_long_it_takes(time: object, minutes: int | None) -> None:
    """As public scenarios write it; what says nothing is nothing."""
    assert minutes_of(time) == minutes


@given(st.one_of(st.text(), st.integers(), st.floats(), st.lists(st.text()), st.from_regex(r"[0-9hms :.,-]{0,20}")))
def test_any_time(time: object) -> None:
    """Nothing raises, and what is found fits in a day."""
    assert minutes_of(time) in (None, *range(1, 24 * 60 + 1))


def test_the_time_of_a_scenario(tmp_path: Path) -> None:
    """``time`` is how long it takes, unless ``minutes`` says it."""
    for more, minutes in (({}, None), ({"time": "5-10 minutes"}, 10), ({"time": "1 hour", "minutes": 45}, 45)):
        (tmp_path / "index.json").write_text(json.dumps({"title": "T", "details": {"steps": []}, **more}))
        exercise, problems = katacoda.load(tmp_path)
        assert exercise is not None and exercise.minutes == minutes and problems == []
