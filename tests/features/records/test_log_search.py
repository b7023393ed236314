"""``trainbot log search``: questions, answers and what was kept of classes, beside the running bot."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from tests.stage import Stage
from trainbot.cli.records import log_search
from trainbot.ops.log import search


@pytest.fixture
def talked(stages: Callable[..., Stage]) -> Stage:
    """A class in which there was talk, questions and an answer."""
    stage = stages(log="yes")
    stage.talk("russell", "!start")
    stage.talk("alice", "!ask why is port 11371 taken?")
    stage.talk("hannah", "!answer 1 semanage port -m changes it")
    stage.whisper("bob", "ask anonymously may I use semanage?")
    stage.talk("bob", "I tried semanage and squid is happy")
    stage.talk("carol", "[nolog] semanage is my nickname")
    return stage


def test_found_everywhere(talked: Stage) -> None:
    """Questions first, then talk; the best first; who, when, where; [nolog] nowhere."""
    value, lines = search(talked.config, "semanage port", 10)
    assert lines == [
        "question 1 2026-11-27 08:00 #class alice: why is port 11371 taken? → semanage port -m changes it (class 1)",
        "question 2 2026-11-27 08:00 #class bob anonymously: may I use semanage? → open (class 1)",
        "said 2026-11-27 08:00 #class bob: I tried semanage and squid is happy (class 1)",
    ]
    assert value["found"][0] == {
        "kind": "question",
        "number": 1,
        "class": 1,
        "channel": "#class",
        "at": "2026-11-27T08:00:00+00:00",
        "nick": "alice",
        "anonymous": False,
        "step": 0,
        "state": "answered",
        "text": "why is port 11371 taken?",
        "answer": "semanage port -m changes it",
    }
    assert len(search(talked.config, "semanage port", 1)[1]) == 2


def test_typos_in_talk(talked: Stage) -> None:
    """Words that were only said in the channel are known, too."""
    assert search(talked.config, "sqiud hapyp", 10)[1] == [
        'no match for "sqiud": searched for "squid" instead',
        'no match for "hapyp": searched for "happy" instead',
        "said 2026-11-27 08:00 #class bob: I tried semanage and squid is happy (class 1)",
    ]


def test_in_the_shell(talked: Stage) -> None:
    """Lines for people, JSON for programs, a sentence where nothing is found; nothing of a query is syntax."""

    def run(*words: str) -> str:
        ran = CliRunner().invoke(log_search, [*words, "-c", str(talked.folder / "bot.ini")], standalone_mode=False)
        assert ran.exception is None
        return ran.output

    assert run("happy").startswith("said 2026-11-27 08:00 #class bob")
    assert json.loads(run("happy", "--json"))["found"][0]["kind"] == "said"
    for nothing in ("kubernetes", '"', "NEAR(a b)", "words:x", "*"):
        assert run(nothing) == "nothing found\n"
