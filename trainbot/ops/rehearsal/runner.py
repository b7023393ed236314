"""Runs a rehearsal: gets seats from the bot, logs in to each, plays the exercise, frees the seats."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from trainbot.bot.installation import exercises_of
from trainbot.config import Config
from trainbot.core.errors import BackendError, UserError
from trainbot.core.tasks import Tasks
from trainbot.features.labs.host_view import NOT_YET
from trainbot.gateway.trial_login import LoggedIn, LoginRefused, TrialLogin
from trainbot.images.build.progress_bar import Progress
from trainbot.model.exercise import Exercise
from trainbot.ops.rehearsal.bot_client import RehearsalClient
from trainbot.ops.rehearsal.exercise_player import play, scripts, seen, unseen
from trainbot.ops.rehearsal.result import (
    IN,
    NO_ROOM,
    NOT_MADE,
    NOT_TRIED,
    SHUT_OUT,
    ExerciseResult,
    RehearsalResult,
    Seat,
)

LOGINS = 20  # at the same time
SURE = 2  # looks in a row after which "no room" is believed


@dataclass
class SeatProgress:
    """A seat during the rehearsal.  ``tried``: labs to which a login was started; ``shut``: lab -> why it failed;
    ``fault``: the latest error of its host."""

    id: int
    image: str
    password: str
    now: dict[str, Any] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    shut: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    entered: Seat | None = None

    @property
    def state(self) -> str:
        return str(self.now.get("state", "waiting"))

    @property
    def settled(self) -> bool:
        """Whether there is nothing to wait for (no room: as far as one look can tell)."""
        return self.entered is not None or self.state == "no room" or self.now.get("lab") in self.shut


class Rehearsal:
    """One rehearsal.  ``within``: seconds to wait for labs; ``patience``: seconds for the login to a ready lab."""

    def __init__(self, config: Config, progress: Progress, *, within: float, patience: float) -> None:
        self.config, self.progress, self.within, self.patience = config, progress, within, patience
        self.asking = RehearsalClient(config)
        self.visitor = TrialLogin(config.store.state)
        self.chairs: dict[int, SeatProgress] = {}
        self.begun: dict[str, Any] = {}
        self.look: dict[str, Any] = {}
        self.lost: dict[str, str] = {}
        self.away: dict[str, str] = {}
        self.over = ""
        self._turns = asyncio.Semaphore(LOGINS)
        self._logins = Tasks()
        self._tasks = Tasks()
        self._asked = 0.0

    async def hold(self, request: dict[str, Any], keep: bool) -> RehearsalResult:
        """Gets, tries and frees the seats, whatever happens; BackendError if it cannot begin.  With ``keep``, they are
        freed only when this is cancelled."""
        self._asked = time.monotonic()
        asked = self._tasks.start(self.asking.begin(request), "asking for seats", awaited=True)
        try:
            self.begun = await asyncio.shield(asked)
            for seat in self.begun["seats"]:
                self.chairs[seat["seat"]] = SeatProgress(seat["seat"], seat["image"], seat["password"])
            found = await self._rehearse()
        except BaseException:
            await asyncio.wait({asked})  # the bot may have reserved them by now
            await self._free()
            raise
        if not keep:
            await self._free()
        return found

    async def stay(self) -> None:
        """Keeps the seats until this is cancelled, or the bot ends the rehearsal."""
        try:
            async for look in self.asking.looks():
                if look["over"]:
                    return
        finally:
            await self._free()

    async def _free(self) -> None:
        self._logins.cancel()
        with suppress(BackendError, UserError):
            await asyncio.shield(self.asking.end())

    async def _rehearse(self) -> RehearsalResult:
        await self._all_in()
        seats = tuple(self._seat(chair) for chair in self.chairs.values())
        faults, idle = tuple(str(fault) for fault in self.look.get("faults", ())), int(self.look.get("idle", 0))
        left = {} if self.over else await self.asking.loss()
        exercise = self._exercise()
        played = await self._play_all(exercise) if exercise is not None and not self.over else []
        hosts, whole = self.look.get("hosts", {}), time.monotonic() - self._asked
        return RehearsalResult(
            self.begun["title"],
            exercise.title if exercise is not None else "",
            seats,
            tuple(played),
            whole,
            float(self.begun["lease"]),
            int(self.look.get("yielded", 0)),
            self.lost,
            self.away,
            tuple(name for name, host in hosts.items() if host["drained"]),
            left,
            faults,
            idle,
            {name: host["uri"] for name, host in hosts.items()},
            self.over,
            exercise.second_image if exercise is not None else "",
            str(self.begun.get("about", "")) or self._scriptless(),
            str(self.begun.get("unchecked", "")),
        )

    def _exercise(self) -> Exercise | None:
        """The exercise that the bot named, if it has scripts."""
        found = exercises_of(self.config).exercises.get(self.begun["exercise"])
        found = found.in_first_lab() if found is not None else None
        return found if found is not None and scripts(found) else None

    def _scriptless(self) -> str:
        """A note on an exercise that has no scripts, so that nothing of it can be tried."""
        found = exercises_of(self.config).exercises.get(self.begun["exercise"])
        if found is None or not found.steps or scripts(found):
            return ""
        return f"{found.title} has no scripts, so none of its steps was tried: do them by hand once"

    # -- logging in ------------------------------------------------------------------------------------

    async def _all_in(self) -> None:
        """Watches the seats and logs in to each lab that is ready, until there is nothing to wait for."""
        total = len(self.chairs)
        self.progress.stage(f"{self.begun['title']}: preparing {'one seat' if total == 1 else f'{total} seats'}")
        sure = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(self.within):
                async for look in self.asking.looks():
                    self._heard(look)
                    if self.over:
                        return
                    entered = sum(chair.entered is not None for chair in self.chairs.values())
                    self.progress.step(entered, total, self._whats_up())
                    sure = sure + 1 if not self._logins and all(chair.settled for chair in self.chairs.values()) else 0
                    homeless = any(chair.state == "no room" for chair in self.chairs.values())
                    if sure >= (SURE if homeless else 1):
                        return
        await self._logins.close()

    def _whats_up(self) -> str:
        names = [chair.now["lab"] for chair in self.chairs.values() if chair.entered is None and chair.now.get("lab")]
        return names[0] if names else ""

    def _heard(self, look: dict[str, Any]) -> None:
        """Takes the bot's report about seats and hosts."""
        first = not self.look
        self.look, self.over = look, str(look["over"])
        for name, host in look["hosts"].items():
            if host["up"]:
                self.away.pop(name, None)
            elif first or name in self.away:
                self.away[name] = str(host["trouble"])
            elif host["trouble"] != NOT_YET:  # NOT_YET means that the bot was restarted
                self.lost.setdefault(name, str(host["trouble"]))
        for now in look["seats"]:
            chair = self.chairs.get(now["seat"])
            if chair is None:
                continue
            chair.now, chair.fault = now, str(now["fault"]) or chair.fault
            if now["state"] == "ready" and chair.entered is None and now["lab"] not in chair.tried:
                chair.tried.add(now["lab"])
                self._logins.start(self._log_in(chair, dict(now)), f"the login to seat {chair.id}")

    async def _log_in(self, chair: SeatProgress, now: dict[str, Any]) -> None:
        async with self._turns:
            began = time.monotonic()
            try:
                async with self.visitor.enter(chair.image, chair.password) as inside:
                    ran = await inside.run("true", timeout=self.patience, limit=1024)
            except LoginRefused as error:
                chair.shut[now["lab"]] = str(error)
                return
            if ran.exit != 0:
                chair.shut[now["lab"]] = f"the login works, but commands do not (true ended with {ran.exit})"
                return
            at = time.monotonic()
            chair.entered = Seat(
                chair.image,
                IN,
                now["host"],
                now["lab"],
                at - self._asked,
                at - began,
                now["boot"] if now["own"] else None,
            )

    def _seat(self, chair: SeatProgress) -> Seat:
        if chair.entered is not None:
            return chair.entered
        lab, host = str(chair.now.get("lab", "")), str(chair.now.get("host", ""))
        if lab in chair.shut:
            return Seat(chair.image, SHUT_OUT, host, lab, why=chair.shut[lab])
        if self.over:
            return Seat(chair.image, NOT_TRIED, host, lab, why=self.over)
        if chair.state == "no room":
            return Seat(chair.image, NO_ROOM)
        why = chair.fault or next(iter(chair.shut.values()), "") or f"still {chair.state} after {self.within:g} s"
        return Seat(chair.image, NOT_MADE, host, lab, why=why)

    # -- playing ---------------------------------------------------------------------------------------

    def _stages(self, exercise: Exercise) -> list[SeatProgress]:
        """One seat per image and host, preferably with a lab of the rehearsal's own; none with the exercise's second
        image."""
        chosen: dict[tuple[str, str], SeatProgress] = {}
        for chair in self.chairs.values():
            if (
                chair.entered is None
                or chair.now.get("lab") != chair.entered.lab
                or chair.image == exercise.second_image
            ):
                continue
            kind = (chair.image, chair.entered.host)
            if kind not in chosen or (chair.now["own"] and not chosen[kind].now["own"]):
                chosen[kind] = chair
        return list(chosen.values())

    async def _play_all(self, exercise: Exercise) -> list[ExerciseResult]:
        """Plays the exercise in all of them at the same time, while polling the bot."""
        given = set(await self.asking.work_in([chair.id for chair in self._stages(exercise)]))
        stages = [chair for chair in self._stages(exercise) if chair.id in given]
        if not stages:
            return []
        total, done = len(stages) * scripts(exercise), 0
        self.progress.stage(f"playing {exercise.title} in {', '.join(_lab(chair) for chair in stages)}")

        def tell(chair: SeatProgress) -> None:
            nonlocal done
            done += 1
            self.progress.step(done, total, _lab(chair))

        async with self._watched():
            return list(await asyncio.gather(*(self._play(exercise, chair, partial(tell, chair)) for chair in stages)))

    async def _play(self, exercise: Exercise, chair: SeatProgress, tell: Any) -> ExerciseResult:
        seat = chair.entered
        assert seat is not None
        began = time.monotonic()
        try:
            async with self.visitor.enter(chair.image, chair.password) as inside:
                fault = await play(exercise, partial(_run, inside), tell)
        except LoginRefused as error:
            fault = f"the second login failed: {error}"
        if fault and chair.now.get("lab") != seat.lab:
            fault = "its lab was lost during the exercise (given to a learner, or its host failed): rehearse again"
        took = time.monotonic() - began
        return ExerciseResult(
            chair.image, seat.host, seat.lab, len(exercise.steps), took, fault, seen(exercise), unseen(exercise)
        )

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Polls the bot while the block runs."""

        async def watch() -> None:
            async for look in self.asking.looks():
                self._heard(look)
                if self.over:
                    return

        task = self._tasks.start(watch(), "polling the bot", awaited=True)
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, BackendError):
                await task


async def _run(inside: LoggedIn, command: str, stdin: str, timeout: float) -> Any:
    return await inside.run(command, stdin, timeout=timeout)


def _lab(chair: SeatProgress) -> str:
    return f"{chair.image} on {chair.entered.host if chair.entered is not None else '?'}"
