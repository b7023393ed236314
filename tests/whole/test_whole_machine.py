"""One real machine: through the embedded driver, the gateway and OpenSSH's client, with the bot as a process."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.gateway.terminal import Terminal
from tests.whole.running import CHANNEL, PRESENTER
from trainbot.gateway.hostkey import fingerprint

LOGIN = 240.0  # seconds, an emulated boot included
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


class Learner:
    """Somebody with OpenSSH's client and the line that the bot gave."""

    def __init__(self, folder, line, *, password="", key=None, patience=LOGIN):
        self.line, self.password, self.patience = line, password, patience
        self.environment = {
            **os.environ,
            "LEARNER": password,
            "SSH_ASKPASS_REQUIRE": "force",
            "TERM": "xterm",
            "SSH_ASKPASS": str(folder / "askpass"),
        }
        (folder / "askpass").write_text('#!/bin/sh\nprintf "%s\\n" "$LEARNER"\n')
        (folder / "askpass").chmod(0o700)
        program, *words = shlex.split(line)
        known = f"UserKnownHostsFile={folder}/known"
        options = [
            "StrictHostKeyChecking=accept-new",
            known,
            "GlobalKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "NumberOfPasswordPrompts=1",
            f"IdentityFile={key or 'none'}",
            "IdentitiesOnly=yes",
        ]
        self.command = [program, "-F", "none", *(word for option in options for word in ("-o", option)), *words]

    async def open(self, *words):
        program, *rest = self.command
        return await asyncio.create_subprocess_exec(
            program,
            *(word for word in words if word.startswith("-")),
            *rest,
            *(word for word in words if not word.startswith("-")),
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    async def run(self, *words):
        """(exit code, output, errors)."""
        process = await self.open(*words)
        async with asyncio.timeout(self.patience):
            out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    async def says(self, command):
        code, out, err = await self.run(command)
        assert code == 0, (command, code, out, err)
        return out.strip()


@pytest.fixture
def bot(ngircd, make_bot, lab_image):
    bot = make_bot(
        ngircd.port,
        host_xen1=None,
        labs={"spare": 0, "public_address": "127.0.0.1"},
        image_debian={"folder": lab_image.folder},
        gateway={"lab_key": lab_image.key},
    )
    bot.change(host_here={"uri": f"qemu:///embed?root={bot.folder}/v", "labs": 2, "kvm": "no"})
    return bot


def machines(bot):
    """The process ids of its virtual machines."""
    found = []
    for pid in bot.pids():
        with suppress(OSError):
            if b"qemu-system" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]:
                found.append(pid)
    return found


def disks(bot):
    return list(bot.folder.rglob("*.qcow2"))


async def test_a_machine_from_request_to_return(bot, lab_image, ngircd, people):
    """The line logs in as root (exec, terminal, exit status, key, other clients, tmux); the console works without network;
    kill -9 of the bot cuts no session and the lab is adopted; reboot keeps the disk, reset does not; given back, machine and
    disk are gone."""
    alice = await people(ngircd.port, "alice")
    russell = await people(ngircd.port, "russell", source=PRESENTER)
    await bot.arrive(alice)
    await bot.logs("host here answers")
    await russell.ask("!start", "begins", CHANNEL)
    command, password = await alice.lab("debian", r" \(it is booting")
    learner = Learner(bot.folder, command, password=password)
    code, out, err = await learner.run("id; echo trouble >&2; exit 7")
    assert (code, out.split()[0], err.splitlines()[-1]) == (7, "uid=0(root)", "trouble"), (code, out, err)
    await bot.logs("lab tb-debian-\\S+ on here is ready", LOGIN)
    assert "enforcing" in (await learner.says("getenforce")).lower()
    assert (await learner.run("-tt", "tty; stty size; exit 3"))[:2] == (3, "/dev/pts/0\r\n0 0\r\n")
    wrong = Learner(bot.folder, command, password="aaaa-bbbb-cccc-dddd")
    assert (await wrong.run("id"))[:2] == (255, "")

    key = bot.folder / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    await alice.whisper(f"key {key.with_suffix('.pub').read_text().strip()}", r"key saved\. .*:$")
    confirm = await alice.hear(r"(ssh -p \d+ \w{6}@127\.0\.0\.1)$", "")
    assert await Learner(bot.folder, confirm[1], key=key).says("echo in") == "in"
    await alice.hear("your ssh key .* is confirmed: it works without a password from now on", "")
    await alice.ask("!lab debian", "your debian lab: log in with your key$", "")
    await alice.hear(f"{command}$", "")
    keyed = Learner(bot.folder, command, key=key)
    boot = await keyed.says(BOOT_ID)

    await asyncio.to_thread(other_clients, bot, command, password)
    await asyncio.to_thread(a_dropped_link, keyed)
    await asyncio.to_thread(console_without_network, keyed)
    assert (await keyed.says("xen-manage list")).startswith("debian (enforcing) on here: ready")
    destroying = await keyed.open("xen-manage destroy")
    out, err = await destroying.communicate(b"no\n")
    assert (destroying.returncode, out) == (1, b"") and b"will be deleted. Type yes to confirm:" in err
    (console,) = (bot.folder / "v" / "console").iterdir()
    assert (console.parent.stat().st_mode & 0o777, console.stat().st_mode & 0o777) == (0o700, 0o600)

    session = await keyed.open("cat")
    await echo(session, b"before\n")
    vm = machines(bot)
    assert len(vm) == 1
    await bot.kill()
    await alice.bot_goes()
    await echo(session, b"the bot is dead\n")
    assert await keyed.says(BOOT_ID) == boot  # and who comes meanwhile gets in
    await bot.arrive(alice)
    await alice.hear("I'm back after a restart", CHANNEL)
    await bot.logs("host here answers: .* 1 labs of ours")
    await alice.ask("!lab", "debian .* on here: ready", "")
    await alice.ask("!lab debian", "your debian lab: log in with your key$", "")
    await echo(session, b"and back\n")
    session.stdin.close()
    assert await session.wait() == 0
    assert await keyed.says(BOOT_ID) == boot and machines(bot) == vm

    await keyed.says("echo mine > /root/kept; sync")
    await alice.ask("!lab reboot", "its disk is kept", "")
    await bot.logs("lab tb-debian-\\S+ on here is ready", LOGIN)
    assert await keyed.says("cat /root/kept") == "mine"
    again = await keyed.says(BOOT_ID)
    assert again != boot
    await alice.ask("!lab reset", "will be lost. Type !yes")
    await alice.ask("!yes", "resetting your debian lab to the original image", "")
    await bot.logs("lab tb-debian-\\S+ on here is ready", LOGIN)
    assert await keyed.says("ls -A /root | grep -c kept; true") == "0"
    assert await keyed.says(BOOT_ID) not in (boot, again)

    assert len(disks(bot)) == 1
    await alice.ask("!lab return", "will be deleted. Type !yes")
    await alice.ask("!yes", "you gave back your .* lab", "")
    await bot.logs("lab tb-debian-\\S+ on here is gone")
    assert machines(bot) == [] and disks(bot) == []
    code, out, err = await keyed.run("id")
    assert code == 255 and out == "" and "you have no lab: create one with ssh" in err, (code, out, err)
    assert "you have no lab" in await keyed.says("xen-manage list")

    secrets = [password, *lab_image.key.read_text().splitlines()[1:3], *key.read_text().splitlines()[1:3]]
    assert bot.leaks(*secrets) == []


