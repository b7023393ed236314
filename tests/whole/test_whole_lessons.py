"""A class in real machines: its setup runs there, ``!done`` is checked there, and labs that are as new, or late, catch up."""

from __future__ import annotations

import json

import pytest

from tests.whole.running import CHANNEL, PRESENTER

LOGIN = 180.0  # seconds, an emulated boot included
INDEX = {
    "title": "Files",
    "image": "debian",
    "second_image": "centos",
    "details": {
        "steps": [
            {
                "title": "First",
                "text": "make a file",
                "verify": "verify.sh",
                "solve": "touch /root/first",
                "background": "setup.sh",
            },
            {"title": "Second", "text": "make another", "verify": "#!/bin/sh\ntest -e /root/first -a -e /root/set-up"},
        ],
        "assets": {"host01": [{"file": "motd", "target": "/root", "chmod": "600"}]},
    },
}
VERIFY = '#!/bin/bash\r\ngetenforce\r\n[ -e /root/first ] || { printf "\\033[31m/root/first is missing\\033[0m\\n"; exit 1; }\r\n'


@pytest.fixture
def bot(ngircd, make_bot, lab_image):
    bot = make_bot(
        ngircd.port,
        host_xen1=None,
        labs={"spare": 0, "public_address": "127.0.0.1", "per_person": 2},
        image_debian={"folder": lab_image.folder},
        gateway={"lab_key": lab_image.key},
        image_centos={"folder": lab_image.folder},
    )  # by name alone: what matters is which lab scripts go to
    bot.change(host_here={"uri": f"qemu:///embed?root={bot.folder}/v", "labs": 3, "kvm": "no"})
    folder = bot.folder / "exercises" / "files"
    (folder / "assets").mkdir(parents=True)
    for name, text in {
        "index.json": json.dumps(INDEX),
        "verify.sh": VERIFY,
        "assets/motd": "hello\n",
        "setup.sh": "test -e /root/motd\ntouch /root/set-up\n",
    }.items():
        (folder / name).write_text(text, newline="")
    return bot


@pytest.mark.content
async def test_a_class_in_machines(bot, ngircd, people):
    """Somebody with two labs: assets and setup in the exercise's own, counted; a check that fails, in its own words; one that
    passes, silently; and after a reset setup and solve again, up to where its person was.  Somebody who comes late is
    greeted, and brought to the same step."""
    alice = await people(ngircd.port, "alice")
    russell = await people(ngircd.port, "russell", source=PRESENTER)
    await bot.arrive(alice)
    await bot.logs("host here answers")
    await russell.ask(
        "!start files",
        "begins, with russell: !lab debian gives you a machine of your own, !lab centos another",
        CHANNEL,
    )
    await alice.ask("!lab debian", "your debian lab", "")
    await alice.ask("!lab centos", "your centos lab", "")
    for _ in range(2):
        await bot.logs("lab tb-\\S+ on here is ready", LOGIN)
    await russell.ask("!next", "make a file", CHANNEL)
    await russell.hear("step 1 is set up in 1 of 1 labs", "", LOGIN)
    alice.say(CHANNEL, "!done")
    said = await alice.hear("step 1 is not done yet: (.*)", "", LOGIN)
    assert said[1] == "/root/first is missing (type !done again when you've fixed it)"
    await russell.ask("!goto 2", "make another", CHANNEL)
    await alice.ask("!lab reset debian", "Type !yes", "")
    await alice.ask("!yes", "resetting your debian lab", "")
    dan = await people(ngircd.port, "dan")
    await dan.hear(
        "Files is at step 2 of 2: !lab debian gives you a machine, !lab centos another, !catchup does the steps before it in your "
        "lab, !step shows the step",
        "",
    )
    await dan.ask("!lab debian", "your debian lab: password|queue", "")
    for _ in range(2):
        await bot.logs("lab tb-debian-\\S+ on here is ready", LOGIN)
    for person in (alice, dan):
        await person.ask("!catchup", "bringing .* to step 2 \\(earlier steps to replay: 1\\)", "")
    for person in (alice, dan):
        await person.hear("your debian lab is now at step 2", "", LOGIN)
        person.say(CHANNEL, "!done")
        await bot.logs("verify of step 2 in lab \\S+ exit 0", LOGIN)
    assert bot.rows("SELECT DISTINCT image FROM lab JOIN play ON lab.id = lab_id") == [("debian",)]
