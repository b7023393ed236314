"""What organisers type about a session is understood in any order of its words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.core.errors import UserError
from trainbot.features.sessions.phrase_parser import read_phrase, wall_time

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
EXERCISES = ("selinux-debian", "nftables")
PIECES = (
    "selinux",
    "sat 14 mar",
    "09:00",
    "melbourne",
    "2h",
    '"SE Linux for beginners"',
    "by alice",
    "seats 30",
    "#class",
    "https://example.org/slides",
)


def understood(text: str) -> tuple[str, datetime, dict[str, object]]:
    said = read_phrase(text, NOW, EXERCISES, "Europe/Berlin")
    zone = said.zone or "Europe/Berlin"
    return zone, wall_time(said, zone, NOW), said.values


@given(st.permutations(PIECES))
@settings(max_examples=150, deadline=None)
def test_any_order_means_the_same(pieces: list[str]) -> None:
    """Nobody has to remember what comes first."""
    with pytest.raises(UserError, match="14 Mar 2027 is a Sunday"):
        understood(" ".join(pieces))
    zone, local, values = understood(" ".join(piece.replace("sat", "sun") for piece in pieces))
    assert (zone, local) == ("Australia/Melbourne", datetime(2027, 3, 14, 9))
    assert values == {
        "exercise": "selinux-debian",
        "minutes": 120,
        "title": "SE Linux for beginners",
        "presenter": "alice",
        "seats": 30,
        "channel": "#class",
        "slides": "https://example.org/slides",
    }


@pytest.mark.parametrize(
    ("words", "local"),
    [
        ("sat 09:00", "2026-11-28T09:00"),
        ("fri 10:00", "2026-11-27T10:00"),
        ("fri 08:00", "2026-12-04T08:00"),
        ("tomorrow 9am", "2026-11-28T09:00"),
        ("today 21:30", "2026-11-27T21:30"),
        ("14 mar 9 pm", "2027-03-14T21:00"),
        ("march 14th 12am", "2027-03-14T00:00"),
        ("2027-03-14 7.30am", "2027-03-14T07:30"),
        ("29 feb 09:00", "2028-02-29T09:00"),
        ("14mar 2028 09:00", "2028-03-14T09:00"),
        ("Sunday 14 March 09:00", "2027-03-14T09:00"),
        ("on 24 nov at 09:00", "2027-11-24T09:00"),
    ],
)
def test_days_and_times(words: str, local: str) -> None:
    """As people write them; without a year the next one, never one that is over."""
    assert understood(words)[1] == datetime.fromisoformat(local)


@pytest.mark.parametrize(
    ("words", "minutes"),
    [
        ("2h", 120),
        ("90min", 90),
        ("90 min", 90),
        ("1h30", 90),
        ("2 hours", 120),
        ("1.5h", 90),
        ("45m", 45),
        ("1h30m", 90),
    ],
)
def test_lengths(words: str, minutes: int) -> None:
    """Hours and minutes, with or without a blank."""
    assert understood(f"sat 09:00 {words}")[2]["minutes"] == minutes


def test_from_to() -> None:
    """A time with its end says the length, over midnight too."""
    assert understood("sat 19:00-21:00")[2]["minutes"] == 120
    assert understood("sat 23:00-01:00 new york")[0::2] == ("America/New_York", {"minutes": 120})


def test_lists() -> None:
    """Images and zones take what follows, up to a word that is something else."""
    _zone, _local, values = understood("images debian centos by alice zones Europe/Berlin Asia/Tokyo sat 09:00 london")
    assert values == {"images": ("debian", "centos"), "presenter": "alice", "zones": ("Europe/Berlin", "Asia/Tokyo")}
    assert _zone == "Europe/London"


@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from([*PIECES, "images", "zones", "am", "seats", '"', "14", "99:99", "mar"]), max_size=9).map(
        " ".join
    )
)
@settings(max_examples=300, deadline=None)
def test_anything_is_understood_or_answered(text: str) -> None:
    """Never a traceback: a session, or one sentence."""
    try:
        understood(text)
    except UserError as error:
        assert str(error) and "\n" not in str(error)
