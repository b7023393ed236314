"""The bot's machine dies as a whole in the middle of a class, and a second one goes on."""

from __future__ import annotations

import asyncio
import re
import signal
import sqlite3
import time
from contextlib import closing

import libvirt
import pytest

from tests.gateway.conftest import Lab
from tests.standby.machines import FIRST, HERE, SECOND, Machine, Sshd, Wire, kill_all
from tests.storm.relay import Relay
from tests.whole.fixtures import people  # noqa: F401
from tests.whole.running import CHANNEL, PRESENTER
from tests.whole.test_whole_machine import Learner
from trainbot.adapters.copies.folder import CopyFolder
from trainbot.adapters.hosts.pools import POOL, find_pool
from trainbot.adapters.state_folder import copy_key, lab_key
from trainbot.ops.demo.ngircd import free_port

pytestmark = pytest.mark.standby  # network namespaces need root
OURS = r"^:trainbot_*!\S+"  # the server may hold the first one's nick for a while
PATIENCE = 240.0  # seconds: everything here runs beside other suites


async def heard(person, pattern, to=r"\S+"):
    return await person.expect(rf"{OURS} PRIVMSG {to} :.*?{pattern}", PATIENCE)


async def ask(person, text, pattern):
    person.say(CHANNEL, text)
    return await heard(person, pattern)


async def safe(copies, first):
    """Returns once all that the first one has stored is in a copy."""
    wanted = first.rows("select value from setting where name = 'commits'")[0][0].split()[0]
    async with asyncio.timeout(PATIENCE):
        while True:
            found = CopyFolder(copies).copies()
            beat = found[-1].beat() if found else None
            if beat is not None and beat.commits >= int(wanted):
                return
            await asyncio.sleep(0.1)


def rows(file, query):
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


def claims(server):
    connection = libvirt.open(server.uri)
    try:
        return [name for name in find_pool(connection, POOL).listVolumes() if name.startswith("claim-")]
    finally:
        connection.close()


