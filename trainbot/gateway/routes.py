"""The table of routes (who may reach which lab), sent by the bot and used by the gateway.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from trainbot.features.labs import passwords
from trainbot.model.lab import OLD


@dataclass(frozen=True, slots=True)
class Route:
    """A lease and how to reach its lab.

    ``name`` is the person's, for display; ``user`` is the account in the lab.  Without ``endpoint`` (address, TCP
    port) ``why`` says why in one sentence.  ``host_key`` is the lab's ("ssh-ed25519 AAAA…"); ``digest`` that of the
    lease's password; ``keys`` the person's ("type base64"); ``since`` when the lease began, in epoch seconds.
    ``via``: USER@ADDRESS:PORT of the jump host that leads to ``endpoint``, '' if it is reached directly.
    ``lab`` identifies the machine ('': unknown), and ``boots`` increases when it is recreated or restarted.
    ``candidates``: keys that the person has named and not confirmed, with the user name that confirms each.
    ``earlier``: the digest of the password before, while the newer one is still being sent.
    ``console``: the unix socket of its console on this machine; other consoles are reached through the jump host.
    """

    lease: str
    person: int
    name: str
    image: str
    user: str
    endpoint: tuple[str, int] | None
    why: str
    host_key: str
    digest: str
    keys: tuple[str, ...]
    since: float
    via: str = ""
    boots: int = 0
    lab: str = ""
    console: str = ""
    candidates: tuple[tuple[str, str], ...] = ()
    earlier: str = ""

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def without_secrets(self) -> Route:
        """What a worker may know of it."""
        return replace(self, name="", digest="", keys=(), candidates=(), console="", earlier="")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Route:
        """ValueError if it is not a route."""
        try:
            endpoint = value["endpoint"]
            return cls(
                lease=_text(value["lease"]),
                person=int(value["person"]),
                name=_text(value["name"]),
                image=_text(value["image"]),
                user=_text(value["user"]),
                endpoint=None if endpoint is None else (_text(endpoint[0]), int(endpoint[1])),
                why=_text(value["why"]),
                host_key=_text(value["host_key"]),
                digest=_text(value["digest"]),
                keys=tuple(_text(key) for key in value["keys"]),
                since=float(value["since"]),
                via=_text(value.get("via", "")),
                boots=int(value.get("boots", 0)),
                lab=_text(value.get("lab", "")),
                console=_text(value.get("console", "")),
                candidates=_pairs(value.get("candidates", ())),
                earlier=_text(value.get("earlier", "")),
            )
        except (KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not a route: {error!r}") from None


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody with known keys and without a lab."""

    person: int
    name: str
    keys: tuple[str, ...]
    candidates: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_json(cls, value: Any) -> Guest:
        """ValueError if it is not a guest."""
        try:
            return cls(
                int(value["person"]),
                _text(value["name"]),
                tuple(_text(key) for key in value["keys"]),
                _pairs(value.get("candidates", ())),
            )
        except (KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not a guest: {error!r}") from None


@dataclass(frozen=True, slots=True)
class VisitRoute:
    """``guest`` may come to the terminal of ``lease`` with the user name desk+WORD, until ``until`` (epoch seconds).  ``over``:
    why they may not any more, in one sentence; '' if they may."""

    word: str
    guest: int
    lease: str
    until: float
    over: str = ""

    @classmethod
    def from_json(cls, value: Any) -> VisitRoute:
        """ValueError if it is not a visit."""
        try:
            texts = (_text(value[name]) for name in ("word", "lease", "over"))
            word, lease, over = texts
            return cls(word, int(value["guest"]), lease, float(value["until"]), over)
        except (KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not a visit: {error!r}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a string was expected")
    return value


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    """((key, code), ...); TypeError or ValueError if it is anything else."""
    return tuple((_text(key), _text(code)) for key, code in value)


def same_key(key: str) -> str:
    """Type and base64 of a public key line (OpenSSH format), without the comment."""
    return " ".join(key.split()[:2])


class Routes:
    """An immutable table of routes.  ``pepper`` is the key of the digests."""

    def __init__(
        self, routes: Iterable[Route], pepper: bytes, guests: Iterable[Guest] = (), visits: Iterable[VisitRoute] = ()
    ) -> None:
        newest_first = sorted(routes, key=lambda route: (route.since, route.lease), reverse=True)
        self._routes = tuple(newest_first)
        self._leases = {route.lease: route for route in newest_first}
        self._keys: dict[str, list[Route | Guest]] = {}
        self._candidates: dict[str, dict[str, Route | Guest]] = {}  # key -> code -> whose newest lease
        everybody: list[Route | Guest] = [*newest_first, *guests]
        for each in everybody:
            for key in {same_key(key) for key in each.keys} - {""}:
                self._keys.setdefault(key, []).append(each)
            for key, code in each.candidates:
                self._candidates.setdefault(same_key(key), {}).setdefault(code.casefold(), each)
        self._visits = {visit.word: visit for visit in visits}
        self._pepper = pepper

    @classmethod
    def from_json(cls, value: Any, pepper: bytes) -> Routes:
        """Reads ``{"routes": [...]}``; ValueError if any part of it is invalid."""
        if not isinstance(value, Mapping) or not isinstance(value.get("routes"), list):
            raise ValueError("not a table of routes")
        guests, visits = value.get("guests", []), value.get("visits", [])
        if not isinstance(guests, list) or not isinstance(visits, list):
            raise ValueError("not a table of routes")
        routes = [Route.from_json(route) for route in value["routes"]]
        return cls(routes, pepper, map(Guest.from_json, guests), map(VisitRoute.from_json, visits))

    def __len__(self) -> int:
        return len(self._routes)

    def by_lease(self, lease: str) -> Route | None:
        return self._leases.get(lease)

    def visit(self, word: str) -> VisitRoute | None:
        return self._visits.get(word)

    def of_person(self, person: int) -> list[Route]:
        """Their leases, newest first, without old labs."""
        return [route for route in self._routes if route.person == person and route.image != OLD]

    def by_password(self, username: str, password: str) -> Route | None:
        """The lease that has this password, or None.  ``username`` only chooses the lab of that lease: ``old`` is the
        one on a host that was lost and came back.

        Every digest is compared, so the time taken tells nothing about them.
        """
        offered = passwords.digest(self._pepper, password)
        found = [
            route
            for route in self._routes
            if passwords.same(offered, route.digest) | passwords.same(offered, route.earlier)
        ]
        return _chosen(found, username)

    def by_key(self, username: str, key: str) -> Route | Guest | None:
        """The lease of the person with ``key``, or the guest without one.  Of several leases: the one whose image is
        ``username``, else the newest."""
        own = self._keys.get(same_key(key), [])
        if len({each.person for each in own}) > 1:
            return None  # two people claim the key, so it identifies neither
        routes = [each for each in own if isinstance(each, Route)]
        return _chosen(routes, username) if routes else next(iter(own), None)

    def is_candidate(self, key: str) -> bool:
        """Whether somebody has named that key and not confirmed it."""
        return same_key(key) in self._candidates

    def by_code(self, username: str, key: str) -> Route | Guest | None:
        """The person who confirms ``key``, a candidate of theirs, with its code as the user name."""
        return self._candidates.get(same_key(key), {}).get(username.strip().casefold())


def _chosen(own: list[Route], username: str) -> Route | None:
    """The route whose image is ``username``, else the first that is not an old lab."""
    wanted = username.strip().casefold()
    named = next((route for route in own if route.image.casefold() == wanted), None)
    return named or next((route for route in own if route.image != OLD), None)


def to_json(routes: Iterable[Route], guests: Iterable[Guest] = (), visits: Iterable[VisitRoute] = ()) -> dict[str, Any]:
    """What the bot publishes on topic "routes"."""
    return {
        "routes": [route.to_json() for route in routes],
        "guests": [asdict(guest) for guest in guests],
        "visits": [asdict(visit) for visit in visits],
    }
