"""A class whose exercise has scripts: files, setups, checks, solves, a hint that looks into the lab."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.stage import Stage

INDEX = {
    "title": "Scripts",
    "image": "debian",
    "details": {
        "intro": {"title": "Hello", "text": "say hello to all", "background": "#!/bin/sh\nintro"},
        "steps": [
            {
                "title": "One",
                "text": "do the first thing",
                "verify": "#!/bin/sh\nverify1",
                "solve": "#!/bin/sh\nsolve1",
                "background": "#!/bin/sh\nsetup1",
            },
            {
                "title": "Two",
                "text": "do the second thing",
                "verify": "#!/bin/sh\nverify2",
                "solve": "#!/bin/sh\nsolve2",
                "hint": "hint.sh",
                "timeout": 90,
            },
            {"title": "Three", "text": "do the third thing", "background": "#!/bin/sh\nsetup3"},
            {"title": "Four", "text": "do the fourth thing", "verify": "#!/bin/sh\nverify4"},
        ],
    },
}


def names(scripts: list[str]) -> list[str]:
    """The last line of each."""
    return [script.splitlines()[-1] for script in scripts]


def teach_scripts(stage: Stage, index: dict) -> None:
    """Restarts the bot with the exercise ``scripts``, described by ``index``; its hosts are up."""
    folder = stage.folder / "exercises" / "scripts"
    folder.mkdir()
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "hint.sh").write_text("#!/bin/sh\nhint")
    stage.restart()
    for host in stage.hosts:
        stage.host_up(host)


@pytest.fixture
def played(stages: Callable[..., Stage]) -> Callable[..., Stage]:
    """played(labs=…, people=…): a class of that exercise at the introduction, in which these people have labs."""

    def make(
        people: tuple[str, ...] = ("alice", "bob"), change: Callable[[dict], None] | None = None, **settings: object
    ) -> Stage:
        stage = stages(**settings)
        index = json.loads(json.dumps(INDEX))
        if change is not None:
            change(index)
        teach_scripts(stage, index)
        for nick in people:
            if nick not in stage.net.people:
                stage.join(nick, account=nick)
        stage.talk("russell", "!start scripts")
        for nick in people:
            stage.talk(nick, "!lab debian")
        stage.hosts_work()
        return stage

    return make
