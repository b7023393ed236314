"""The Debian package, on a minimal Debian: installed, configured, started, upgraded, removed, purged.

The tests are steps; each begins where the one before it ended.  There is no systemd: what its units would start is started
by hand, as the user that they name.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deb.machine import Machine, release
from tests.whole import fixtures
from tests.whole.running import CHANNEL, PRESENTER
from trainbot.ops.demo.ngircd import Ngircd, free_port
from trainbot.ops.demo.world import cache_folder

pytestmark = pytest.mark.deb
people = fixtures.people

ROOT = Path(__file__).parents[2]
#: The code of 0.1.0, which had no package, by its commit: not every clone has the tags.
RELEASED = "1406e2214adc7175ea14d03e0602401cc8a9d2b4"
PACKAGING = ("debian", "systemd", "constraints.txt", "scripts/deb", "scripts/manual")  # it had no constraints either
UNITS = ("trainbot", "trainbot-gateway", "trainbot-standby")
STATE = "/var/lib/trainbot"
INI = "/etc/trainbot/bot.ini"


def git(folder: Path, *words: str | Path) -> str:
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def build(checkout: Path, out: Path) -> Path:
    done = subprocess.run([checkout / "scripts" / "deb", out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (package,) = out.glob("*.deb")
    return package


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of what is committed here."""
    return build(ROOT, tmp_path_factory.mktemp("deb"))


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The released program with today's packaging, kept for the next run."""
    state = [git(ROOT, "rev-parse", f"HEAD:{name}") for name in PACKAGING]
    state += [RELEASED, release()["VERSION_CODENAME"]]
    kept = cache_folder() / "deb" / f"trainbot-{hashlib.sha256(' '.join(state).encode()).hexdigest()[:12]}.deb"
    if not kept.exists():
        source = tmp_path_factory.mktemp("older") / "source"
        git(ROOT, "clone", "--quiet", "--shared", "--no-checkout", ROOT, source)
        git(source, "checkout", "--quiet", RELEASED)
        archive = subprocess.run(["git", "-C", ROOT, "archive", "HEAD", *PACKAGING], capture_output=True, check=True)
        subprocess.run(["tar", "--extract", "--directory", source], input=archive.stdout, check=True)
        git(source, "add", "--all")
        git(source, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "packaging")
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(build(source, source.parent / "out"), kept)
    return kept


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


def put(machine: Machine, package: Path, name: str) -> str:
    shutil.copyfile(package, machine.root / "tmp" / name)
    return f"/tmp/{name}"


def configure(machine: Machine, port: int) -> None:
    """As an administrator would, with an editor."""
    changes = {
        "server": "127.0.0.1",
        "port": str(port),
        "tls": "no",
        "channels": CHANNEL,
        "organiser": f"mask:*!*@{PRESENTER}",
        "require_account": "no",
        "public_address": "lab.trainbot.test",
        "listen": f"127.0.0.1:{free_port()}",
    }
    path = machine.root / INI[1:]
    lines = path.read_text().splitlines()
    for name, value in changes.items():
        numbers = [number for number, line in enumerate(lines) if line.startswith(f"{name} =")]
        lines[numbers[0]] = f"{name} = {value}"
    path.write_text("\n".join(lines) + "\n")


def test_it_is_installed_but_not_started(machine: Machine, package: Path) -> None:
    """The dependencies suffice; user, folders and bot.ini are there, and what to do next is said."""
    said = machine.install(put(machine, package, "new.deb"))
    assert "run trainbot init, or edit /etc/trainbot/bot.ini, then" in said
    assert "systemctl enable --now trainbot-gateway trainbot" in said
    assert machine.run("getent", "passwd", "trainbot").split(":")[5:] == [STATE, "/usr/sbin/nologin\n"]
    assert machine.about(STATE) == "700 trainbot:trainbot"
    assert machine.about(INI) == "640 root:trainbot"
    for unit in UNITS:
        assert machine.ran("systemctl", "is-enabled", unit).stdout == "disabled\n"
    changelog = machine.run("zcat", "/usr/share/doc/trainbot/changelog.gz")
    (commit,) = re.findall(r"Built from commit (\w{40})\.", changelog)
    assert machine.run("trainbot", "--version").endswith(f"(commit {commit[:12]})\n")


def test_without_an_organiser_it_says_so_once(machine: Machine) -> None:
    """bot.ini as it comes: exit code 2, after which systemd does not start it again."""
    done = machine.ran("trainbot", "run", user="trainbot")
    assert (done.returncode, "organiser" in done.stdout) == (2, True)
    assert "2" in machine.unit("trainbot")["RestartPreventExitStatus"].split()
    assert machine.ran("trainbot", "check", user="trainbot").returncode == 1


def test_systemd_accepts_the_units(machine: Machine) -> None:
    assert machine.run("systemd-analyze", "verify", "--man=no", *(f"{unit}.service" for unit in UNITS)) == ""