def other_clients(bot, line, password):
    """dropbear's client, PuTTY's plink and pscp: a command with its exit status, a file there and back."""
    port, user = re.fullmatch(r"ssh -p (\d+) (\S+)", line).groups()
    environment = {**os.environ, "HOME": str(bot.folder), "DROPBEAR_PASSWORD": password}
    secret = bot.folder / "pw"
    secret.write_text(password)
    putty = ["-batch", "-P", port, "-pwfile", secret, "-hostkey", fingerprint(bot.state)]
    for client in (["dbclient", "-y", "-y", "-p", port, user], ["plink", *putty, user]):
        ran = subprocess.run(
            [*client, "cat; id -un; exit 7"],
            env=environment,
            input=b"in\n",
            capture_output=True,
            timeout=LOGIN,
            check=False,
        )
        assert (ran.returncode, ran.stdout) == (7, b"in\nroot\n"), ran
    sent, back = bot.folder / "sent", bot.folder / "back"
    sent.write_bytes(os.urandom(300_000))
    for words in ((sent, f"{user}:/root/file"), (f"{user}:/root/file", back)):
        subprocess.run(["pscp", "-q", *putty, *words], env=environment, timeout=LOGIN, check=True)
    assert sent.read_bytes() == back.read_bytes()
    secret.unlink()


def at(learner, *words):
    """The learner at a terminal."""
    program, *rest = learner.command
    world = SimpleNamespace(
        command=lambda *more, options=(): [program, *options, *rest, *more],
        environment=lambda _password: learner.environment,
    )
    return Terminal(world, learner.password, words=words)


def a_dropped_link(learner):
    """The lab's greeting is shown.  The terminal of before is there at the next login, with where the class is above it; so it is
    after a ctrl-b d."""
    first = at(learner)
    first.until(b"SE Linux for beginners: the introduction")
    first.until(b"This lab is yours alone")
    first.until(b"# ")
    first.type(b"kept=mine$((40+2)); echo is:$kept\n")
    first.until(b"is:mine42")
    first.process.kill()
    first.close()
    again = at(learner)
    again.until(b"SE Linux for beginners: the introduction")
    again.type(b"echo still:$kept\n")
    again.until(b"still:mine42")
    again.type(b"\x02d")
    assert again.close() == 0


def console_without_network(learner):
    """The console gives a root shell while no packet gets into the lab."""
    console = at(learner, "xen-manage", "console")
    console.until(b"ctrl-] to leave")
    console.type(b"\n")
    console.until(b"# ")
    console.type(b"ip link set eth0 down; ip -br link show eth0; echo off:$((1+1))\n")
    console.until(b"off:2")
    console.type(b"getenforce; ip link set eth0 up; echo on:$((1+1))\n")
    console.until(b"Enforcing")
    console.until(b"on:2")
    console.type(b"\x1d")
    assert console.close() == 0


async def echo(session, words):
    """``cat`` at the other end says it again."""
    session.stdin.write(words)
    async with asyncio.timeout(LOGIN):
        assert await session.stdout.readline() == words, await session.stderr.read()
