"""The demo's IRC server is open to every user of the machine, and its organiser is who started it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers.client import Client
from trainbot.ops.demo.irc_client import IrcClient
from trainbot.ops.demo.ngircd import Ngircd
from trainbot.ops.demo.world import PRESENTER_HOST

pytestmark = pytest.mark.attacks


async def test_only_who_started_the_demo_has_the_presenters_host(tmp_path: Path) -> None:
    """From whatever loopback address, with a guessed password or none: nobody else is shown with that host."""
    async with Ngircd(tmp_path / "irc", max_penalty=0, webirc="secret") as server:
        assert (tmp_path / "irc" / "ngircd.conf").stat().st_mode & 0o777 == 0o600
        ours = await IrcClient.connect(server.port, "presenter", webirc=f"secret {PRESENTER_HOST}")
        other = await Client.connect(server.port, "mallory", source="127.0.0.2")
        for client in (ours, other):
            await client.join("#class")
        other.send("WHO #class")
        await other.expect(rf" 352 mallory #class ~?\S+ {PRESENTER_HOST} \S+ presenter ")
        other.send("WHO mallory")
        await other.expect(r" 352 mallory \S+ \S+ 127\.0\.0\.2 \S+ mallory ")
        guesser = await IrcClient.connect(server.port, "guesser", webirc=f"guess {PRESENTER_HOST}")
        other.send("WHO guesser")
        await other.expect(r" 352 mallory \S+ \S+ 127\.0\.0\.1 \S+ guesser ")
        await guesser.close()
        await ours.close()
        await other.close()
