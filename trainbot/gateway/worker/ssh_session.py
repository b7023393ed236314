"""One learner's session (RFC 4254 section 6): a shell, a command or sftp in their lab."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Coroutine
from typing import Any, Protocol

import asyncssh

from trainbot.core.tasks import Tasks
from trainbot.core.text import one_line
from trainbot.gateway.lab.lab_link import BROKE, REFUSED, LabLink, LabUnavailable
from trainbot.gateway.lab.pipe import PipeEnd, SocketBackpressure, join
from trainbot.gateway.learner.xen_manage import wanted
from trainbot.gateway.wire import FULL
from trainbot.gateway.worker.manage_view import ManageView

log = logging.getLogger(__name__)

PASSED_ENV = re.compile(rb"LANG|LC_[A-Z]{1,20}|COLORTERM")
_TAIL = 32  # bytes
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[ -/]*|[\]PX^_][^\x07\x1b]*)\Z|[\xc2-\xf4][\x80-\xbf]{0,2}\Z")
STATUS_WAIT = 0.25  # seconds to wait for the exit status after the end of the output
LONGEST = 1000  # characters of a message
NOTHING_TO_READ = (  # a line of an IRC client that is pasted whole: "12:34:56 trainbot | ssh …"
    "ssh had no terminal and nothing to read, so the shell ended at once: "
    "paste the ssh command alone, without what stands before it"
)
LOST = 255  # what OpenSSH's client itself exits with when a connection is lost


class SessionOwner(Protocol):
    """What a session needs from its connection."""

    def link(self) -> LabLink:
        """The link to the lab; LabUnavailable if there is none."""

    def screen(self) -> str | None:
        """The command for a login with a terminal; None: the lab's login shell."""

    def watched(self) -> list[str]: ...

    def guests(self) -> list[str]:
        """Who else is at this terminal."""

    def manage(self, session: LearnerEnd) -> ManageView: ...

    def session_gone(self, session: LearnerEnd) -> None: ...


class LabEnd(PipeEnd, asyncssh.SSHClientSession[bytes]):
    """The end in the lab."""

    def __init__(self, line: SocketBackpressure) -> None:
        super().__init__(line)
        self.status: int | None = None
        self.signal: tuple[str, bool] | None = None

    def exit_status_received(self, status: int) -> None:
        self.status = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        # The lab is untrusted: an invented name or a message never reaches the learner's terminal.
        if re.fullmatch(r"[A-Z0-9]{1,16}", signal):
            self.signal = (signal, core_dumped)


