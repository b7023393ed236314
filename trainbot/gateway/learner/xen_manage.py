"""``ssh … xen-manage …``: manages a person's lab from their own shell, with its console.

The bot does the work, with the same commands as on IRC; only one's own console needs no bot.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from trainbot.core.errors import BackendError
from trainbot.core.text import many_lines, one_line, plain_ascii
from trainbot.gateway.learner.console import Console, Consoles
from trainbot.gateway.learner.shown_terminal import ShownTerminal
from trainbot.gateway.routes import Route

TOOL = "xen-manage"
LEAVE = 0x1D  # ctrl-], as of xl console and virsh console
FULL = 1 << 20  # bytes that may wait for a slow viewer; more output is not shown to them
LONGEST = 400  # characters of a command
AWAY = (
    "trainbot cannot be asked at the moment: try again in a minute. Your lab keeps running, and xen-manage console still "
    "works"
)
HELP = """\
xen-manage create IMAGE [permissive]  create a lab and open its console
xen-manage list                       list your labs with their state and remaining time
xen-manage console [IMAGE]            open the serial console, even if the lab's network is down; ctrl-] to leave
xen-manage reset [IMAGE]              recreate the lab from its image (asks first, unless --yes is given)
xen-manage destroy [IMAGE]            return the lab (asks first, unless --yes is given)
xen-manage console NICK               for helpers: view NICK's console (read-only); NICK is notified
Use ssh -t so that the console behaves like a terminal."""
OK, FAILED, USAGE, STOPPED = 0, 1, 2, 130


class ManageOwner(Protocol):
    """The connection that a command came in on, and its person."""

    @property
    def person(self) -> int: ...

    def labs(self) -> list[Route]: ...
    def own(self) -> Route | None: ...
    async def ask(self, request: dict[str, Any]) -> dict[str, Any]: ...
    def watch(self, lease: str, by: str) -> Callable[[], None]: ...


@dataclass(frozen=True, slots=True)
class ManageSession:
    """What a command needs from its session.  ``pty``: the output goes to a terminal."""

    pty: bool
    write: Callable[[bytes, bool], None]  # (bytes, whether to stderr)
    waiting: Callable[[], int]  # bytes not yet taken


def wanted(command: str | None) -> bool:
    """Whether a command is for xen-manage (its first word) and not for the lab."""
    return command is not None and command.split(maxsplit=1)[:1] == [TOOL]


class ManageCommand:
    """Runs one xen-manage command."""

    def __init__(self, owner: ManageOwner, consoles: Consoles, terms: ManageSession) -> None:
        self._owner, self._consoles, self._terms = owner, consoles, terms
        self._typed: asyncio.Queue[bytes] = asyncio.Queue()
        self._ended = False  # end of input
        self._console: Console | None = None
        self._shown: ShownTerminal | None = None  # of somebody else's console
        self._left: asyncio.Future[int] | None = None

    # -- what comes in -------------------------------------------------------------------------------

    def heard(self, data: bytes) -> None:
        if self._console is not None:
            before, left, _ = data.partition(bytes([LEAVE]))
            if before and self._shown is None:
                self._console.type(before)
            if left:
                self._leave(OK)
        elif self._typed.qsize() < 64:
            self._typed.put_nowait(data)

    def ended(self) -> None:
        self._ended = True
        self._typed.put_nowait(b"")
        if self._console is not None:
            self._leave(OK)

    # -- what goes out (also as a Viewer) ----------------------------------------------------------------

    def line(self, text: str, error: bool = False) -> None:
        end = "\r\n" if self._terms.pty else "\n"
        self._terms.write((text.replace("\n", end) + end).encode("utf-8", "replace"), error)

    def show(self, data: bytes) -> None:
        if self._shown is not None:
            data = self._shown(data)
        if self._terms.waiting() < FULL:
            self._terms.write(data if self._terms.pty else many_lines(data).encode(), False)

    def say(self, sentence: str) -> None:
        self.line(f"trainbot: {sentence}", error=True)

    def over(self, sentence: str) -> None:
        self.say(sentence)
        self._leave(FAILED)

    # -- the commands --------------------------------------------------------------------------------

    async def run(self, command: str) -> int:
        try:
            words = shlex.split(command)[1:] if len(command) <= LONGEST else []
        except ValueError:
            words = []
        yes = "--yes" in words
        words = [word for word in words if word != "--yes"]
        match words:
            case ["help" | "--help" | "-h"]:
                self.line(HELP)
                return OK
            case ["list"] | ["create", _] | ["create", _, _] | ["reset" | "destroy", *_] if len(words) <= 3:
                return await self._through_bot(words, yes)
            case ["console"]:
                return await self._own_console(None)
            case ["console", name]:
                return (
                    await self._own_console(name)
                    if name.lower() in {route.image for route in self._owner.labs()}
                    else await self._somebodys(name)
                )
        said = plain_ascii(" ".join(words), 40)
        self.line((f'unknown command "xen-manage {said}". Usage:\n' if said else "") + HELP, error=True)
        return USAGE

    async def _through_bot(self, words: list[str], yes: bool) -> int:
        told = await self._asked({"do": "manage", "words": words, "confirmed": yes})
        if told is not None and told.get("question"):
            if not await self._confirmed(str(told["question"])):
                self.line("cancelled", error=True)
                return FAILED
            told = await self._asked({"do": "manage", "words": words, "confirmed": True})
        if told is None:
            return FAILED
        refused = bool(told.get("refused"))
        for text in told.get("lines", []):
            self.line(many_lines(str(text)), error=refused)
        if refused:
            return FAILED
        return await self._look(str(told["lease"])) if words[0] == "create" and told.get("lease") else OK

    async def _asked(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The bot's answer; None (after an error message) if there is none."""
        try:
            told = await self._owner.ask({"op": "door", "person": self._owner.person, **request})
        except BackendError:
            self.line(AWAY, error=True)
            return None
        if "error" in told:
            self.line(many_lines(str(told["error"])), error=True)
            return None
        return told

    async def _confirmed(self, question: str) -> bool:
        self._terms.write(f"{many_lines(question)} Type yes to confirm: ".encode(), True)
        answer = await self._read_line()
        if answer is None:
            self.line("\nno answer: use --yes to skip this question", error=True)
        return answer is not None and answer.strip().lower() in ("yes", "y", "!yes")

    async def _read_line(self) -> str | None:
        """Input up to Enter, echoed on a terminal; None at the end of the input."""
        typed = ""
        while len(typed) < 100:
            data = await self._typed.get() if not (self._ended and self._typed.empty()) else b""
            if not data:
                return None
            for sign in data.decode("utf-8", "replace"):
                if sign in "\r\n":
                    if self._terms.pty:
                        self._terms.write(b"\r\n", True)
                    return typed
                if sign in "\x03\x04":
                    return ""
                if sign in "\x7f\b":
                    if typed and self._terms.pty:
                        self._terms.write(b"\b \b", True)
                    typed = typed[:-1]
                elif sign.isprintable():
                    typed += sign
                    if self._terms.pty:
                        self._terms.write(sign.encode(), True)
        return ""

    # -- consoles ------------------------------------------------------------------------------------

    async def _own_console(self, image: str | None) -> int:
        labs = self._owner.labs()
        own = self._owner.own() if image is None else next(r for r in labs if r.image == image.lower())
        if own is None:
            self.line("you have no lab: create one with xen-manage create IMAGE", error=True)
            return FAILED
        return await self._look(own.lease)

    async def _somebodys(self, nick: str) -> int:
        told = await self._asked({"do": "watch", "nick": nick})
        if told is None:
            return FAILED
        done = self._owner.watch(str(told["lease"]), str(told["by"]))
        try:
            return await self._look_on(str(told["lease"]), one_line(str(told["name"]), 80))
        finally:
            done()

    async def _look(self, lease: str) -> int:
        """Opens the person's own console until they leave or it ends."""
        self.say("console of your lab: press Enter if it stays empty, ctrl-] to leave")
        return await self._open(lease)

    async def _look_on(self, lease: str, name: str) -> int:
        """Shows somebody else's console until the viewer leaves or it ends; what they type is dropped, and so is what
        would command their terminal."""
        self._shown = None if lease in {route.lease for route in self._owner.labs()} else ShownTerminal()
        self.say(f"console of {name}, who is notified; read-only, ctrl-] to leave")
        return await self._open(lease)

    async def _open(self, lease: str) -> int:
        self._left = asyncio.get_running_loop().create_future()
        self._console = self._consoles.look(lease, self)
        try:
            while not self._typed.empty():  # typed before the console was open
                self.heard(self._typed.get_nowait())
            if self._ended:
                self._leave(OK)
            return await self._left
        finally:
            self._console.go(self)
            self._console = None
            if self._terms.pty:
                self.line("")

    def _leave(self, code: int) -> None:
        if self._left is not None and not self._left.done():
            self._left.set_result(code)
