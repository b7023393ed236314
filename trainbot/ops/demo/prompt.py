"""The demo's chat prompt: you are a learner, and may also speak as the presenter."""

from __future__ import annotations

import asyncio
import re
import shutil

from prompt_toolkit import ANSI, PromptSession, print_formatted_text
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.utils import get_cwidth

from trainbot.adapters.irc.wire_text import cut, plain, sanitise
from trainbot.core.tasks import Tasks
from trainbot.ops.demo.irc_client import IrcClient
from trainbot.ops.demo.tour import HOST_ANSWERS, DidNotHappen
from trainbot.ops.demo.world import CHANNEL, NICK, DemoWorld

HELP = """\
You are both a learner and the presenter in {channel}. Try, in this order:
  /presenter !start     the presenter starts the class
  !lab debian           get your own machine; ssh to it from another terminal
  /presenter !next      show the class its first step; !done: you have done it
  !ask WORDS            ask a question; /presenter !take, then !answer 1 WORDS
  /presenter !progress  who is done or stuck; /presenter !end ends the class
  !help                 what to type next; !help topics lists the rest
/presenter or /learner: switch to that role   /msg WORDS: message only the bot
/help: show this again   /quit: stop the demo and everything it started
Or join with an IRC client: 127.0.0.1, port {port}, no TLS, channel {channel}"""

WORDS_OF_OURS = "/help, /presenter, /learner, /msg WORDS or /quit"
CODES = {"\x02": "\x1b[1m", "\x11": "\x1b[36m", "\x1d": "\x1b[3m", "\x1f": "\x1b[4m"}
SGR = re.compile(r"\x1b\[[0-9;]*m")
COLOURS = {NICK: "\x1b[1;34m", "learner": "\x1b[32m", "presenter": "\x1b[33m"}
ROOM = 380  # bytes of a line's text: the server disconnects clients whose whole lines exceed 512 (RFC 2812, 2.3)
BOT_COMES = 60.0  # seconds


def coloured(text: str) -> str:
    """Converts IRC's formatting codes (modern.ircdocs.horse/formatting) to a terminal's, and makes everything else
    harmless."""
    out, open_codes = "", list[str]()
    for sign in sanitise(text):
        if sign in CODES:
            open_codes.remove(sign) if sign in open_codes else open_codes.append(sign)
            out += "\x1b[0m" + "".join(CODES[code] for code in open_codes)
        elif sign == "\x0f":
            out, open_codes = out + "\x1b[0m", []
        else:
            out += sign
    return out + "\x1b[0m"


def folded(text: str, width: int) -> str:
    """``text``, which may contain a terminal's colours, broken at spaces into lines of at most ``width`` columns; all
    but the first are indented.  A longer word stays whole."""
    lines: list[str] = []
    used = 0
    for word in text.split(" "):
        room = get_cwidth(SGR.sub("", word))
        if lines and (used + 1 + room <= width or not lines[-1].strip()):
            lines[-1] += " " + word
            used += 1 + room
        else:
            lines.append("    " + word if lines else word)
            used = get_cwidth(SGR.sub("", lines[-1]))
    return "\n".join(lines)


