"""A learner who runs the image on a machine of their own, in a class on a real IRC server."""

from __future__ import annotations

import hashlib
import html
import json
import re
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.images.publishing.small import small_image
from tests.peers.web import serving
from tests.stage import EXERCISE
from tests.whole.running import CHANNEL, RunningBot

CHECK = "test -e squid.conf || { echo 'squid has no configuration yet'; exit 1; }\n"


@pytest.fixture
def bot(ngircd, make_bot) -> RunningBot:
    """With an image that can be published, and an exercise whose first step has a check."""
    bot = make_bot(ngircd.port)
    bot.change(image_debian={"folder": small_image(bot.folder).folder})
    index = json.loads(EXERCISE["index.json"])
    index["details"]["steps"][0]["verify"] = "1-verify.sh"
    for name, text in (("index.json", json.dumps(index)), ("1-verify.sh", CHECK)):
        (bot.folder / "exercises" / "selinux" / name).write_text(text)
    return bot


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def check(home: Path, how_to: str) -> tuple[int, str]:
    """Step 1 as the how-to says that one checks it: exit code, and the last line that it says."""
    lines = next(block for block in re.findall(r"<pre><code>(.*?)</code>", how_to, re.DOTALL) if " 1" in block)
    (url, name), (command,) = re.findall(r"curl -fO (\S+/(\S+\.sh))", lines)[0], re.findall(r"(?m)^sh \S+ 1$", lines)
    (home / name).write_text(fetched(url))
    ran = subprocess.run(["sh", "-c", command], cwd=home, capture_output=True, text=True, timeout=60)
    return ran.returncode, (ran.stdout + ran.stderr).splitlines()[-1]


async def test_whoever_is_at_home_takes_part(bot, russell, alice, bob, tmp_path):
    """``!lab home`` leads to the how-to whose sum it says; the check runs there, by themselves; !done, !stuck, questions and
    the minutes have them as everybody, also after kill -9, and no lab is theirs."""
    with serving(bot.folder / "public") as web:
        bot.change(records={"public_url": web.url("")})
        published = await bot.shell("image", "publish")
        assert published.code == 0, published
        await bot.arrive(alice)
        await bot.logs("host xen1 answers")
        await russell.ask("!start", "begins", CHANNEL)
        said = await alice.ask(
            "!lab home", r"debian for Xen or QEMU, how-to: (\S+/) \(sha256 of SHA256SUMS: ([0-9a-f]{64})\)", ""
        )
        assert hashlib.sha256(fetched(f"{said[1]}SHA256SUMS").encode()).hexdigest() == said[2]
        how_to = html.unescape(fetched(f"{said[1]}index.html"))
        assert check(tmp_path, how_to) == (1, "step 1 is not done yet")
        (tmp_path / "squid.conf").touch()
        assert check(tmp_path, how_to) == (0, "step 1 is done: type !done")

    await russell.ask("!next", "Step 1 of 3", CHANNEL)
    await alice.ask("!stuck my bridge has another name", "noted, you are next", "")
    await russell.ask(
        "!progress",
        r"0 working, 1 stuck, \d silent; at home, not checked: alice; stuck: alice \(my bridge has",
        CHANNEL,
    )
    await russell.ask("!helping alice", "alice", None)
    await alice.ask("!ask which bridge?", "alice: question 1", CHANNEL)
    await russell.ask("!answer 1 yours", "alice: answer to question 1: yours", CHANNEL)
    await bot.kill()
    await alice.bot_goes()
    await bot.arrive(alice)
    await alice.hear("I'm back after a restart", CHANNEL)
    await alice.whisper("done", "step 1 is done")
    await russell.ask("!progress", r"1 done, 0 working, 0 stuck, \d silent; at home, not checked: alice", CHANNEL)
    await alice.ask("!lab", "you run debian on a machine of your own", "")
    assert bot.rows("SELECT count(*) FROM lease") == [(0,)] and bot.rows("SELECT count(*) FROM play") == [(0,)]

    await russell.ask("!end", "!yes")
    await russell.ask("!yes", r"is over after .*; 1 took part", CHANNEL)
    minutes = (await bot.shell("log", "show", "1")).out.replace("\\", "")
    for words in ("(alice)", "labs handed out: 0; on machines of their own: 1", "which bridge?", "yours"):
        assert words in minutes, minutes
