"""``python -m trainbot.ops.commands_doc``: prints docs/commands.md, from the command table."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from trainbot.adapters.db import Store
from trainbot.adapters.db.tables import metadata
from trainbot.adapters.irc.connection_status import ChannelMembership, ConnectionStatus
from trainbot.bot.installation import OwnPorts, SshAccess
from trainbot.bot.wiring import Wiring
from trainbot.config import load
from trainbot.core.help import commands_page
from trainbot.core.messages import Sender
from trainbot.model.ports import Installation


class EmptyNetwork:
    """An IRC network without people."""

    nick = "trainbot"

    account = None

    def fold(self, name: str) -> str:
        return name

    def members(self, channel: str) -> Sequence[Sender]:
        return ()

    def holds(self, channel: str, nick: str) -> bool:
        return False

    def find(self, nick: str) -> Sender | None:
        return None

    def marked(self, channel: str, nick: str) -> bool:
        return False

    def membership(self, channel: str) -> ChannelMembership:
        return ChannelMembership()

    def connection_status(self) -> ConnectionStatus:
        return ConnectionStatus(connected=False, trouble="", nick=self.nick)


def page() -> str:
    """The current text of the page."""
    access = SshAccess(2222, "localhost", accounts_only=True, state=Path(), pepper=b"")
    installation = Installation("", access, OwnPorts(), images={}, unready={})
    store = Store("sqlite:///:memory:")
    try:
        with tempfile.TemporaryDirectory() as folder:
            ini = Path(folder) / "bot.ini"
            ini.write_text("[irc]\nchannels = #class\n")
            with store.transaction():
                metadata.create_all(store.connection)
            return commands_page(Wiring(load(ini), store, EmptyNetwork(), installation).table)
    finally:
        store.close()


if __name__ == "__main__":
    print(page(), end="")
