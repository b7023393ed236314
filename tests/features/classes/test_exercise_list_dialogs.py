"""``!exercises``: what can be taught."""

from __future__ import annotations

import json

from tests.stage import CHANNEL, Stage


def put(stage: Stage, slug: str, **index: object) -> None:
    folder = stage.folder / "exercises" / slug
    folder.mkdir()
    (folder / "index.json").write_text(json.dumps({"details": {"steps": [{"title": "A", "text": "do it"}]}} | index))


def test_what_can_be_taught(stage: Stage) -> None:
    """Title, steps, minutes, image, and the next command of whoever asks; learners are answered privately."""
    row = "selinux: SE Linux for beginners (3 steps, debian)"
    assert stage.hear("alice", "!exercises") == [("alice", f"{row} | !sessions shows what is planned")]
    assert stage.hear("russell", "!exercises") == [(CHANNEL, f"russell: {row} | !start selinux teaches one now")]
    put(stage, "squid", title="Squid", minutes=90, image="windows")
    put(stage, "talk", title="A talk")
    stage.restart()
    (line,) = stage.whisper("olga", "exercises")
    assert "squid: Squid (1 step, 90 min, windows, no windows labs here) | talk: A talk (1 step, no labs)" in line
    assert line.endswith(" teaches one now, !session add plans one")
    assert stage.whisper("alice", "exercises SQUID")[0].startswith("squid: Squid (")
    assert stage.talk("alice", "!exercises foo") == [
        'alice: no exercise has "foo" in its title; !exercises lists them all'
    ]


def test_many_are_a_few_lines(stage: Stage) -> None:
    """The first ones, how many there are besides, and how to find them."""
    for number in range(60):
        put(stage, f"number-{number}", title=f"A title that is about as long as titles are, {number}")
    stage.restart()
    lines = stage.whisper("alice", "exercises")
    assert len(lines) == 3 and all(len(line.encode()) <= 400 for line in lines)
    shown = sum(line.count(" step") for line in lines)
    assert f"{61 - shown} more: !exercises WORDS searches their titles" in lines[-1]
