"""The tour: plays a whole class automatically on real servers and machines, and reports what does not happen."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from trainbot.adapters.irc.wire_text import plain
from trainbot.core.tasks import Tasks
from trainbot.ops.demo.irc_client import IrcClient
from trainbot.ops.demo.world import CHANNEL, NICK, DemoWorld

LOGIN = 240.0  # seconds that a lab may take from the request to the first login: it may still have to boot, emulated
HOST_ANSWERS = 15.0  # seconds


class DidNotHappen(Exception):
    """Something expected did not happen: one sentence that says what."""


class Tour:
    """``tell``: shows a line to the people watching; all deadlines are multiplied by ``patience``."""

    def __init__(self, world: DemoWorld, tell: Callable[[str], None], patience: float = 1.0) -> None:
        self.world, self.tell, self.patience = world, tell, patience
        self.learner: IrcClient
        self.presenter: IrcClient

    async def play(self) -> None:
        """Plays the class from the announcement to the minutes; raises DidNotHappen with the first thing that did not
        happen."""
        port = self.world.ircd.port
        self.learner = await IrcClient.connect(port, "learner", heard=self._shown)
        self.presenter = await IrcClient.connect(port, "presenter", webirc=self.world.presenter_webirc)
        try:
            for client in (self.learner, self.presenter):
                await client.join(CHANNEL)
            await self.world.start_bot()
            await self._scenes()
        finally:
            for client in (self.learner, self.presenter):
                await client.close()

    async def _scenes(self) -> None:
        learner, presenter = self.learner, self.presenter
        await self._see(learner, "the bot joins", rf"^:{NICK}!\S+ JOIN", 60)
        await self._see(
            learner,
            "the session is announced in UTC and three zones",
            r"new session: .* UTC \| .*Melbourne \| .*Berlin \| .*New York",
            60,
        )
        presenter.say(CHANNEL, "!start")
        await self._see(learner, "the class begins", r"SE Linux, hands on begins, with presenter")
        await self.world.host_answers(
            HOST_ANSWERS
        )  # if asked sooner, the bot first answers with a position in the queue
        learner.say(CHANNEL, "!lab debian")
        password = await self._see(
            learner, "the lab's password arrives, privately", r"PRIVMSG learner :.*debian lab: password ([\w-]+)"
        )
        command = await self._see(learner, "the ssh command too", r"PRIVMSG learner :(ssh -p \d+ \S+)$")
        output = await self._login(command[1], password[1])
        self.tell("\n".join(f"    {said}" for said in output.splitlines()))
        presenter.say(CHANNEL, "!next")
        await self._see(learner, "step 1 is shown", r"Step 1 of \d+")
        learner.say(CHANNEL, "!done")
        learner.say(CHANNEL, "!ask does this work on Debian as well?")
        number = (await self._see(learner, "the question gets a number", r"learner: question (\d+)"))[1]
        presenter.say(CHANNEL, "!progress")
        await self._see(presenter, "the presenter sees who is done", r"step 1 of \d+ .*: 1 done")
        await self._kill_bot(output)
        presenter.say(CHANNEL, "!take")
        await self._see(learner, "the question is shown to the class", rf"question {number} from learner")
        presenter.say(CHANNEL, f"!answer {number} yes, it is in the policy")
        await self._see(learner, "the answer arrives", rf"to question {number}: yes, it is in the policy")
        presenter.say(CHANNEL, "!end")
        await self._see(presenter, "the bot asks before it ends the class", r"Type !yes within 60 s")
        presenter.say(CHANNEL, "!yes")
        await self._see(learner, "the class is over", r"is over after")
        await self._minutes(number)

    async def _kill_bot(self, output: str) -> None:
        """Repeats the failure of 2007: something dies in the middle of a class, which goes on at the same step."""
        await self.world.end_bot(signal.SIGKILL)
        await self._see(self.learner, "the bot is killed in the middle (kill -9)", rf"^:{NICK}!\S+ QUIT", 60)
        await self.world.start_bot()
        await self._see(
            self.learner,
            "the bot is back, and the class is still at step 1",
            r"I'm back after a restart.*step 1 of",
            60,
        )
        self.learner.say(NICK, "!lab debian")
        password = await self._see(self.learner, "the lab is still there", r"debian lab: password ([\w-]+)")
        command = await self._see(self.learner, "with the same ssh command", r"PRIVMSG learner :(ssh -p \d+ \S+)$")
        again = await self._login(command[1], password[1])
        if _boot_id(again) != _boot_id(output):
            raise DidNotHappen("the lab is a different machine after the bot's restart")
        self.tell("  ok  it is the same machine, and it kept running")

    async def _see(self, client: IrcClient, what: str, pattern: str, within: float = 20.0) -> re.Match[str]:
        """The line that ``client`` receives; raises DidNotHappen after that many seconds, or when the bot has ended."""
        within *= self.patience
        tasks = Tasks()
        heard = tasks.start(client.expect(pattern, within), what, awaited=True)
        ended = tasks.start(self.world.bot_ends(), "the bot's end")
        try:
            await asyncio.wait({heard, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not heard.done():
                raise DidNotHappen(f"{what}: did not happen, the bot ended by itself")
            found = heard.result()
        except TimeoutError:
            raise DidNotHappen(f"{what}: did not happen within {within:g} s") from None
        except ConnectionError as error:
            raise DidNotHappen(f"{what}: did not happen, {error}") from None
        finally:
            await tasks.close()
        self.tell(f"  ok  {what}")
        return found

    async def _login(self, command: str, password: str) -> str:
        """The output of ``uname -a`` and ``id`` after a login with the ssh command that the bot gave, by OpenSSH's own
        client."""
        with tempfile.TemporaryDirectory() as folder:
            askpass = Path(folder) / "askpass"
            askpass.write_text('#!/bin/sh\nprintf "%s\\n" "$TOUR_PASSWORD"\n')
            askpass.chmod(0o700)
            words = command.split()
            process = await asyncio.create_subprocess_exec(
                words[0],
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                f"UserKnownHostsFile={folder}/known",
                "-o",
                "LogLevel=ERROR",
                "-o",
                "NumberOfPasswordPrompts=1",
                "-o",
                "PubkeyAuthentication=no",
                *words[1:],
                "uname -a; id; cat /proc/sys/kernel/random/boot_id",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={
                    **os.environ,
                    "SSH_ASKPASS": str(askpass),
                    "SSH_ASKPASS_REQUIRE": "force",
                    "TOUR_PASSWORD": password,
                    "DISPLAY": ":0",
                },
            )
            try:
                said, _ = await asyncio.wait_for(process.communicate(), LOGIN)
            except TimeoutError:
                process.kill()
                await process.wait()
                raise DidNotHappen(f"the login with {command!r} did not end within {LOGIN:g} s") from None
        output = said.decode("utf-8", "replace")
        if process.returncode != 0 or "Linux" not in output or "uid=0(root)" not in output:
            raise DidNotHappen(
                f"the login with {command!r} gave no root shell (exit code {process.returncode}): "
                f"{' / '.join(output.splitlines()[-3:])}"
            )
        self.tell(f"  ok  logged in with the bot's ssh command: {command}")
        return output

    async def _minutes(self, question: str) -> None:
        assert self.world.config is not None
        folder = self.world.config.records.folder / "minutes"
        process = await asyncio.create_subprocess_exec(
            *self.world.trainbot("log", "show", "1"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, trouble = await process.communicate()
        minutes = said.decode("utf-8", "replace")
        if process.returncode or f"**{question}**" not in minutes or "yes, it is in the policy" not in minutes:
            raise DidNotHappen(f"the minutes hold question and answer: {trouble.decode(errors='replace').strip()}")
        if not list(folder.glob("*.md")):
            raise DidNotHappen(f"the minutes are in {folder}")
        self.tell("  ok  the minutes are written:\n")
        self.tell("\n".join(f"    {line}" for line in minutes.splitlines()))

    def _shown(self, raw: str) -> None:
        if found := re.match(r":(\S+?)!\S+ PRIVMSG (\S+) :(.*)", raw):
            # the password is worthless once the demo has ended, but it still does not belong in a CI log
            text = re.sub(r"password [\w-]+", "password ****", found[3])
            where = "" if found[2] == CHANNEL else " (to learner alone)"
            self.tell(f"    <{found[1]}{where}> {plain(text)}")


def _boot_id(output: str) -> str:
    return output.strip().splitlines()[-1]