async def test_a_class_goes_on_on_the_second_machine(ngircd, libvirtd, people, tmp_path):  # noqa: F811
    """Refused while the first is there; afterwards step, queue, labs, passwords and host key are as they were, all that
    was acknowledged before the last copy is there, and of what came after it nothing but the end is missing.  A learner's
    ssh goes on with the line and the password of before where the address moves.  The first one comes back, with and
    without the standby's sshd, and does nothing but say so."""
    irc_port, host_port, lab_port = free_port(), free_port(), free_port()
    copies = tmp_path / "copies"
    with Wire() as world:
        first = Machine(
            "first",
            irc_port,
            irc={"server": HERE},
            host_xen1={"uri": f"test+tcp://{HERE}:{host_port}/default"},
            store={"copies": f"root@{SECOND}:{copies}"},
            gateway={"listen": f"0.0.0.0:{free_port()}"},
            labs={"public_address": FIRST},
            questions={"a_person": 1000, "a_minute": 1000, "many": 1000},
        )
        second = Machine("second", irc_port)
        second.empty()
        sshd = Sshd(tmp_path / "sshd", copy_key(first.config), copies)
        (first.state / "copy_known_hosts").write_text(f"{SECOND} {sshd.public}\n")
        lab = Lab(tmp_path / "lab", lab_key(first.config.gateway.lab_key))
        (lab.folder / "lesson").write_text("kept")
        for machine in (first, second):
            machine.image_has(lab.host_key)
        lab.start()
        async with (
            Relay(irc_port, ngircd.port, HERE),
            Relay(host_port, libvirtd.port, HERE),
            Relay(lab_port, lab.port, HERE),
        ):
            try:
                sshd.start()
                russell = await people(ngircd.port, "russell", source=PRESENTER)
                alice, bob = await people(ngircd.port, "alice"), await people(ngircd.port, "bob")
                await first.start()
                await russell.expect(rf"{OURS} JOIN", PATIENCE)
                await first.logs("host xen1 answers", PATIENCE)
                await ask(russell, "!start", "begins")
                line, password = await alice.lab()
                learner = Learner(tmp_path, line, password=password)
                assert await first.signal(signal.SIGTERM) == 0
                first.lab_is_at(HERE, lab_port)
                await first.start()
                await heard(russell, "I'm back after a restart")
                await first.logs("host xen1 answers", PATIENCE)
                await ask(bob, "!lab debian", "ssh -p")  # told once the gateway has the table
                assert await learner.run("cat lesson") == (0, "kept", "")
                await ask(russell, "!goto 2", "Step 2 of 3")
                await ask(alice, "!stuck nothing works", "noted")
                asked = [int((await ask(alice, f"!ask number {n}?", r"question (\d+)"))[1]) for n in range(5)]
                await first.logs("copy .* is complete", PATIENCE)
                await safe(copies, first)
                before = {
                    name: first.rows(f"select * from {name}")
                    for name in ("class", "attendance", "done", "lease", "person", "question")
                }
                domains = libvirtd.domains()

                refused = await second.shell("takeover", str(copies), within=PATIENCE)
                assert refused.code == 1
                assert re.search(
                    "the first machine is still there: it still sends copies, and trainbot answers on IRC, and its ssh "
                    rf"gateway answers at {FIRST} port \d+, and it still works on host xen1",
                    refused.err,
                ), refused
                assert not second.ini.exists() and [path.name for path in second.folder.iterdir()] == ["images"]

                late, heard_at = [], []
                for n in range(20):
                    late.append(int((await ask(alice, f"!ask late {n}?", r"question (\d+)"))[1]))
                    heard_at.append(time.monotonic())
                world.down("first")
                kill_all("first")
                killed_at = time.monotonic()
                await first.ended()

                await second.start_with("takeover", str(copies), "--address", "second.trainbot.test")
                await russell.expect(rf"{OURS} JOIN", PATIENCE)
                back = time.monotonic() - killed_at
                await heard(russell, "I'm back after a restart: .* is at step 2 of 3")
                await second.logs("host xen1 answers: .* of ours", PATIENCE)

                database = second.folder / "trainbot.db"
                for name, was in before.items():
                    now = rows(database, f"select * from {name}")
                    assert now[: len(was)] == was, name
                kept = [row[0] for row in rows(database, "select id from question order by id")]
                assert kept[: len(asked)] == asked
                assert kept == [*asked, *late][: len(kept)]
                lost = len(asked + late) - len(kept)
                oldest = killed_at - heard_at[-lost] if lost else 0.0
                print(
                    f"back after {back:.0f} s; lost: {lost} of {len(late)} questions, the oldest answered {oldest:.2f} s before"
                )
                assert libvirtd.domains().items() >= domains.items()
                assert (second.state / "gateway_host_key").read_bytes() == (
                    first.state / "gateway_host_key"
                ).read_bytes()
                world.move_address()
                await ask(bob, "!lab debian", r"ssh -p \d+ debian@second\.trainbot\.test")
                assert await learner.run("cat lesson") == (0, "kept", "")
                world.move_back()
                await ask(russell, "!progress", r"step 2 of 3 .*; stuck: alice \(nothing works\)")

                mark = len(russell.lines)
                world.up("first")
                for told_by in ("the standby", "the host"):
                    await first.start()
                    assert await first.ended() == 3, told_by
                    assert any("another machine has taken over from this one" in line for line in first.lines), told_by
                    (first.state / "superseded.json").unlink()
                    sshd.stop()
                assert [line for line in russell.lines[mark:] if re.match(rf"{OURS} JOIN", line)] == []
                [(owner,)] = rows(database, "select value from setting where name = 'owner'")
                assert claims(libvirtd) == [f"claim-{owner}.2"]
            finally:
                lab.kill()
                sshd.stop()
                kill_all("first")
                await second.close()
                await first.close()
