"""What people behind a relay may do (``[irc] relays``; core.bridge reads their lines).

They are learners by a name that the relay vouches for: they ask, vote and say done, and are answered in the channel, since
a private answer would go to the relay.  Roles, labs and secrets need somebody who is on IRC.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.access import Role
from trainbot.core.bridge import Relays
from trainbot.core.commands import Command
from trainbot.core.messages import Effect, Incoming, Reply

if TYPE_CHECKING:
    from trainbot.adapters.db.repositories import PersonRepository

#: The commands that work through a relay: open to learners, and nothing in their answers is for one person alone.
COMMANDS = ("ask", "vote", "done", "stuck", "q", "faq", "edit", "delete", "reopen", "nolog", "yes", "no")
OFFERED = "!ask WORDS, !vote N, !done, !stuck WORDS, !q and !faq WORDS"
LINES = 2  # of one answer: all are for the channel
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FROM_ONE, FROM_ALL = 10, 60  # commands a minute from one name, and through one relay into one channel
TOLD = 5  # people a minute who are told that they are too fast
NAMES = 150  # new names a day through one relay into one channel: whoever is behind it can invent them


class RelayPolicy:
    """``relays``: the rules of bot.ini; ``people``: where names that were heard are kept."""

    def __init__(self, relays: Relays, people: PersonRepository) -> None:
        self.relays, self.people = relays, people
        self._heard: dict[str, deque[datetime]] = {}  # commands of the last minute, by account and by bridge
        self._told: dict[str, datetime] = {}  # who was told that they are too fast

    def admits(self, said: Incoming) -> bool:
        """Whether we take the name of that line: it is known, or there is still room for new ones today."""
        account = said.sender.account or ""
        if self.people.by_account(account) is not None:
            return True
        return len(self.people.behind(account.partition(" ")[2], said.at - DAY)) < NAMES

    def refusal(self, said: Incoming, command: Command) -> list[Reply] | None:
        """What to answer instead of running the command; None if it may run."""
        if (waits := self._too_fast(said)) is not None:
            return waits
        if command.words == "help":
            text = f"from here you can use {OFFERED}. For a lab of your own, join {said.channel} with an IRC client"
        elif command.words not in COMMANDS and command.role is Role.LEARNER:
            text = (
                f"!{command.words} works only on IRC itself: join {said.channel} with an IRC client. From here you can use "
                f"{OFFERED}"
            )
        else:
            return None
        return [Reply(text, refused=True)]

    def crowded(self, said: Incoming) -> list[Reply]:
        """What somebody with a name too many is told."""
        return self._once_a_minute(
            said,
            (said.sender.account or "").partition(" ")[2],
            f"I have heard {NAMES} new names over this bridge today and take no more: nothing was done. Join {said.channel} "
            "with an IRC client and type it there",
        )

    def _too_fast(self, said: Incoming) -> list[Reply] | None:
        account = said.sender.account or ""
        bridge = account.partition(" ")[2]
        for key, most, whose in (
            (account, FROM_ONE, "from you"),
            (bridge, FROM_ALL, "over this bridge"),
        ):
            lately = self._lately(key, said.at)
            if len(lately) >= most:
                text = f"that's more than {most} commands {whose} within a minute: nothing was done. Type it again in a minute"
                return self._once_a_minute(said, account, text)
        for key in (account, bridge):
            self._heard.setdefault(key, deque()).append(said.at)
        return None

    def _lately(self, key: str, now: datetime) -> Sequence[datetime]:
        """The commands of the last minute; the clock may have been set."""
        times = deque(at for at in self._heard.get(key, ()) if now - MINUTE < at <= now)
        self._heard[key] = times
        if not times:
            del self._heard[key]
        return times

    def _once_a_minute(self, said: Incoming, who: str, text: str) -> list[Reply]:
        self._told = {name: at for name, at in self._told.items() if said.at - MINUTE < at <= said.at}
        if who in self._told or len(self._told) >= TOLD:
            return []
        self._told[who] = said.at
        return [Reply(text, refused=True)]

    @staticmethod
    def in_channel(effects: Sequence[Effect]) -> list[Effect]:
        """Their answers: said in the channel, short, and nothing secret."""
        replies = [effect for effect in effects if isinstance(effect, Reply) and not effect.secret][:LINES]
        return [
            replace(effect, private=False) if isinstance(effect, Reply) else effect
            for effect in effects
            if not isinstance(effect, Reply) or effect in replies
        ]