class LearnerEnd(PipeEnd, asyncssh.SSHServerSession[bytes]):
    """The end at the learner: asks ``connection`` for the lab once the learner's request is known."""

    window = 2 << 20  # bytes that the lab may send before they are taken: asyncssh's own

    def __init__(self, connection: SessionOwner, line: SocketBackpressure) -> None:
        super().__init__(line)
        self._connection = connection
        self._tasks = Tasks()
        self._pty: tuple[str, dict[int, int]] | None = None
        self._command: str | None = None
        self._subsystem: str | None = None
        self._manage: ManageView | None = None
        self._heard = False  # something was typed or piped in
        self.on_screen = False  # in tmux, as far as we know
        self._last = b""  # what the lab has sent last

    # -- what the learner asks for

    def pty_requested(self, term_type: str, term_size: Any, term_modes: Any) -> bool:
        self._pty = (term_type, dict(term_modes))
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        """sftp only: it is served by the lab, like everything else."""
        self._subsystem = subsystem
        return subsystem == "sftp"

    def session_started(self) -> None:
        command = self._command
        if command is not None and wanted(command):
            self._manage = self._connection.manage(self)
            self._manage.begin(command, pty=self._pty is not None)
            work = self._managed(self._manage)
        else:
            work = self._in_lab()
        self._tasks.start(self._run(work), "a session")

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._heard = True
        if self._manage is not None:
            self._manage.heard(data)
        else:
            super().data_received(data, datatype)

    def eof_received(self) -> bool:
        if self._manage is not None:
            self._manage.ended()
            return True
        return super().eof_received()

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self.other is not None and not self.other.chan.is_closing():
            self.other.chan.change_terminal_size(width, height, pixwidth, pixheight)

    def signal_received(self, signal: str) -> None:
        if self.other is not None and not self.other.chan.is_closing():
            self.other.chan.send_signal(signal)

    def break_received(self, msec: int) -> bool:
        if self.other is None or self.other.chan.is_closing():
            return False
        self.other.chan.send_break(msec)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._tasks.cancel()
        super().connection_lost(exc)
        self._connection.session_gone(self)

    @property
    def terminal(self) -> bool:
        return self._pty is not None and self._manage is None

    @property
    def managing(self) -> bool:
        """Whether it runs xen-manage: the end of a lab does not end such a session."""
        return self._manage is not None

    # -- what we say

    def say(self, sentence: str) -> None:
        """On stderr, so that no file transfer takes it for data."""
        if self.chan is not None and not self.chan.is_closing():
            self.chan.write(f"trainbot: {one_line(sentence, LONGEST)}\r\n".encode(), asyncssh.EXTENDED_DATA_STDERR)

    def mark(self, sentence: str) -> bool:
        """Writes ``sentence`` over the first row, whatever the lab shows there.  False if the lab is in the middle of a sequence, or
        too slow a reader."""
        if self._line.full or _UNFINISHED.search(self._last) or self.chan is None:
            return False
        if not self.chan.is_closing():
            text = one_line(sentence, LONGEST)[: max(1, self.chan.get_terminal_size()[0])]
            self.chan.write(f"\x1b7\x1b[1;1H\x1b[0;7m{text}\x1b[0m\x1b[K\x1b8".encode())
        return True

    def take(self, data: bytes, datatype: int | None) -> None:
        self._last = data[-_TAIL:]
        super().take(data, datatype)

    def end(self, sentence: str) -> None:
        """Ends the session with a message that says why."""
        self.say(sentence)
        if self.chan is not None:
            self.chan.exit(LOST)

    def finish(self, exc: Exception | None) -> None:
        """The lab's end closed: pass on how it ended."""
        lab = self.other
        assert isinstance(lab, LabEnd)
        if self._command is None and self._subsystem is None and self._pty is None and not self._heard:
            self.say(NOTHING_TO_READ)
        if lab.status is not None:
            self.chan.exit(lab.status)
        elif lab.signal is not None:
            self.chan.exit_with_signal(*lab.signal)
        elif exc is not None:
            self.end(BROKE)
        else:  # sshd closed without a status: the learner's client sees just that
            self.chan.close()

    def write(self, data: bytes, *, error: bool) -> None:
        """Output of xen-manage; dropped where nobody reads it."""
        if not self.chan.is_closing() and not self._line.full and self.chan.get_write_buffer_size() < FULL:
            # A terminal shows both, and clients write them in any order: there everything is one stream.
            self.chan.write(data, asyncssh.EXTENDED_DATA_STDERR if error and self._pty is None else None)

    async def _managed(self, view: ManageView) -> None:
        code, failed = await view.over()
        if failed:
            self.end(failed)
        else:
            self.chan.exit(code)

    def take_eof(self) -> None:
        """Delayed: dropbear's client closes at the end of the output and would miss an exit status after it."""
        asyncio.get_running_loop().call_later(STATUS_WAIT, super().take_eof)

    async def _in_lab(self) -> None:
        for sentence in self._connection.guests() if self.terminal else ():
            self.say(sentence)
        join(self, await self._start_in_lab())
        for sentence in self._connection.watched():
            if self.terminal and not self.on_screen:
                self.say(sentence)

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except LabUnavailable as away:
            self.end(str(away))
        except asyncssh.ChannelOpenError:
            self.end(REFUSED)
        except (asyncssh.Error, OSError):
            self.end(BROKE)
        except Exception:
            log.exception("a session failed")
            self.end("internal error in the gateway: run ssh again, or tell the presenter")

    async def _start_in_lab(self) -> LabEnd:
        link = self._connection.link()
        connection = await link.connection(self.say)
        command = self._command or None
        if (
            self._pty
            and command is None
            and self._subsystem is None
            and (command := self._connection.screen()) is not None
        ):
            self.on_screen = True
        size = self.chan.get_terminal_size()
        end = LabEnd(link.line)
        chan, _ = await connection.create_session(
            lambda: end,
            command,
            subsystem=self._subsystem,
            env={k: v[:256] for k, v in self.chan.get_environment_bytes().items() if PASSED_ENV.fullmatch(k)},
            request_pty="force" if self._pty else False,
            term_type=self._pty[0] if self._pty else None,
            term_size=size,
            term_modes=self._pty[1] if self._pty else {},
            encoding=None,
            x11_forwarding=False,
            window=self.window,
        )
        if self.chan.get_terminal_size() != size:  # resized while the lab was being reached
            chan.change_terminal_size(*self.chan.get_terminal_size())
        return end