async def test_init_fills_in_its_bot_ini(machine: Machine, ngircd: Ngircd, people) -> None:
    """root runs it; then the bot is in the channel, and bot.ini still belongs to root."""
    alice = await people(ngircd.port, "alice", source=PRESENTER)
    answers = {
        "server": f"127.0.0.1:{ngircd.port}",
        "channel": CHANNEL,
        "organiser": f"*!*@{PRESENTER}",
        "address": f"127.0.0.1:{free_port()}",
        "account": "none",
        "host": "none",
    }
    words = ("init", "--yes", "--no-tls", *(f"--{name}={value}" for name, value in answers.items()))
    said = await asyncio.to_thread(machine.run, "trainbot", *words)
    assert f"wrote {INI}" in said and "runuser -u trainbot -- trainbot check" in said
    assert machine.about(INI) == "640 root:trainbot"
    machine.run("trainbot", "check", user="trainbot")
    bot = await machine.service("trainbot")
    await alice.bot_joins()
    assert await bot.stop() == 0
    standby = await machine.service("trainbot-standby")
    await standby.says("no copy has arrived")
    await standby.stop()


def test_the_released_program_takes_its_place(machine: Machine, older: Path) -> None:
    machine.run("apt-get", "purge", "-y", "trainbot")
    assert not (machine.root / "etc/trainbot").exists() and not (machine.root / STATE[1:]).exists()
    machine.install(put(machine, older, "older.deb"))
    assert machine.run("trainbot", "--version").startswith("trainbot, version 0.1.0")


async def test_a_class_goes_through_an_upgrade(machine: Machine, package: Path, ngircd: Ngircd, people) -> None:
    """The bot is restarted, its gateway is not, and what was asked before is there afterwards."""
    configure(machine, ngircd.port)
    before = (machine.root / INI[1:]).read_text()
    gateway = await machine.service("trainbot-gateway")
    await gateway.says("listening on")
    alice = await people(ngircd.port, "alice", source=PRESENTER)
    bot = await machine.service("trainbot")
    await alice.bot_joins()
    await alice.ask("!ask is this on?", r"question 1\b", CHANNEL)

    machine.pretend_systemd()
    await asyncio.to_thread(machine.install, put(machine, package, "new.deb"))  # people answer the server's pings
    assert machine.asked() == [  # what is enabled or runs: deb-systemd-invoke(1p)
        "restart trainbot-standby.service",
        "restart trainbot.service",
        "start trainbot-gateway.service",
    ]
    assert (machine.root / INI[1:]).read_text() == before
    assert machine.about(INI) == "640 root:trainbot"
    port = int(re.search(r"^listen = 127.0.0.1:(\d+)$", before, re.MULTILINE)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert (await reader.readline()).startswith(b"SSH-2.0-")
    writer.close()

    assert await bot.stop() == 0
    bot = await machine.service("trainbot")
    await alice.bot_joins()
    assert await gateway.ended() == 0  # nobody was logged in; Restart=always
    gateway = await machine.service("trainbot-gateway")
    await gateway.says("listening on")
    await alice.whisper("!q", "is this on")
    await asyncio.to_thread(machine.run, "trainbot", "db", "check", user="trainbot")
    assert await bot.stop() == 0
    assert await gateway.stop() == 0


def test_the_shells_complete_its_commands(machine: Machine) -> None:
    """bash, fish and zsh find what the package brings, and ask the program."""
    machine.install("fish", "zsh")
    words = "source /usr/share/bash-completion/completions/trainbot; COMP_WORDS=(trainbot db up); COMP_CWORD=2"
    assert machine.run("bash", "-c", f'{words}; _trainbot_completion trainbot; echo "${{COMPREPLY[@]}}"') == "upgrade\n"
    assert machine.run("fish", "-c", "complete -C 'trainbot db up'").startswith("upgrade")
    assert machine.run("zsh", "-fc", "autoload -Uz compinit; compinit -u; echo $_comps[trainbot]") == "_trainbot\n"


def test_the_manual_can_be_read(machine: Machine) -> None:
    machine.install("man-db")
    assert "trainbot db upgrade" in machine.run("man", "--warnings", "trainbot")


def test_removed_it_leaves_what_people_made(machine: Machine) -> None:
    """Program and units go; configuration and data stay, as does a lab that runs on this machine."""
    lab = subprocess.Popen(machine.command("sleep", "infinity", user="trainbot"))
    (machine.root / "etc/trainbot/schedules/course.toml").touch()
    machine.run("apt-get", "remove", "-y", "trainbot")
    assert machine.asked() == sorted(f"stop {unit}.service" for unit in UNITS)
    assert not (machine.root / "usr/lib/trainbot").exists()
    assert (machine.root / INI[1:]).exists() and (machine.root / STATE[1:] / "trainbot.db").exists()
    assert lab.poll() is None
    machine.run("apt-get", "purge", "-y", "trainbot")
    assert lab.wait() != 0


def test_purged_it_leaves_its_user_and_files_of_others(machine: Machine) -> None:
    """The user stays, so that nobody else gets its number; what was written for classes was not the package's."""
    found = machine.run("find", "/", "-xdev", "(", "-path", "*trainbot*", "-o", "-user", "trainbot", ")").splitlines()
    assert [path for path in found if not path.startswith(("/tmp/", "/var/cache/man/"))] == [
        "/etc/trainbot",
        "/etc/trainbot/schedules",
        "/etc/trainbot/schedules/course.toml",
    ]
    assert machine.run("id", "--name", "--user", "trainbot") == "trainbot\n"


def test_lintian_finds_no_error(package: Path) -> None:
    """Each override has its reason in debian/trainbot.lintian-overrides; each is still needed."""
    done = subprocess.run(
        ["lintian", "--fail-on=error", "--allow-root", package], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "mismatched-override" not in done.stdout, done.stdout + done.stderr
