"""What people read is in the field's words and in plain English (make messages prints all of it)."""

from __future__ import annotations

import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

ROOT = Path(__file__).parents[1]

# words of the first draft for which the field has its own: core, parser, scheduler, supervisor, quota, jump host, ...
COINED = re.compile(
    r"\b(spine|grammar|doings|captions?|porters?|errands?|desks?(?!\+)|chores?|lessons?|checkup|keepers?|crowds?|trunks?|"
    r"passages?|knocks?|fleets?|manners|outlooks?|standings?)\b",
)
# "whoever has it", "2 is no seat", "I know no image", "nothing but for", "made anew"
RIDDLES = re.compile(
    r"\b(whoever|(?<!there )(is|are) no (?!longer|more|one|way|room|image|connection)\w+|know no|but for|not such a|for ever|anew)\b",
    re.IGNORECASE,
)
TOKENIZER = "porter unicode61 remove_diacritics 2"  # a name of SQLite's


def messages() -> list[tuple[str, int, str]]:
    loader = SourceFileLoader("messages", str(ROOT / "scripts" / "messages"))
    spec = spec_from_loader("messages", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return list(module.every())


def test_no_coined_word_is_left() -> None:
    """In messages, help and docstrings."""
    every = messages()
    assert len(every) > 2000
    assert [f"{file}:{line}: {text}" for file, line, text in every if COINED.search(text) and text != TOKENIZER] == []


def test_messages_are_plain() -> None:
    """In all that is said; docstrings ("# ...") may be terser."""
    said = [each for each in messages() if not each[2].startswith("# ")]
    assert len(said) > 1000
    assert [f"{file}:{line}: {text}" for file, line, text in said if RIDDLES.search(text)] == []