class Prompt:
    def __init__(self, world: DemoWorld) -> None:
        self.world = world
        self.role = "learner"
        self.people: dict[str, IrcClient] = {}

    async def run(self) -> None:
        """Runs until /quit; raises DidNotHappen when the bot or the IRC server has ended."""
        with patch_stdout(raw=True):
            tasks, running = Tasks(), list[asyncio.Task[None]]()
            try:
                for role in ("learner", "presenter"):
                    await self._connect(role)
                show("starting the bot …")
                await self.world.start_bot()
                work = (self._talk(), self._bot_stays(), self._stays("learner"), self._stays("presenter"))
                running = [tasks.start(each, "the prompt", awaited=True) for each in work]
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                await tasks.close()
                await asyncio.gather(*running, return_exceptions=True)  # several may have failed at once
                for person in self.people.values():
                    await person.close()

    async def _connect(self, role: str) -> None:
        webirc = self.world.presenter_webirc if role == "presenter" else ""
        try:
            self.people[role] = person = await IrcClient.connect(
                self.world.ircd.port, role, webirc=webirc, heard=lambda raw: self._heard(raw, role)
            )
            await person.join(CHANNEL)
        except (OSError, TimeoutError):
            raise DidNotHappen(f"the IRC server on port {self.world.ircd.port} does not let the {role} in") from None

    async def _stays(self, role: str) -> None:
        """Reconnects that client whenever the server has dropped it."""
        while True:
            try:
                await self.people[role].expect(r"(?!)", float("inf"))
            except ConnectionError:
                show(f"\x1b[31mthe server disconnected the {role}: reconnecting\x1b[0m")
                await self._connect(role)

    async def _bot_stays(self) -> None:
        await self.world.bot_ends()
        raise DidNotHappen("the bot has stopped unexpectedly")

    async def _talk(self) -> None:
        try:
            await self.people["learner"].expect(rf"^:{NICK}!\S+ JOIN", BOT_COMES)
        except TimeoutError:
            raise DidNotHappen(f"the bot did not join {CHANNEL} within {BOT_COMES:g} s") from None
        show("starting the lab host …")
        await self.world.host_answers(HOST_ANSWERS)  # a lab requested sooner would have to wait in the queue
        session: PromptSession[str] = PromptSession(erase_when_done=True)
        self._help()
        while True:
            try:
                text = await session.prompt_async(lambda: ANSI(f"{COLOURS[self.role]}{self.role}>\x1b[0m "))
            except KeyboardInterrupt:
                if session.default_buffer.text:
                    continue  # as in a shell: only that line is dropped
                return
            except EOFError:
                return
            if not self._obey(text.strip()):
                return

    def _obey(self, text: str) -> bool:
        """Handles one typed line; returns whether to go on."""
        word, _, rest = text.partition(" ")
        if word in ("/quit", "/exit"):
            return False
        if word == "/help":
            self._help()
        elif word in ("/presenter", "/learner"):
            self._say(word[1:], CHANNEL, rest) if rest.strip() else setattr(self, "role", word[1:])
        elif word == "/msg":
            words = rest.strip().removeprefix(NICK).strip()
            self._say(self.role, NICK, words) if words else show("say /msg WORDS, for example: /msg !help lab")
        elif text.startswith("/"):
            show(f"there is no {plain(word)} here: say {WORDS_OF_OURS}")
        else:
            self._say(self.role, CHANNEL, text)
        return True

    def _help(self) -> None:
        show(HELP.format(channel=CHANNEL, port=self.world.ircd.port))

    def _say(self, role: str, target: str, text: str) -> None:
        """Sends the text in as many lines as the server's limit requires."""
        to = "" if target == CHANNEL else f" -> {target}"
        rest = sanitise(text).strip()
        while rest:
            head, rest = cut(rest, ROOM)
            self.people[role].say(target, head)
            show(f"{COLOURS[role]}<{role}{to}>\x1b[0m {coloured(head)}")

    def _heard(self, raw: str, role: str) -> None:
        """Shows what is said in the channel once, and what is said to one of the two people with the name of that
        person."""
        if found := re.match(r":(\S+?)!\S+ (?:PRIVMSG|NOTICE) (\S+) :(.*)", raw):
            nick, target, text = found.groups()
            if target == CHANNEL and role == "learner" and nick not in self.people:
                show(f"{COLOURS.get(nick, '')}<{plain(nick)}>\x1b[0m {coloured(text)}", text)
            elif target == role:
                show(f"\x1b[1;35m<{plain(nick)} -> {role}>\x1b[0m {coloured(text)}", text)
        elif found := re.match(r":\S+ 4\d\d \S+ (.*)", raw):
            show(f"\x1b[31m* {role}: {plain(found[1])}\x1b[0m")
        elif role == "learner" and (found := re.match(r":(\S+?)!\S+ (JOIN|PART|QUIT|TOPIC)\b.*?(?: :(.*))?$", raw)):
            what = {"JOIN": "comes", "TOPIC": f"sets the topic: {plain(found[3] or '')}"}.get(found[2], "goes")
            if found[1] not in self.people:
                show(f"\x1b[2m* {plain(found[1])} {what}\x1b[0m")


def show(text: str, said: str = "") -> None:
    """Prints a line above the prompt; folded, unless ``said`` is a command that somebody may want to copy."""
    if not (said.startswith("\x02") and said.endswith("\x02")):
        width = shutil.get_terminal_size().columns - 1
        text = "\n".join(folded(line, width) for line in text.split("\n"))
    print_formatted_text(ANSI(text))
