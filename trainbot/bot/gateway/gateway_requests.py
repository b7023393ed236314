"""Answers the gateway's requests on behalf of the people who are logged in there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from trainbot.bot.control_requests import GatewayAsked, Response
from trainbot.core.access import Person
from trainbot.core.errors import UserError
from trainbot.core.hooks import Feature, Hook, On
from trainbot.core.messages import Outgoing

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


@dataclass(slots=True)
class GatewayReply:
    """``value``: the reply to the gateway; ``say``: messages to others on IRC."""

    value: dict[str, Any]
    say: list[Outgoing] = field(default_factory=list)


Handler = Callable[[Person, Mapping[str, Any], datetime], GatewayReply]


class RequestHandlers(Protocol):
    def handlers(self) -> Mapping[str, Handler]:
        """What the gateway may ask (``do``) -> what answers it; UserError with the reason why not, and nothing is written
        then."""


class GatewayRequests(Feature):
    def __init__(self, store: Store, groups: Sequence[RequestHandlers]) -> None:
        self.store = store
        self._handlers = {name: handler for group in groups for name, handler in group.handlers().items()}

    def hooks(self) -> Sequence[Hook]:
        return (On(GatewayAsked, self._asked),)

    def _asked(self, event: GatewayAsked, now: datetime) -> list[object]:
        told = self.answer(event.request, now)
        return [Response(event, told.value), *told.say]

    def answer(self, request: Mapping[str, Any], now: datetime) -> GatewayReply:
        """The reply to a request.  A UserError becomes an ``error``, and nothing is written then."""
        try:
            person = self.store.people.first(id=request.get("person"))
            if not isinstance(request.get("person"), int) or person is None:
                raise UserError("you no longer have access: ask on IRC")
            handler = self._handlers.get(str(request.get("do")))
            if handler is None:
                raise UserError(f"unknown request from the gateway: it can be {', '.join(sorted(self._handlers))}")
            return handler(person, request, now)
        except UserError as error:
            return GatewayReply({"error": str(error)})
