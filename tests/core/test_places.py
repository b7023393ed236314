"""A place among other words: which of them does not belong to it."""

from datetime import UTC, datetime

import pytest

from trainbot.core.errors import UserError
from trainbot.core.places import read_place

AT = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "zone_name"),
    [
        ("berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("portland maine", "America/New_York"),
        ("Portland, Oregon, USA", "America/Los_Angeles"),
        ("rome time", "Europe/Rome"),
    ],
)
def test_a_place_alone(said: str, zone_name: str) -> None:
    """As without other words."""
    assert read_place(said, AT) == zone_name


@pytest.mark.parametrize(
    ("said", "odd"),
    [
        ("berlin sharp", "sharp"),
        ("please new york", "please"),
        ("new york me", "me"),
        ("it buenos aires", "it"),
        ("london north", "north"),
        ("new please york", "please"),
        ("usa thanks", "thanks"),
        ("EST whatever", "whatever"),
        ("berlin nine hours", "nine hours"),
        ("many thanks lagos", "many thanks"),
        ("melbourne so to speak", "so to speak"),
    ],
)
def test_the_word_that_does_not_belong_to_it(said: str, odd: str) -> None:
    """It alone is named, also where the place has several zones."""
    with pytest.raises(UserError, match=f'^I don\'t understand "{odd}"$'):
        read_place(said, AT)


@pytest.mark.parametrize(
    ("said", "two"),
    [
        ("paris london", "paris and london"),
        ("PST berlin", "PST and berlin"),
        ("-05:00 new york", "-05:00 and new york"),
        ("tokyo AWST", "tokyo and AWST"),
    ],
)
def test_two_places(said: str, two: str) -> None:
    """Both are named; none is chosen."""
    with pytest.raises(UserError, match=f"^there are two places, {two}: keep one$"):
        read_place(said, AT)


@pytest.mark.parametrize("said", ["blah", "sharp please", "north", "me", "", "x" * 80])
def test_no_place_at_all(said: str) -> None:
    """Nothing is picked out of it."""
    with pytest.raises(UserError) as refused:
        read_place(said, AT)
    assert "keep one" not in str(refused.value)
