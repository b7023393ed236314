"""What the bot acknowledges is on disk, as the kernel sees it."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterable, Iterator

from tests.whole.running import CHANNEL, PRESENTER

#: What is said -> the word by which its acknowledgement is known; others may be on their way meanwhile.
ACKNOWLEDGED = {"!ask": "question", "!vote": "vote", "!answer": "because"}


async def test_a_sync_comes_before_each_acknowledgement(ngircd, make_bot, people, tmp_path):
    """Between reading a question, a vote or an answer and writing its acknowledgement to the socket, the write-ahead log
    was written and fdatasync (or fsync) of it has returned: as strace saw the bot's system calls."""
    bot = make_bot(ngircd.port, host_xen1=None, image_debian=None)
    trace = tmp_path / "trace"
    plain = bot.command
    strace = (
        shutil.which("strace"),
        "-f",
        "--seccomp-bpf",
        "-y",
        "-s",
        "20000",
        "-o",
        str(trace),
        "-e",
        "trace=fsync,fdatasync,pwrite64,recvfrom,recvmsg,read,sendto,sendmsg,write",
    )
    bot.command = lambda *words: (*strace, *plain(*words))
    russell = await people(ngircd.port, "russell", source=PRESENTER)
    alice, bob = [await people(ngircd.port, nick) for nick in ("alice", "bob")]
    try:
        await bot.arrive(russell)
        for n in range(5):
            await alice.ask(f"!ask number {n} of alice?", rf"alice: question {n + 1}\b")
            await bob.ask(f"!vote {n + 1}", rf"question {n + 1}: 1 vote")
            await russell.ask(f"!answer {n + 1} because {n}", f"because {n}", CHANNEL)
    finally:
        os.kill(int(trace.read_text(errors="replace").split()[0]), signal.SIGTERM)  # strace ends with the bot
        await bot.ended()
    steps = [step for line in whole(trace.read_text(errors="replace").splitlines()) if (step := step_of(line))]
    asked = [step for step in steps if step.startswith("asked ")]
    assert len(asked) == 15, asked
    unsynced, synced, waiting, answered = False, False, [], 0
    for step in steps:
        match step.split()[0]:
            case "asked":
                waiting.append(step)
                synced = False
            case "written":
                unsynced = True
            case "synced":
                unsynced, synced = False, True
            case "told" if waiting and step.split()[1] == ACKNOWLEDGED[waiting[-1].split()[1]]:
                assert synced and not unsynced, (waiting, step)
                answered += 1
                waiting.clear()
    assert answered == 15


def whole(lines: Iterable[str]) -> Iterator[str]:
    """The calls in the order in which they ended: strace shows one in two parts that another thread's interrupts."""
    begun: dict[str, str] = {}
    for line in lines:
        thread = line.split(maxsplit=1)[0]
        if line.endswith(" <unfinished ...>"):
            begun[thread] = line.removesuffix(" <unfinished ...>")
        elif rest := re.match(r"\d+ +<\.\.\. \w+ resumed>(.*)", line):
            yield begun.pop(thread, "") + rest[1]
        else:
            yield line


def step_of(line: str) -> str:
    """What a system call means here: asked, written, synced, told; '' for all others."""
    call = re.match(r"\d+ +(\w+)", line)
    name = call[1] if call else ""
    if name in ("read", "recvfrom", "recvmsg") and (
        found := re.search(r"PRIVMSG #class :(!(?:ask|vote|answer) [^\\]*)", line)
    ):
        return f"asked {found[1]}"
    if name == "pwrite64" and "trainbot.db-wal" in line:
        return "written"
    if name in ("fsync", "fdatasync") and "trainbot.db-wal" in line and line.rstrip().endswith("= 0"):
        return "synced"
    if name in ("write", "sendto", "sendmsg") and (found := re.search(r"PRIVMSG (?:#class|bob) :(.*)", line)):
        words = (("because", r"because \d"), ("vote", r"question \d: \d vote"), ("question", r"question \d"))
        return next((f"told {word}" for word, form in words if re.search(form, found[1])), "")
    return ""
