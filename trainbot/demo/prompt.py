"""The demo's chat prompt: a learner who may speak as the presenter too."""

from __future__ import annotations

import re

from prompt_toolkit import ANSI, PromptSession, print_formatted_text
from prompt_toolkit.patch_stdout import patch_stdout

from trainbot.demo.client import Client
from trainbot.demo.world import CHANNEL, NICK, PRESENTER_ADDRESS, World

HELP = """\
You are a learner in {channel}. Try: !help, !lab debian, !ask WORDS, !done, !stuck, !q, !sessions
  /presenter          speak as the presenter from now on (/learner: as the learner again)
  /presenter !start   say one line as the presenter: !start, !next, !progress, !take, !answer N WORDS, !end
  /msg WORDS          say it to the bot alone
  /quit               ends the demo and clears away all that it started
Or join with any IRC client: server 127.0.0.1 port {port} without TLS, channel {channel}"""

CODES = {"\x02": "\x1b[1m", "\x11": "\x1b[36m", "\x1d": "\x1b[3m", "\x1f": "\x1b[4m"}


def coloured(text: str) -> str:
    """IRC's formatting codes (modern.ircdocs.horse/formatting) as a terminal's; everything else harmless."""
    out, open_codes = "", []
    for sign in text:
        if sign in CODES:
            open_codes.remove(sign) if sign in open_codes else open_codes.append(sign)
            out += "\x1b[0m" + "".join(CODES[code] for code in open_codes)
        elif sign == "\x0f":
            out, open_codes = out + "\x1b[0m", []
        elif sign.isprintable():
            out += sign
    return out + "\x1b[0m"


class Prompt:
    def __init__(self, world: World) -> None:
        self.world = world
        self.role = "learner"
        self.people: dict[str, Client] = {}

    async def run(self) -> None:
        port = self.world.ircd.port
        with patch_stdout(raw=True):
            self.people["learner"] = await Client.connect(port, "learner", heard=lambda raw: self._heard(raw, "learner"))
            self.people["presenter"] = await Client.connect(port, "presenter", source=PRESENTER_ADDRESS,
                                                            heard=lambda raw: self._heard(raw, "presenter"))
            for person in self.people.values():
                await person.join(CHANNEL)
            await self.world.start_bot()
            show(HELP.format(channel=CHANNEL, port=port))
            try:
                await self._talk()
            finally:
                for person in self.people.values():
                    await person.close()

    async def _talk(self) -> None:
        session: PromptSession[str] = PromptSession()
        while True:
            try:
                text = (await session.prompt_async(lambda: f"{self.role}> ")).strip()
            except (EOFError, KeyboardInterrupt):
                return
            word, _, rest = text.partition(" ")
            if word in ("/quit", "/exit"):
                return
            if word in ("/presenter", "/learner"):
                self._say(word[1:], CHANNEL, rest) if rest else setattr(self, "role", word[1:])
            elif word == "/msg":
                self._say(self.role, NICK, rest.removeprefix(NICK).strip())
            elif text.startswith("/"):
                show(HELP.format(channel=CHANNEL, port=self.world.ircd.port))
            elif text:
                self._say(self.role, CHANNEL, text)
            if self.world.bot_ended:
                show("the bot has ended; its last words:\n" + self.world.log_tail())
                return

    def _say(self, role: str, target: str, text: str) -> None:
        if text:
            self.people[role].say(target, text)
            to = "" if target == CHANNEL else f" -> {target}"
            show(f"\x1b[2m<{role}{to}>\x1b[0m {coloured(text)}")

    def _heard(self, raw: str, role: str) -> None:
        """What the channel hears is shown once; what is said to one of the two alone says to whom."""
        found = re.match(r":(\S+?)!\S+ PRIVMSG (\S+) :(.*)", raw)
        if found and found[2] == CHANNEL and role == "learner" and found[1] not in self.people:
            show(f"\x1b[1;34m<{found[1]}>\x1b[0m {coloured(found[3])}")
        elif found and found[2] == role:
            show(f"\x1b[1;35m<{found[1]} -> {role}>\x1b[0m {coloured(found[3])}")
        elif role == "learner" and (found := re.match(r":(\S+?)!\S+ (JOIN|QUIT|TOPIC)\b.*?(?: :(.*))?$", raw)):
            what = {"JOIN": "comes", "QUIT": "goes", "TOPIC": f"sets the topic: {coloured(found[3] or '')}"}[found[2]]
            if found[1] not in self.people:
                show(f"\x1b[2m* {found[1]} {what}\x1b[0m")


def show(text: str) -> None:
    print_formatted_text(ANSI(text))
