"""``!lab keep``, ``!lab kept`` and ``!lab restore``, as dialogs: bounded, private, asked first, and gone with their person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stage import Stage
from trainbot.bot.workers.maintenance import at_once
from trainbot.core.errors import UserError
from trainbot.features.kept_files.feature import TRIES
from trainbot.features.kept_files.restore_words import read_words
from trainbot.model.kept_files import FOLDER, FilesKept, FilesRestored, KeepFiles, RestoreFiles, number_of

DIGEST = "ab" * 32


def switch_on(stage: Stage, **settings: object) -> None:
    """Keeping files is on, and the bot is started again."""
    labs = replace(stage.config.labs, kept=2, **settings)
    stage.config = replace(stage.config, labs=labs)
    stage.restart()
    stage.host_up()


@pytest.fixture
def kept(stage: Stage) -> Stage:
    """alice has a lab."""
    switch_on(stage)
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    return stage


def file_of(stage: Stage, number: int) -> Path:
    return stage.folder / "state" / FOLDER / f"{number}-{DIGEST[:16]}.tar.gz"


def keep_one(stage: Stage, size: int = 1_300_000) -> list[tuple[str, str]]:
    """Somebody's files are being kept: that ends well."""
    ((work,), stage.files) = stage.files, []
    assert isinstance(work, KeepFiles)
    file_of(stage, work.kept).parent.mkdir(parents=True, exist_ok=True)
    file_of(stage, work.kept).touch()
    return stage.happens(FilesKept(work.kept, size, DIGEST))


@given(st.text(max_size=40))
def test_any_words_are_read_or_refused(words: str) -> None:
    """A number, an image, both in any order, or the usage."""
    try:
        number, image = read_words(words)
    except UserError as error:
        assert str(error).endswith("Usage: !lab restore [N] [IMAGE]")
    else:
        assert (number is not None) + (image is not None) == len(words.split())


@given(st.integers(0, 999_999_999), st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True), st.booleans())
def test_a_number_and_an_image(number: int, image: str, first: bool) -> None:
    """In any order."""
    words = [str(number), image] if first else [image, f"#{number}"]
    assert read_words(" ".join(words)) == (number, image)


@given(st.text(max_size=30))
def test_only_names_of_archives_have_numbers(name: str) -> None:
    """Whatever lies in the folder."""
    found = number_of(name)
    assert found is None or (name.startswith(f"{name.partition('-')[0]}-") and int(name.partition("-")[0]) == found)


