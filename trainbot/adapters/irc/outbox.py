"""The queue of outgoing messages: sanitised, split, fair and paced.  Pure: no I/O, time is passed in.

Order: by lane, from the answers to staff to those to strangers; within a lane, owners take turns, one line of the wire
each; an owner's messages keep their order.  However much staff ask, the class gets every fourth line; however many call
for help, others get every third; and even while a class waits, people with an account get every fourth line, and
strangers every eighth.

What is late is shortened: people who wait for the same answer in a channel get one line with all their names; what a
newer message replaces (``Withdraw``) is not sent; nor is what was to be sent soon or not at all (``Line.fresh``).  A
line with a ticket is given back then: its sender decides whether it still matters.

Pace: a bucket of ``burst`` tokens that gains one every ``interval`` seconds.  What the protocol needs at once
(PONG, registration, JOIN) does not wait, but is counted.  Messages are PRIVMSG, or NOTICE if that is configured and
nothing is secret; CTCP replies are NOTICE (as CTCP requires).  Times are seconds of any monotonic clock.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator

from trainbot.adapters.irc.queued_line import ASKING, CtcpReply, Lane, Piece, Waiting, sound, waiting
from trainbot.adapters.irc.wire_text import cut, plain
from trainbot.core.messages import AskChanServ, Line, Modes, Outgoing, Priority, Topic, Withdraw
from trainbot.core.wording import seconds

WIRE_LINE = 512
"""Octets of a line, including CR LF and the sender's prefix (RFC 2812 2.3); tags do not count.  Servers may allow
more."""

LONGEST_TARGET = 200
OWNER_CAP = 100
"""Lines that may wait for one owner."""

AT_ONCE = 0.1  # seconds: lines queued within this are one answer
STRANGERS_SHARE = 8  # of so many lines one is for a stranger, if any waits
ACCOUNTS_SHARE = 4  # of so many lines one is for somebody with an account who takes no part, if any waits
CALLS_IN_A_ROW = 2  # then whoever else in the class waits gets a line
CLASS_SHARE = 4  # of so many lines one is the presenter's for the class, if any waits, whatever staff ask meanwhile
QUICKER = 0.7  # factor for the interval, each time the server is seen to keep up
_NOTICEABLE = 0.01  # seconds between two lines: with less than this the server keeps up
SLOWEST = 8.0  # seconds between two lines: the slowest pace that we choose by ourselves
KEPT_FOR = 60.0
"""Seconds for which a line is kept after the connection was lost, or for a channel that we are not in."""


class Outbox:
    """Queues messages and releases them at the right pace.  ``prefix_octets`` is the length of the ``:nick!user@host``
    prefix and its space that the server will add, ``line_octets`` the length of the longest line that it accepts; the
    owner of the outbox keeps both up to date.  ``may_send(target)`` is False for targets that may not be written to
    now, such as channels we are not in; lines for them wait, and others pass them.  ``formatted(target)`` is False for
    channels that accept no formatting codes."""

    def __init__(self, burst: int, interval: float, *, owner_cap: int = OWNER_CAP) -> None:
        self.pace(burst, interval)
        self.verb = "PRIVMSG"
        self._tokens, self._counted_at = float(self._burst), 0.0
        self._cap = owner_cap
        self._queues: dict[Lane, OrderedDict[str, deque[Waiting]]] = {lane: OrderedDict() for lane in Lane}
        self._sent = 0  # lines since the last one for a stranger
        self._passed = 0  # lines for others while somebody with an account waits
        self._calls = 0  # lines in a row that answer calls for help
        self._for_staff = 0  # lines since the last one that was not for staff
        self._shared: dict[tuple[Lane, str, str], Waiting] = {}  # answers that more people may get
        self._enough: set[str] = set()  # strangers whose latest answer was not accepted
        self._waiting: dict[str, int] = {}
        self._left_out: dict[tuple[str, str], int] = {}
        self.prefix_octets, self.line_octets = 100, WIRE_LINE
        self.may_send: Callable[[str], bool] = lambda target: True
        self.formatted: Callable[[str], bool] = lambda target: True

    def pace(self, burst: int, interval: float) -> None:
        """Sets the pace: ``burst`` lines at once, then one every ``interval`` seconds."""
        self._burst, self._interval = max(1, burst), max(0.0, interval)
        self._wanted_interval = self._interval

    @property
    def interval(self) -> float:
        """Seconds between two lines."""
        return self._interval

    def adapt(self, needed: float) -> str:
        """Adapts the pace to a server that needs ``needed`` seconds to read one of our lines, down to one line every
        ``SLOWEST`` seconds.  0 means that the server keeps up, and the pace moves back towards the configured one.
        Returns the new pace in words, '' unless it is noticeably slower."""
        before = self._interval
        slower = needed or before * QUICKER
        self._interval = max(self._wanted_interval, min(SLOWEST, slower))
        return f"one line in {seconds(self._interval)}" if self._interval > max(before, _NOTICEABLE) else ""

    def slow_down(self) -> str:
        """Halves the pace, down to one line every ``SLOWEST`` seconds; returns the new pace in words."""
        self.pace(self._burst // 2, min(SLOWEST, max(1.0, 2 * self._interval)))
        return f"{self._burst} lines, then one in {seconds(self._interval)}"

    def __len__(self) -> int:
        return sum(self._waiting.values())

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def waiting(self) -> dict[str, int]:
        """How many messages wait in each lane."""
        return {lane.name.lower(): sum(map(len, queues.values())) for lane, queues in self._queues.items()}

    # -- in -----------------------------------------------------------------------------------

    def put(self, out: Outgoing | CtcpReply, now: float) -> list[tuple[int, str]]:
        """Queues ``out``; returns (ticket, reason) for each line that is refused or displaced by it."""
        if isinstance(out, Withdraw):
            return self._withdraw(out, now)
        item = waiting(out, now)
        if not item.target or len(item.target.encode()) > LONGEST_TARGET:
            return item.refused("invalid target")
        if isinstance(out, CtcpReply):  # at most one per person, so that nobody can fill our queue with queries
            self._drop(lambda other: other.verb == "NOTICE" and other.target == item.target)
        if isinstance(out, Topic):
            self._drop(lambda other: other.verb == "TOPIC" and other.target == item.target)
        elif isinstance(out, AskChanServ):
            asked = f"{out.request} {out.channel} "
            self._drop(lambda other: other.verb == ASKING and f"{other.rest} ".startswith(asked))
        elif isinstance(out, Modes) and not sound(out):
            return item.refused("invalid mode change")
        elif not item.rest.strip():
            return item.refused("the message is empty")
        shared = item.shared
        if shared is not None and (same := self._shared.get(shared)) is not None and same.also_for(item):
            return []
        if item.lane is Lane.STRANGER and item.verb == "PRIVMSG" and not self._accepts(item):
            return item.refused("they already have an answer waiting")
        if shared is not None:
            self._shared[shared] = item
        self._queues[item.lane].setdefault(item.owner, deque()).append(item)
        self._waiting[item.owner] = self._waiting.get(item.owner, 0) + 1
        if self._waiting[item.owner] > self._cap:
            return self._crowd_out(item.owner)
        return []

    def _withdraw(self, out: Withdraw, now: float) -> list[tuple[int, str]]:
        """Drops what waits of a series, except a line that has been begun."""
        before = len(self)
        given_back = self._drop(
            lambda item: item.series == out.series and not item.begun, "something newer replaces it"
        )
        if out.instead is not None and len(self) < before:
            given_back += self.put(out.instead, now)
        return given_back

    def _accepts(self, item: Waiting) -> bool:
        """Whether a stranger may have one more line waiting: one answer, which is what was queued at once."""
        waits = self._queues[Lane.STRANGER].get(item.owner)
        another = waits and not item.more and item.since - waits[0].since > AT_ONCE
        if another or (waits and item.owner in self._enough):
            self._enough.add(item.owner)
            return False
        self._enough.discard(item.owner)
        return True

    def again(self, piece: Piece, now: float) -> None:
        """Queues again a private line that was sent but that the network had no room for."""
        self.put(Line(piece.target, piece.wire.split(" :", 1)[1], secret=piece.secret), now)

    def _crowd_out(self, owner: str) -> list[tuple[int, str]]:
        """Drops one line of an owner who has too many: the newest of the least urgent kind that has not been begun.
        The presenter's lines are never dropped."""
        for lane in reversed(Lane):
            for item in reversed(self._queues[lane].get(owner, ()) if lane is not Lane.PRESENTER else ()):
                if not item.begun:
                    self._remove(item)
                    key = (owner, item.target)
                    self._left_out[key] = self._left_out.get(key, 0) + 1
                    return item.refused("too many lines are waiting for them")
        return []

    def count(self, now: float) -> None:
        """Counts a line that bypassed the queue.  It uses up a token, and may leave a debt of at most one burst."""
        self._refill(now)
        self._tokens = max(-float(self._burst), self._tokens - 1)

    # -- out ----------------------------------------------------------------------------------

    def take(self, now: float) -> Iterator[Piece]:
        """Yields the pieces that may be sent at ``now``; each leaves the outbox once it is yielded."""
        self._refill(now)
        while self._tokens >= 1:
            item = self._next()
            if item is None:
                return
            self._tokens -= 1
            yield self._piece(item, now)

    def wait(self, now: float) -> float | None:
        """Returns the seconds until something may be sent, or None if nothing that waits may be sent."""
        self._refill(now)
        if self._next() is None:
            return None
        return max(0.0, (1 - self._tokens) * self._interval)

    def _refill(self, now: float) -> None:
        gained = (now - self._counted_at) / self._interval if self._interval else self._burst * 2.0
        if gained > 0:
            self._tokens = min(float(self._burst), self._tokens + gained)
        self._counted_at = max(now, self._counted_at)

    def _next(self) -> Waiting | None:
        if not self._waiting:
            return None
        first = [Lane.STRANGER] if self._sent >= STRANGERS_SHARE - 1 else []
        first += [Lane.PRESENTER] if self._for_staff >= CLASS_SHARE - 1 else []
        first += [Lane.STAFF, Lane.PRESENTER]
        first += [Lane.ACCOUNT] if self._passed >= ACCOUNTS_SHARE - 1 else []
        first += [Lane.CLASS] if self._calls >= CALLS_IN_A_ROW else []
        for lane in (*first, *Lane):
            for items in self._queues[lane].values():
                if self.may_send(items[0].target):
                    return items[0]
        return None

    def _piece(self, item: Waiting, now: float) -> Piece:
        verb = (
            self.verb if item.verb == "PRIVMSG" and not item.secret else "PRIVMSG" if item.verb == ASKING else item.verb
        )
        frame = f"{verb} {item.target} " + ("" if item.verb == "MODE" else ":")
        room = max(16, self.line_octets - 2 - self.prefix_octets - len(frame.encode()))
        if item.verb == "NOTICE":  # a CTCP reply is one line: the rest is dropped
            head, item.rest = f"\x01{cut(item.rest, room - 2)[0]}\x01", ""
        else:
            said = item.rest if item.rest.isprintable() or self.formatted(item.target) else plain(item.rest)
            head, item.rest = cut(said, room)
            item.rest = item.rest if item.verb == "PRIVMSG" and item.rest.strip() else ""
        self._forget_shared(item)
        item.begun = True
        self._for_staff = self._for_staff + 1 if item.lane is Lane.STAFF else 0
        self._sent = 0 if item.lane is Lane.STRANGER else self._sent + 1
        passes = item.lane is not Lane.ACCOUNT and self._queues[Lane.ACCOUNT]
        self._passed = self._passed + 1 if passes else 0
        self._calls = self._calls + 1 if item.lane is Lane.CALL else 0
        if not item.rest and item.command:  # it keeps the turn: nobody can log in with half of it
            item.rest, item.command = item.command, ""
        elif item.rest:
            self._queues[item.lane].move_to_end(item.owner)
        if item.rest:
            return Piece(frame + head, item.target, None, item.secret, item.ticket is not None)
        self._remove(item, turn=True)
        self._confess(item, now)
        return Piece(frame + head, item.target, item.ticket, item.secret)

    def _confess(self, item: Waiting, now: float) -> None:
        """Once the rest of an owner's listing has been sent, queues a note of how many lines were left out."""
        listing = self._queues[Lane.LISTING]
        if (item.owner, item.target) in self._left_out and item.owner not in listing:
            count = self._left_out.pop((item.owner, item.target))
            text = f"({count} more lines were left out)"
            self.put(Line(item.target, text, Priority.LISTING, item.owner), now)

    # -- when things go wrong -----------------------------------------------------------------

    def lost(self, now: float) -> list[tuple[int, str]]:
        """Handles a lost connection.  Lines with a ticket are given back; others are kept while they are fresh, unless
        they had been begun."""
        reason = "the connection was lost before it was sent"
        self._tokens = float(self._burst)
        return self._drop(
            lambda item: item.ticket is not None or item.begun or item.verb == "NOTICE" or now - item.since > KEPT_FOR,
            reason,
        )

    def resume(self, now: float) -> list[tuple[int, str]]:
        """Handles a new registration: clears the debt from registering, and drops lines that waited too long."""
        self._tokens = max(0.0, self._tokens)
        return self._drop(lambda item: now - item.since > KEPT_FOR, "nobody was there to receive it")

    def held(self, now: float, longer: float) -> set[str]:
        """Returns the targets that may not be written to and whose lines have waited longer than ``longer`` seconds."""
        return {item.target for item in self._items() if now - item.since > longer and not self.may_send(item.target)}

    def expire(self, now: float) -> list[tuple[int, str]]:
        """Drops lines that have waited too long for a target that may not be written to, such as a channel we are not
        in, and lines that are too late."""
        late = self._drop(lambda item: item.too_late(now), "it is too late for it")
        return late + self._drop(
            lambda item: now - item.since > KEPT_FOR and not self.may_send(item.target),
            "it could not be sent",
        )

    def refused(self, same: Callable[[str], bool]) -> list[tuple[int, str]]:
        """Handles a piece that the server refused: drops the rest of that line."""
        return self._drop(lambda item: item.begun and same(item.target), "refused by the server")

    def departed(self, same: Callable[[str], bool]) -> list[tuple[int, str]]:
        """Handles somebody leaving the network: drops their lines, so that the next person with that nick does not get
        them."""
        return self._drop(lambda item: same(item.target), "they left the network")

    def renamed(self, same: Callable[[str], bool], new: str) -> None:
        """Handles a nick change: lines that wait for the person go to the new nick."""
        for item in self._items():
            if same(item.target):
                item.target = new

    def _items(self) -> list[Waiting]:
        return [item for queues in self._queues.values() for items in queues.values() for item in items]

    def _drop(self, doomed: Callable[[Waiting], bool], reason: str = "") -> list[tuple[int, str]]:
        given_back: list[tuple[int, str]] = []
        for item in self._items():
            if doomed(item):
                self._remove(item)
                given_back += item.refused(reason)
        return given_back

    def _forget_shared(self, item: Waiting) -> None:
        if (shared := item.shared) is not None and self._shared.get(shared) is item:
            del self._shared[shared]

    def _remove(self, item: Waiting, *, turn: bool = False) -> None:
        self._forget_shared(item)
        queues = self._queues[item.lane]
        queues[item.owner].remove(item)
        if not queues[item.owner]:
            del queues[item.owner]
        elif turn:
            queues.move_to_end(item.owner)
        self._waiting[item.owner] -= 1
        if not self._waiting[item.owner]:
            del self._waiting[item.owner]
