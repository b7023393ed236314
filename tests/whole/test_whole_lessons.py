"""A class in a real machine: its setup runs there, ``!done`` is checked there, and a lab that is as new catches up."""

from __future__ import annotations

import json

import pytest

from tests.whole.running import CHANNEL, PRESENTER

LOGIN = 180.0  # seconds, an emulated boot included
INDEX = {"title": "Files", "image": "debian", "details": {
    "steps": [
        {"title": "First", "text": "make a file", "verify": "verify.sh", "solve": "touch /root/first", "background": "setup.sh"},
        {"title": "Second", "text": "make another", "verify": "#!/bin/sh\ntest -e /root/first -a -e /root/set-up"}],
    "assets": {"host01": [{"file": "motd", "target": "/root", "chmod": "600"}]}}}
VERIFY = '#!/bin/bash\r\ngetenforce\r\n[ -e /root/first ] || { printf "\\033[31m/root/first is missing\\033[0m\\n"; exit 1; }\r\n'


@pytest.fixture
def bot(ngircd, make_bot, lab_image):
    bot = make_bot(ngircd.port, host_xen1=None, labs={"spare": 0, "public_address": "127.0.0.1"},
                   image_debian={"folder": lab_image.folder}, gateway={"lab_key": lab_image.key})
    bot.change(host_here={"uri": f"qemu:///embed?root={bot.folder}/v", "labs": 2, "kvm": "no"})
    folder = bot.folder / "exercises" / "files"
    (folder / "assets").mkdir(parents=True)
    for name, text in {"index.json": json.dumps(INDEX), "verify.sh": VERIFY, "assets/motd": "hello\n",
                       "setup.sh": "test -e /root/motd\ntouch /root/set-up\n"}.items():
        (folder / name).write_text(text, newline="")
    return bot


@pytest.mark.content
async def test_a_class_in_a_machine(bot, ngircd, people):
    """Assets and setup in the lab, counted; a check that fails, in its own words; one that passes, silently; and after a
    reset setup and solve again, up to where its person was."""
    alice = await people(ngircd.port, "alice")
    russell = await people(ngircd.port, "russell", source=PRESENTER)
    await bot.arrive(alice)
    await bot.logs("host here answers")
    await russell.ask("!start files", "begins", CHANNEL)
    await alice.ask("!lab debian", "your debian lab", "")
    await bot.logs("lab tb-debian-\\S+ on here is ready", LOGIN)
    await russell.ask("!next", "make a file", CHANNEL)
    await russell.hear("step 1 is set up in 1 of 1 labs", "", LOGIN)
    alice.say(CHANNEL, "!done")
    said = await alice.hear("step 1 is not done yet: (.*)", "", LOGIN)
    assert said[1] == "/root/first is missing (!done again after that)"
    await russell.ask("!goto 2", "make another", CHANNEL)
    await alice.ask("!lab reset", "yes", CHANNEL)
    await alice.ask("!yes", "starts again", "")
    await bot.logs("lab tb-debian-\\S+ on here is ready", LOGIN)
    await alice.ask("!catchup", "is brought to step 2, with 1 before it replayed", "")
    await alice.hear("your debian lab is at step 2 now", "", LOGIN)
    alice.say(CHANNEL, "!done")
    await bot.logs("verify of step 2 in lab \\S+ exit 0", LOGIN)
