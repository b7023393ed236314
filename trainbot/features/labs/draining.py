"""Takes hosts out of service and back."""

from __future__ import annotations

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Reply
from trainbot.features.labs.failover import Failover, others
from trainbot.features.labs.host_view import HostView
from trainbot.features.labs.scheduler import Scheduler


class Draining:
    """A drained host, or node of one, gets no new labs; people keep the ones they have there, or move with ``now``."""

    def __init__(self, scheduler: Scheduler, failover: Failover) -> None:
        self.scheduler, self.failover = scheduler, failover

    def host_kind(self, text: str, _ask: Request) -> str:
        if self.scheduler.view(text) is not None:
            return text
        there = ", ".join({**self.scheduler.hosts, **self.scheduler.machines}) or "none in bot.ini yet"
        raise UserError(f'no host called "{text[:30]}" (available: {there})')

    def now_kind(self, text: str, _ask: Request) -> bool:
        if text.lower() != "now":
            raise ValueError(f'unexpected word "{text[:30]}"')
        return True

    def ask_drain(self, ask: Request, name: str, now: bool = False) -> str | None:
        held = len(self.failover.held_on(name))
        if not now or not held:
            return None
        self._answers(name)
        people = "one person gets a new lab" if held == 1 else f"{held} people get new labs"
        return f"{people} on {others(name)}, as far as there is room; they can reach their old labs as old@ meanwhile."

    def _answers(self, name: str) -> None:
        view = self.scheduler.view(name)
        answers = view is not None and any(each.up or _overloaded(each) for each in view.machines)
        if not answers:
            raise UserError(
                f"{name} does not answer, so I can't move people off it now; once a host counts as lost, they are "
                "moved automatically"
            )

    def drain_host(self, ask: Request, name: str, now: bool = False) -> list[Effect]:
        self.scheduler.set_drained(name, True)
        held = len(self.failover.held_on(name))
        if not now or not held:
            stay = (
                f"; {_labs(held)} until {'its lease ends' if held == 1 else 'their leases end'}. !drain {name} now moves people off it"
                if held
                else ""
            )
            return [Reply(f"{name} gets no new labs{stay}", private=True)]
        self._answers(name)
        moved, stay_there = self.failover.empty(name, ask.at)
        rest = f"; {_labs(stay_there)} because there is no room elsewhere" if stay_there else ""
        return [Reply(f"{name} gets no new labs; {moved} moved{rest}", private=True)]

    def undrain_host(self, ask: Request, name: str) -> list[Effect]:
        view = self.scheduler.view(name)
        if view is None or not view.drained:
            raise UserError(f"{name} is not drained; !hosts shows the state of all hosts")
        self.scheduler.set_drained(name, False)
        return [Reply(f"{name} gets labs again", private=True)]

    def commands(self) -> list[Command]:
        host = Argument("HOST", "host")
        return [
            Command(
                "drain",
                self.drain_host,
                "put no new labs on that host, or node of one (HOST/NODE); with now: move its people elsewhere (asks first)",
                (host, Argument("now", "now", optional=True)),
                role=Role.ORGANISER,
                confirm=self.ask_drain,
                example="drain xen1 now",
                group="labs",
            ),
            Command(
                "undrain",
                self.undrain_host,
                "put labs on that host, or node, again",
                (host,),
                role=Role.ORGANISER,
                group="labs",
            ),
        ]


def _overloaded(view: HostView) -> bool:
    return view.watch is not None and view.watch.greetings > 0


def _labs(number: int) -> str:
    return "one lab stays" if number == 1 else f"{number} labs stay"
