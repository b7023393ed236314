"""Who gets to which lab: the table that the bot pushes and the gateway decides by.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trainbot.features.labs import passwords
from trainbot.model.lab import OLD


@dataclass(frozen=True, slots=True)
class Route:
    """One lease and the way to its lab.

    ``name`` is the person's, for people; ``user`` is whom to be in the lab.  Without ``endpoint`` (address, TCP
    port) ``why`` says why in one sentence.  ``host_key`` is the lab's ("ssh-ed25519 AAAA…"); ``digest`` that of the
    lease's password; ``keys`` the person's ("type base64"); ``since`` when the lease began, in epoch seconds.
    ``via``: USER@ADDRESS:PORT of the account (lab-door) that leads to ``endpoint``, '' where it is reached directly.
    ``lab`` says which machine it is ('': not told), and ``boots`` goes up when it is made anew or turned off and on.
    ``console``: the unix socket of its console on this machine; behind a door it is the door that leads there.
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

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Route:
        """ValueError where it is no route."""
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
            )
        except (KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not a route: {error!r}") from None


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody whose keys we know and who has no lab."""

    person: int
    name: str
    keys: tuple[str, ...]

    @classmethod
    def from_json(cls, value: Any) -> Guest:
        """ValueError where it is none."""
        try:
            return cls(int(value["person"]), _text(value["name"]), tuple(_text(key) for key in value["keys"]))
        except (KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"no guest: {error!r}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a string was expected")
    return value


def same_key(key: str) -> str:
    """The part of a public key line (OpenSSH form) that is the key: type and base64, without comment."""
    return " ".join(key.split()[:2])


class Routes:
    """All routes of a moment; never changes.  ``pepper`` is the key of the digests."""

    def __init__(self, routes: Iterable[Route], pepper: bytes, guests: Iterable[Guest] = ()) -> None:
        newest_first = sorted(routes, key=lambda route: (route.since, route.lease), reverse=True)
        self._routes = tuple(newest_first)
        self._leases = {route.lease: route for route in newest_first}
        self._keys: dict[str, list[Route | Guest]] = {}
        everybody: list[Route | Guest] = [*newest_first, *guests]
        for each in everybody:
            for key in {same_key(key) for key in each.keys} - {""}:
                self._keys.setdefault(key, []).append(each)
        self._pepper = pepper

    @classmethod
    def from_json(cls, value: Any, pepper: bytes) -> Routes:
        """From ``{"routes": [...]}``.  ValueError where it is anything else: half a table is none."""
        if not isinstance(value, Mapping) or not isinstance(value.get("routes"), list):
            raise ValueError("not a table of routes")
        guests = value.get("guests", [])
        if not isinstance(guests, list):
            raise ValueError("not a table of routes")
        return cls([Route.from_json(route) for route in value["routes"]], pepper, map(Guest.from_json, guests))

    def __len__(self) -> int:
        return len(self._routes)

    def by_lease(self, lease: str) -> Route | None:
        return self._leases.get(lease)

    def of_person(self, person: int) -> list[Route]:
        """Their leases, newest first, without old labs."""
        return [route for route in self._routes if route.person == person and route.image != OLD]

    def by_password(self, username: str, password: str) -> Route | None:
        """The lease that has this password, or None.  ``username`` decides nothing but which lab of that lease: ``old``
        is the one on a host that was lost and came back.

        Every digest is compared, so the time taken tells nothing about them.
        """
        offered = passwords.digest(self._pepper, password)
        found = [route for route in self._routes if passwords.same(offered, route.digest)]
        return _chosen(found, username)

    def by_key(self, username: str, key: str) -> Route | Guest | None:
        """The lease of whom ``key`` belongs to, or they themselves where they have none.  Where there are several: the
        one whose image is ``username``, else the newest."""
        own = self._keys.get(same_key(key), [])
        if len({each.person for each in own}) > 1:
            return None  # a key that two people say is theirs tells nobody apart
        routes = [each for each in own if isinstance(each, Route)]
        return _chosen(routes, username) if routes else next(iter(own), None)


def _chosen(own: list[Route], username: str) -> Route | None:
    """The one whose image is ``username``, else the first that is no old lab."""
    wanted = username.strip().casefold()
    named = next((route for route in own if route.image.casefold() == wanted), None)
    return named or next((route for route in own if route.image != OLD), None)


def to_json(routes: Iterable[Route], guests: Iterable[Guest] = ()) -> dict[str, Any]:
    """What the bot publishes on topic "routes"."""
    return {"routes": [route.to_json() for route in routes], "guests": [asdict(guest) for guest in guests]}
