"""Hosts are taken out of service, and back, by organisers."""

from __future__ import annotations

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Reply
from trainbot.features.labs.failover import Failover
from trainbot.features.labs.scheduler import Scheduler


class Draining:
    """A drained host gets no new labs; whoever has one there keeps it, or moves with ``now``."""

    def __init__(self, scheduler: Scheduler, failover: Failover) -> None:
        self.scheduler, self.failover = scheduler, failover

    def host_kind(self, text: str, _ask: Request) -> str:
        if text in self.scheduler.hosts:
            return text
        there = ", ".join(self.scheduler.hosts) or "none in bot.ini yet"
        raise UserError(f"I know no host {text[:30]!r}; there is: {there}")

    def now_kind(self, text: str, _ask: Request) -> bool:
        if text.lower() != "now":
            raise ValueError(f"{text[:30]!r} is not now")
        return True

    def ask_drain(self, ask: Request, name: str, now: bool = False) -> str | None:
        held = len(self.failover.held_on(name))
        if not now or not held:
            return None
        self._answers(name)
        people = "one person gets a fresh lab" if held == 1 else f"{held} people get fresh labs"
        return f"{people} on other hosts, as far as there is room; what they did is reached as old@ meanwhile."

    def _answers(self, name: str) -> None:
        if not self.scheduler.hosts[name].up:
            raise UserError(
                f"{name} does not answer, so nobody can be moved off it in an orderly way; a host that is lost "
                "is left by itself"
            )

    def drain_host(self, ask: Request, name: str, now: bool = False) -> list[Effect]:
        self.scheduler.set_drained(name, True)
        held = len(self.failover.held_on(name))
        if not now or not held:
            stay = (
                f"; {_labs(held)} until {'its lease ends' if held == 1 else 'their leases end'}: !drain {name} now moves people off"
                if held
                else ""
            )
            return [Reply(f"{name} gets no new labs{stay}", private=True)]
        self._answers(name)
        moved, stay_there = self.failover.empty(name, ask.at)
        rest = f"; {_labs(stay_there)}, for want of room elsewhere" if stay_there else ""
        return [Reply(f"{name} gets no new labs; {moved} moved{rest}", private=True)]

    def undrain_host(self, ask: Request, name: str) -> list[Effect]:
        if not self.scheduler.hosts[name].drained:
            raise UserError(f"{name} is not drained; !hosts says how all are")
        self.scheduler.set_drained(name, False)
        return [Reply(f"{name} gets labs again", private=True)]

    def commands(self) -> list[Command]:
        host = Argument("HOST", "host")
        return [
            Command(
                "drain",
                self.drain_host,
                "no new labs on that host; now: its people move to others (asks first)",
                (host, Argument("now", "now", optional=True)),
                role=Role.ORGANISER,
                confirm=self.ask_drain,
                example="drain xen1 now",
                group="labs",
            ),
            Command(
                "undrain", self.undrain_host, "that host gets labs again", (host,), role=Role.ORGANISER, group="labs"
            ),
        ]


def _labs(number: int) -> str:
    return "one lab stays" if number == 1 else f"{number} labs stay"
