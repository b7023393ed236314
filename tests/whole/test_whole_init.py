"""From nothing to a bot in its channel: init, check, run."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.whole.running import NICK, PRESENTER, Participant
from trainbot.gateway import process as gateway_process
from trainbot.ops.demo.ngircd import free_port

BOUND = 60.0  # seconds: a busy machine


async def trainbot(folder: Path, *words: str, typed: str = "") -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "trainbot", *words),
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    async with asyncio.timeout(BOUND):
        said, _ = await process.communicate(typed.encode())
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_from_nothing_to_the_channel(ngircd, people, tmp_path: Path) -> None:
    """Somebody answers the questions, once wrongly; check is content; the bot joins and knows its organiser.  A second init
    changes nothing, and a dialog that breaks off writes nothing."""
    folder = tmp_path / "new"
    folder.mkdir()
    answers = (
        f"127.0.0.1:{ngircd.port}",
        "no",
        "9bad",
        NICK,
        "#class",
        f"*!*@{PRESENTER}",
        "Melbourne",
        "none",
        "127.0.0.1:0",
        f"127.0.0.1:{free_port()}",
    )
    code, said = await trainbot(folder, "init", typed="\n".join(answers[:4]))
    assert (code, os.listdir(folder)) == (2, []) and "the answers ended too early" in said, said
    code, said = await trainbot(folder, "init", typed="\n".join(answers) + "\n")
    assert code == 0 and "no services" in said and f"/mode #class +v {NICK}" in said, said
    assert said.count('"9bad" is not a valid nick') == 1
    assert (await trainbot(folder, "init", "--yes"))[0] == 2
    code, said = await trainbot(folder, "check")
    assert code == 0 and not [line for line in said.splitlines() if line.startswith("!")], said

    russell: Participant = await people(ngircd.port, "russell", source=PRESENTER)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "trainbot", "run"),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        await russell.bot_joins()
        await russell.whisper("hosts", "there are no hosts in bot.ini yet")
    finally:
        process.terminate()
        await process.wait()
        await asyncio.to_thread(gateway_process.stop, folder / "state")
