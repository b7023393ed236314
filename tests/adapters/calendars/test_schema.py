"""The schema that editors check course files by says what the bot says."""

from __future__ import annotations

import json
import tomllib
from datetime import datetime
from pathlib import Path

import jsonschema
import pytest

from trainbot import shipped
from trainbot.adapters.calendars.toml_schedule import COURSE_KEYS, SESSION_KEYS, read_toml

FOLDER = Path(shipped.folder("schedules"))
SCHEMA = json.loads((FOLDER / "course.schema.json").read_text())
SESSION = '[[session]]\nid = "a"\ntitle = "t"\nzone = "UTC"\nstart = 2027-02-20T19:00:00\n'


def faults(text: str) -> list[str]:
    """What an editor would underline; TOML's times have no JSON type."""
    data = json.loads(json.dumps(tomllib.loads(text), default=datetime.isoformat))
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(data)]


def test_it_is_a_schema() -> None:
    """Of the draft that it names, and with every key that a course file may hold."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]["course"]["properties"]) == set(COURSE_KEYS)
    assert set(SCHEMA["properties"]["session"]["items"]["properties"]) == set(SESSION_KEYS)


def test_the_course_that_ships() -> None:
    """Keeps to it, and names it so that editors find it."""
    text = (FOLDER / "selinux-course.toml").read_text()
    assert faults(text) == [] and read_toml(text, "selinux-course.toml")[1] == []
    assert text.startswith("#:schema ./course.schema.json\n")


@pytest.mark.parametrize(
    "line",
    [
        "seats = 30",
        "seats = 0",
        "seats = 100001",
        'seats = "30"',
        "seats = true",
        "minutes = 1440",
        "minutes = 1441",
        'images = ["debian"]',
        "images = 1",
        'images = [".."]',
        'zones = ["Europe/Berlin"]',
        "zones = [1]",
        "cancelled = true",
        'cancelled = "yes"',
        'channel = "#c"',
        'channel = "c"',
        'channel = "#a b"',
        'link = "https://example.org/s?a=b"',
        'slides = "javascript:alert(1)"',
        'slides = "https://example.org/a b"',
        'presenter = ""',
        'exercise = "a/b"',
        'exercise = "selinux-debian"',
        "sets = 3",
        'title2 = "x"',
    ],
)
def test_schema_and_reader_agree(line: str) -> None:
    """What one takes the other takes: a person who follows the editor is not told otherwise by the bot."""
    text = SESSION + line + "\n"
    assert bool(faults(text)) == bool(read_toml(text, "c.toml")[1])
