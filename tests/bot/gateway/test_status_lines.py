"""What stands above a learner's screen in the lab."""

from __future__ import annotations

from tests.stage import Stage
from trainbot.bot.gateway.status_lines import IDLE


def above(stage: Stage) -> dict[str, str]:
    """nick -> the line."""
    with stage.store.transaction():
        lines = stage.wiring.status_lines(stage.now)
        return {
            stage.store.people.get(lease.person_id).nick: lines[str(lease.id)]["line"]
            for lease in stage.store.leases.open()
        }


def test_the_line_says_where_the_class_is_and_where_you_are(stage: Stage) -> None:
    """Nothing runs; somebody who is not in the class; somebody who is, behind and abreast; stuck; the end."""
    stage.talk("alice", "!lab debian")
    assert above(stage) == {"alice": IDLE}
    stage.talk("russell", "!start")
    stage.talk("bob", "!lab debian")
    assert above(stage) == {
        "alice": "SE Linux for beginners runs in #class: the introduction",
        "bob": "SE Linux for beginners: the introduction",
    }
    stage.talk("russell", "!next")
    stage.wait(minutes=1)
    stage.talk("alice", "!stuck what is that")
    stage.talk("russell", "!next")
    stage.talk("bob", "!done")
    assert above(stage) == {
        "alice": "SE Linux for beginners: step 2 of 3 (Change), you at 1; you asked for help",
        "bob": "SE Linux for beginners: step 2 of 3 (Change), and so are you",
    }
    stage.talk("bob", "!done")
    assert above(stage)["bob"] == "SE Linux for beginners: step 2 of 3 (Change), which you've done"
    for _ in range(2):
        stage.wait(seconds=6)
        stage.talk("russell", "!next")
    assert above(stage)["bob"] == "SE Linux for beginners: the end"


def test_answers_to_somebody_who_is_away_are_there(stage: Stage) -> None:
    """One is shown as it will be said, of several how many; who is there has heard them."""
    stage.talk("alice", "!lab debian")
    stage.talk("russell", "!start")
    for words in ("what is a context?", "why is it enforcing?"):
        stage.talk("alice", f"!ask {words}")
    stage.leave("alice")
    stage.talk("russell", "!answer 1 a label")
    assert above(stage)["alice"].endswith("| your question 1 (what is a context?) was answered by russell: a label")
    stage.talk("russell", "!answer 2 since it boots")
    assert above(stage)["alice"].endswith("| 2 messages wait for you on IRC")
    stage.join("alice", account="alice")
    assert "wait" not in above(stage)["alice"]


def test_lines_are_told_when_they_change(stage: Stage) -> None:
    """They go out with the next tick after a change, and the warning before a lease's end stands beside them."""
    stage.talk("alice", "!lab debian")
    told = []
    before = stage.turn

    def turn(*events):
        outcome = before(*events)
        told.append(outcome.lines)
        return outcome

    stage.turn = turn  # type: ignore[method-assign]
    stage.wait(seconds=2)
    assert [lines for lines in told if lines is not None] == [{"1": {"line": IDLE, "word": ""}}]
    stage.wait(seconds=2)
    stage.hosts_work()
    told.clear()
    stage.wait(hours=3, minutes=46)
    stage.wait(seconds=2)
    assert told[-1] is not None and told[-1]["1"]["word"].startswith("your debian lab ends in 14 min: !lab extend")
    assert "scp -rp -P 2222 debian@lab.example.org:/root ." in told[-1]["1"]["word"]
