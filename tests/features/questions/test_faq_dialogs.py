"""Everything answered is found again: ranked, in a line, with typos, whatever is typed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stage import CHANNEL, Stage
from trainbot.features.questions.search_terms import MOST_LETTERS, misspelt, nearest, telling, words_of

ANSWERED = [
    ("why is port 11371 taken on Debian?", "the policy owns it; semanage port -m changes it"),
    ("how do I see which mode it is in?", "getenforce says it"),
    ("what does enforcing mean?", "what the policy does not allow is refused"),
    ("may squid connect to any port?", "setsebool -P squid_connect_any 1 allows it"),
    ("Wo ist die Prüfsumme?", "neben dem Abbild, als SHA-256"),
]


@pytest.fixture
def answered(stage: Stage) -> Stage:
    for n, (question, answer) in enumerate(ANSWERED, start=1):
        stage.talk("hannah", f"!ask {question}")
        stage.talk("russell", f"!answer {n} {answer}")
    stage.talk("hannah", "!ask is semanage slow?")
    stage.talk("alice", "!tz")
    return stage


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("semanage", 1),
        ("semanage port", 1),
        ("getenforce", 2),
        ("modes", 2),
        ("ENFORCING", 3),
        ("squid_connect_any", 4),
        ("connect any port", 4),
        ("prüfsumme", 5),
        ("prufsumme", 5),
        ("sha-256", 5),
        ("11371", 1),
        ("semanaeg prot", 1),
        ("enforcign", 3),
        ("sqiud", 4),
        ("getenfroce", 2),
        ("pruffsumme", 5),
        ("debain", 1),
    ],
)
def test_found(answered: Stage, words: str, number: int) -> None:
    """By words of question or answer, their other forms, without accents, with a letter or two wrong."""
    (line,) = answered.whisper("alice", f"faq {words}")
    assert (
        line.startswith(f"{number}: {ANSWERED[number - 1][0]} → {ANSWERED[number - 1][1]}") and len(line.encode()) < 400
    )


def test_one_line_with_where_to_read_more(answered: Stage) -> None:
    """To a learner alone; staff show it to the class.  A number says all of one."""
    assert answered.hear("alice", "!faq semanaeg port") == [
        (
            "alice",
            "1: why is port 11371 taken on Debian? → the policy owns it; semanage port -m changes it | 4: may squid "
            'connect to any port? | !faq 1 shows it in full (nobody said "semanaeg", so I searched for "semanage")',
        )
    ]
    assert answered.hear("hannah", "!faq getenforce") == [
        (CHANNEL, "hannah: 2: how do I see which mode it is in? → getenforce says it | !faq 2 shows it in full")
    ]
    answered.talk("olga", "!answer 2 and sestatus says more")
    assert answered.whisper("alice", "faq 2") == [
        "question 2, hannah, 27 Nov 2026: how do I see which mode it is in? → getenforce says it (russell) | and sestatus says "
        "more (olga)"
    ]
    assert answered.whisper("alice", "faq kubernetes") == ["no answered question matches; !ask WORDS asks a new one"]


def test_what_changes_is_found_as_it_is(answered: Stage) -> None:
    """A correction is found at once, and what it replaced no more; deleted questions never."""
    answered.talk("russell", "!edit 2 say sestatus")
    assert "2: how do I" in answered.whisper("alice", "faq sestatus")[0]
    assert answered.whisper("alice", "faq getenforce")[0].startswith("no answered question matches")
    answered.talk("russell", "!delete 2")
    assert answered.whisper("alice", "faq sestatus")[0].startswith("no answered question matches")


HOSTILE = [
    '"',
    '""',
    "'",
    "a OR",
    "AND",
    "NEAR(a b)",
    "words:semanage",
    "*",
    "^",
    "-port",
    "port*",
    "(",
    ")",
    "{words answer}: x",
    "a\0b",
    "\ud800",
    "%",
    "_",
    "🎉",
    "\u202e",
    "NOT NOT NOT",
    "+",
    "\\",
    ";drop table question",
    "x" * 5000,
    "a " * 900,
]


@pytest.mark.parametrize("words", HOSTILE)
def test_no_query_is_an_error(answered: Stage, words: str) -> None:
    """Nothing of it is syntax: one line comes, without a reference, and nothing changes."""
    before = answered.dump()
    (line,) = answered.whisper("alice", f"faq {words}")
    assert "went wrong" not in line and len(line.encode()) < 450
    assert answered.dump() == before


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = Stage(tmp_path_factory.mktemp("searched"))
    stage.talk("hannah", "!ask why is port 11371 taken?")
    stage.talk("hannah", "!answer 1 the policy")
    return stage


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1))
def test_any_query(searched: Stage, words: str) -> None:
    """Whatever is searched for, the index answers."""
    with searched.store.transaction():
        searched.wiring.questions.search.look("question_fts", words)


@given(st.text())
def test_words_are_bounded(text: str) -> None:
    """However long a query, a few words of it count, none empty, none twice."""
    words = words_of(text)
    assert len(words) <= 24 and all(0 < len(word) <= 60 for word in words)


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 3000)), st.integers(1, 6000))
def test_a_search_ranks_no_more_than_it_may(frequencies: dict[str, int], budget: int) -> None:
    """The rarest words, within the budget or one alone; common and unknown ones never."""
    chosen = telling(frequencies, 3000, budget)
    assert all(0 < frequencies[word] < 3000 for word in chosen)
    assert len(chosen) <= 1 or sum(frequencies[word] for word in chosen) <= budget
    assert bool(chosen) is any(0 < number < 3000 for number in frequencies.values())


@pytest.mark.parametrize(
    ("word", "others", "found"),
    [
        ("semanaeg", ["manage", "semanage"], "semanage"),
        ("prot", ["pork", "port"], "port"),
        ("prot", [], None),
        ("abc", ["abd"], None),
        ("enforcign", ["enforcing", "enforce"], "enforcing"),
        ("xxxxxxx", ["semanage"], None),
        ("house", ["mouse", "horse"], "horse"),
    ],
)
def test_nearest(word: str, others: list[str], found: str | None) -> None:
    """Two letters at most, one in short words, none in three letters; rather what begins alike."""
    assert nearest(word, others) == found


@given(st.text("abcdefgh", min_size=4, max_size=MOST_LETTERS), st.integers(0, 4))
def test_short_slips_are_listed(word: str, at: int) -> None:
    """Of a short word every letter exchanged, left out or wrong leads back to it."""
    at = min(at, len(word) - 1)
    assert {word} & set(misspelt(word[:at] + "z" + word[at + 1 :]))
    assert word in misspelt(word[:at] + word[at + 1 :]) or len(word) > MOST_LETTERS
