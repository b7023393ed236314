"""A new feature is one object and one line in the wiring; nothing else has to know it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from tests.stage import CHANNEL, Stage
from trainbot.bot.wiring import Wiring
from trainbot.core.commands import Command, Request
from trainbot.core.hooks import Feature, Hook, On, OnChange, OnTick, Turn
from trainbot.core.messages import Arrived, Effect, Line, Reply, Sender
from trainbot.model.ports import Ports

ROOT = Path(__file__).parents[2]

#: (where, parameter) of what is still handed over as a bare callable, and why.
CALLABLES = {
    (
        "trainbot/bot/control_requests.py",
        "ShellCommand",
        "answer",
    ): "goes back to whoever asked over the control socket",
    ("trainbot/bot/control_requests.py", "ControlRequest", "answer"): "the same",
    ("trainbot/bot/workers/calendar_writer.py", "CalendarWriter", "post"): "into the bot's inbox",
    ("trainbot/bot/workers/host_listener.py", "HostListener", "post"): "into the bot's inbox",
    ("trainbot/bot/workers/lab_probes.py", "LabProbes", "post"): "into the bot's inbox",
    ("trainbot/bot/workers/password_hold.py", "PasswordHold", "post"): "into the bot's inbox",
    ("trainbot/bot/workers/file_keeper.py", "FileKeeper", "post"): "into the bot's inbox",
    ("trainbot/bot/workers/script_runner.py", "ScriptRunner", "post"): "into the bot's inbox",
    ("trainbot/bot/turn_loop.py", "TurnLoop", "carry_out"): "what a turn decided, after its commit",
    ("trainbot/bot/workers/maintenance.py", "Maintenance", "interrupt"): "of the database, from another thread",
    (
        "trainbot/features/sessions/polls/poll_parser.py",
        "_RequestReader",
        "resolve",
    ): "how a place is read: by name or not",
}


class Birthday(Feature):
    """Congratulates: a command, an event, the clock, and rows that change."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.ticks = 0

    def commands(self) -> list[Command]:
        return [Command("birthday", self.congratulate, "many happy returns")]

    def congratulate(self, ask: Request) -> list[Effect]:
        return [Reply(f"many happy returns, {ask.nick}")]

    def hooks(self) -> Sequence[Hook]:
        return (
            On(Arrived, self._arrived),
            OnTick(self._tick),
            OnChange(frozenset({"class"}), self._class),
        )

    def _arrived(self, event: Arrived, _now: datetime) -> list[Line]:
        return [Line(event.channel, f"cake for {event.sender.nick}")]

    def _tick(self, _now: datetime) -> None:
        self.ticks += 1

    def _class(self, turn: Turn) -> list[Line]:
        return [Line(CHANNEL, "a class on a birthday")] if "class" in turn.changed else []


class WithBirthdays(Wiring):
    def declared(self) -> tuple[Feature, ...]:
        self.birthday = Birthday(self.ports)
        return (*super().declared(), self.birthday)


class Party(Stage):
    wiring_type = WithBirthdays


def test_a_feature_is_one_line(tmp_path: Path) -> None:
    """Its command is found and listed in !help, its hooks are called, each in its turn."""
    stage = Party(tmp_path)
    assert stage.talk("alice", "!birthday") == ["alice: many happy returns, alice"]
    assert "!birthday" in " ".join(stage.talk("alice", "!help topics"))
    assert stage.happens(Arrived(Sender("dave"), CHANNEL, stage.now)) == [(CHANNEL, "cake for dave")]
    wiring = stage.wiring
    assert isinstance(wiring, WithBirthdays)
    before = wiring.birthday.ticks
    stage.wait(seconds=2)
    assert wiring.birthday.ticks == before + 1
    assert (CHANNEL, "a class on a birthday") in stage.hear("russell", "!start")
    stage.store.close()


def test_what_fails_in_one_feature_harms_no_other(tmp_path: Path, caplog) -> None:
    """The log says what failed, and where; everybody else is heard, in the same turn."""

    class Broken(Feature):
        def hooks(self) -> Sequence[Hook]:
            return (OnTick(self._fail), OnChange(frozenset(), self._fail))

        def _fail(self, _turn: object) -> None:
            raise RuntimeError("no cake")

    class WithBroken(WithBirthdays):
        def declared(self) -> tuple[Feature, ...]:
            return (Broken(), *super().declared())

    class BrokenParty(Stage):
        wiring_type = WithBroken

    stage = BrokenParty(tmp_path)
    stage.host_up()
    stage.wait(seconds=2)
    assert stage.wiring.birthday.ticks > 0  # type: ignore[attr-defined]
    assert stage.talk("alice", "!lab debian")[0].startswith("your debian lab: password ")
    assert "_fail could not be handled" in caplog.text and "no cake" in caplog.text
    stage.store.close()


def parameters() -> Iterator[tuple[str, str, str, str]]:
    """(file, class, parameter, annotation) of all constructors in features/ and bot/, dataclasses included."""
    for folder in ("features", "bot"):
        for path in sorted((ROOT / "trainbot" / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            for found in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(found, ast.ClassDef):
                    yield from ((name, found.name, *each) for each in _of(found))


def _of(found: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for part in found.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            arguments = (*part.args.posonlyargs, *part.args.args[1:], *part.args.kwonlyargs)
            yield from ((a.arg, ast.unparse(a.annotation) if a.annotation else "") for a in arguments)
            return
    if any("dataclass" in ast.unparse(decorator) for decorator in found.decorator_list):
        for part in found.body:
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                yield part.target.id, ast.unparse(part.annotation)


def test_what_a_feature_asks_of_others_has_a_name() -> None:
    """An editor leads from a call to what is called: ports (trainbot.model.ports), not callables."""
    found = {(file, owner, name) for file, owner, name, annotation in parameters() if "Callable" in annotation}
    assert found == set(CALLABLES)


def test_a_constructor_takes_five_things_at_most() -> None:
    """Whoever needs more wants to be two."""
    takes: dict[tuple[str, str], int] = {}
    for path in (ROOT / "trainbot").glob("features/**/*.py"), (ROOT / "trainbot").glob("bot/**/*.py"):
        for file in path:
            for found in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(found, ast.ClassDef):
                    for part in found.body:
                        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                            number = len(part.args.args) - 1 + len(part.args.kwonlyargs)
                            takes[str(file.relative_to(ROOT)), found.name] = number
    assert {where: number for where, number in takes.items() if number > 5} == {}