def test_it_is_off_unless_bot_ini_says_so(stage: Stage) -> None:
    """Each command says what else to do; nothing is begun."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    assert stage.talk("alice", "!lab keep") == [
        "alice: keeping files is off here; scp copies them to your own machine, and !lab tells how long your lab lasts"
    ]
    assert stage.whisper("alice", "lab kept") == ["you have no kept files, and keeping files is off here"]
    assert stage.files == []


def test_kept_and_restored(kept: Stage) -> None:
    """Said when it begins and when it is done, privately; the list says what there is and for how long."""
    assert kept.hear("alice", "!lab keep") == [
        ("alice", "keeping /root of your debian lab, 8 MiB packed at most; I'll tell you when it's done")
    ]
    assert kept.whisper("alice", "lab kept")[0].startswith("1: debian, is being kept; ")
    assert kept.talk("alice", "!lab keep") == [
        "alice: your debian lab is busy with kept files already; I'll tell you when that is done"
    ]
    assert keep_one(kept) == [
        (
            "alice",
            "archive 1 is kept: your files of the debian lab, 1.2 MiB, for 30 d. !lab restore puts them into a lab",
        )
    ]
    kept.wait(days=3)
    assert kept.talk("alice", "!lab kept") == [
        "1: debian, 1.2 MiB, kept 3 d ago, for 27 d more; !lab restore 1 puts it into your lab, !lab kept delete 1 "
        "deletes it"
    ]
    kept.talk("alice", "!lab debian")
    kept.hosts_work()
    asked = (
        "this puts archive 1 (debian, 1.2 MiB, kept 3 d ago) into /root of your debian lab; files there with the same "
        "names are replaced. Type !yes within 60 s."
    )
    for words in ("", " 1", " debian", " debian 1"):
        assert kept.hear("alice", f"!lab restore{words}") == [("alice", asked)]
        assert kept.files == []
    assert kept.talk("alice", "!yes") == ["restoring archive 1 in your debian lab; I'll tell you when it's done"]
    ((work,), kept.files) = kept.files, []
    assert isinstance(work, RestoreFiles) and (work.name, work.digest) == (file_of(kept, 1).name, DIGEST)
    assert kept.happens(FilesRestored(1)) == [("alice", "archive 1 is restored: your files are in your lab")]
    assert kept.talk("alice", "!lab kept delete 1") == ["archive 1 is deleted"]
    assert kept.deleted_but == frozenset()


def test_the_oldest_goes_when_a_new_one_is_there(kept: Stage) -> None:
    """It is asked first, and an archive that fails costs nobody the one before."""
    for _ in range(2):
        kept.talk("alice", "!lab keep")
        keep_one(kept)
    assert kept.talk("alice", "!lab keep") == [
        "you have 2 kept archives, the most here: the oldest, debian, 1.2 MiB, kept 0 s ago, will be deleted once this one "
        "is kept. Type !yes within 60 s."
    ]
    kept.talk("alice", "!yes")
    kept.files = []
    assert kept.happens(FilesKept(3, error="tar failed in the lab: oh")) == [
        ("alice", "your files of the debian lab were not kept: tar failed in the lab: oh")
    ]
    assert kept.deleted_but == {1, 2}
    kept.talk("alice", "!lab keep"), kept.talk("alice", "!yes")
    keep_one(kept)
    assert kept.deleted_but == {2, 3}


def test_a_lab_that_cannot_be_reached(kept: Stage) -> None:
    """Tried again some times, and then said; one that has ended is not waited for."""
    kept.talk("alice", "!lab keep")
    for _ in range(TRIES - 1):
        kept.files = []
        assert kept.happens(FilesKept(1, error="the lab could not be reached", again=True)) == []
        kept.wait(minutes=2)
        assert [work.kept for work in kept.files] == [1]
    assert kept.happens(FilesKept(1, error="the lab could not be reached", again=True)) == [
        ("alice", "your files of the debian lab were not kept: the lab could not be reached")
    ]
    kept.files = []
    kept.talk("alice", "!lab keep")
    kept.talk("alice", "!lab return"), kept.talk("alice", "!yes")
    kept.files = []
    kept.restart()
    kept.host_up()
    assert ("alice", "your files of the debian lab were not kept: the lab ended, or can't be reached") in kept.wait(
        seconds=2
    )
    assert kept.files == []


def test_a_restart_in_the_middle(kept: Stage) -> None:
    """What was being kept or restored is begun again, once."""
    kept.talk("alice", "!lab keep")
    kept.restart()
    kept.host_up()
    kept.wait(seconds=2)
    assert [work.kept for work in kept.files] == [1]
    keep_one(kept)
    kept.talk("alice", "!lab restore"), kept.talk("alice", "!yes")
    kept.restart()
    kept.host_up()
    kept.wait(seconds=2)
    (work,) = kept.files
    assert isinstance(work, RestoreFiles)
    assert kept.happens(FilesRestored(1, "tar failed in the lab: no space")) == [
        (
            "alice",
            "archive 1 was not restored, or only in part: tar failed in the lab: no space. It is still kept",
        )
    ]


def test_on_another_machine(kept: Stage) -> None:
    """Archives are not part of copies: where one is missing, that is said, and nothing is put into a lab."""
    kept.talk("alice", "!lab keep")
    keep_one(kept)
    file_of(kept, 1).unlink()
    assert "1: debian, 1.2 MiB, kept 0 s ago, but not on this machine" in kept.whisper("alice", "lab kept")[0]
    assert kept.talk("alice", "!lab restore") == [
        "alice: archive 1 is not on this machine: it was kept on another, or was lost"
    ]


def test_bounds_of_all(stages: Callable[..., Stage]) -> None:
    """What all archives together may take is counted with those that are still coming."""
    stage = stages()
    switch_on(stage, kept_total=16)
    for nick in ("alice", "bob", "carol"):
        stage.talk(nick, "!lab debian")
    stage.hosts_work()
    stage.talk("alice", "!lab keep"), stage.talk("bob", "!lab keep")
    refused = (
        "carol: there is no room for more kept files here, an organiser can make some ([labs] kept_total); scp copies yours "
        "to your own machine"
    )
    assert stage.talk("carol", "!lab keep") == [refused]
    stage.files = [work for work in stage.files if work.kept == 1]
    keep_one(stage, 8 << 20)
    assert stage.talk("carol", "!lab keep") == [refused]
    stage.happens(FilesKept(2, error="no"))
    assert stage.talk("carol", "!lab keep")[0].startswith("keeping /root of your debian lab")


def test_they_end_after_their_time(kept: Stage) -> None:
    """And their files are deleted."""
    kept.talk("alice", "!lab keep")
    keep_one(kept)
    kept.wait(days=29)
    assert kept.deleted_but == {1}
    kept.wait(days=2)
    assert kept.deleted_but == frozenset()
    assert kept.whisper("alice", "lab kept") == ["you have no kept files; !lab keep keeps those of your lab"]


def test_nobody_else_has_them(kept: Stage) -> None:
    """Not by their number, in no place."""
    kept.talk("alice", "!lab keep")
    keep_one(kept)
    kept.talk("bob", "!lab debian")
    kept.hosts_work()
    for words in ("!lab restore 1", "!lab kept delete 1"):
        assert kept.talk("bob", words) == ["bob: you have no kept archive 1; !lab kept lists yours"]
    assert kept.talk("bob", "!lab restore") == [
        "bob: you have no kept files of a debian lab; !lab kept lists what you have"
    ]


def test_redaction_and_pruning_take_them(kept: Stage) -> None:
    """The rows at once, the files in the next turn; one that is still being kept does not come back."""
    kept.talk("alice", "!lab keep")
    keep_one(kept)
    kept.talk("alice", "!lab keep")
    kept.files = []
    kept.talk("alice", "!lab return"), kept.talk("alice", "!yes")
    at_once(kept.wiring.records.keeping.redact("alice", kept.now))
    kept.wait(seconds=2)
    assert kept.deleted_but == frozenset()
    kept.deleted_but = frozenset({9})
    kept.happens(FilesKept(2, 5, DIGEST))
    assert kept.deleted_but == frozenset()
    kept.talk("bob", "!lab debian")
    kept.hosts_work()
    kept.talk("bob", "!lab keep")
    keep_one(kept)
    at_once(kept.wiring.records.keeping.prune(kept.now + timedelta(seconds=1)))
    kept.wait(seconds=2)
    assert kept.deleted_but == frozenset()


def test_they_go_with_their_person(stages: Callable[..., Stage]) -> None:
    """Who logs in to an account that is known, or claims their lab after a reconnect, keeps them."""
    stage = stages(require_account="no")
    switch_on(stage)
    stage.whisper("alice", "tz berlin")
    password = stage.whisper("stranger", "lab debian")[0].split()[4].rstrip(";,")
    stage.hosts_work()
    assert stage.whisper("stranger", "lab keep")[0].endswith(
        "I'll tell you when it's done (without an account I only know you while you stay in the channel)"
    )
    keep_one(stage)
    stage.leave("stranger")
    stage.join("again")
    assert stage.whisper("again", "lab kept")[0].startswith("you have no kept files")
    assert "it is yours again" in stage.whisper("again", f"lab claim {password}")[0]
    assert stage.whisper("again", "lab kept")[0].startswith("1: debian, 1.2 MiB")
    stage.rename("again", "alice2", account="alice")
    assert stage.whisper("alice2", "lab kept")[0].startswith("1: debian, 1.2 MiB")


def test_they_stay_with_their_account(kept: Stage) -> None:
    """Who changes from one account to another, or logs out, takes nothing along."""
    kept.whisper("bob", "tz berlin")
    kept.talk("alice", "!lab keep")
    keep_one(kept)
    kept.leave("bob")
    kept.rename("alice", "alice2", account="bob")
    assert kept.whisper("alice2", "lab kept")[0].startswith("you have no kept files")
    kept.rename("alice2", "alice3", account="alice")
    assert kept.whisper("alice3", "lab kept")[0].startswith("1: debian, 1.2 MiB")


def test_without_an_account_where_one_is_needed(kept: Stage) -> None:
    """Nothing is kept for somebody whom nobody knows tomorrow."""
    assert kept.talk("stranger", "!lab keep")[0].startswith("to keep files you need an account on this network")
