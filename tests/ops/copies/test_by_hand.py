"""trainbot copy key: what to type on the second machine."""

from __future__ import annotations

import pytest

from trainbot.core.errors import UserError
from trainbot.ops.copies.by_hand import admission, copy_now


def test_the_key_may_write_copies_and_nothing_else(sender):
    """The line for authorized_keys (sshd(8)) is restricted to the one command, and the private key stays here."""
    sender.ini.write_text(sender.ini.read_text() + "[store]\ncopies = trainbot@second.example.net:/srv/the copies\n")
    said = admission(sender.config)
    public = (sender.folder / "state" / "copy_key.pub").read_text().split()[1]
    assert "restrict,command=" in said and public in said and "/srv/the copies" in said
    assert "useradd --system --create-home --home-dir /var/lib/trainbot trainbot" in said
    assert (sender.folder / "state" / "copy_key").stat().st_mode & 0o777 == 0o600
    assert (sender.folder / "state" / "copy_key").read_text().splitlines()[1] not in said


def test_without_a_place_for_copies(sender):
    """Both commands say what to set."""
    with pytest.raises(UserError, match="set for example copies = trainbot@second.example.org:copies in .store."):
        admission(sender.config)
    with pytest.raises(UserError, match="set copies in .store., for example copies = /srv/copies"):
        copy_now(sender.config)
