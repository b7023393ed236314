"""``trainbot host prepare`` as the person at the shell sees it; ssh is a program of the test's own."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trainbot.core.errors import BackendError, HostDown
from trainbot.ops.host_setup.remote_shell import MOST, RemoteShell

ROOT = Path(__file__).parents[3]
PLAIN = """\
clock 1700000000.5
user 0
system Debian GNU/Linux 12 (bookworm)
family debian
dom0 yes
xen xen_version 4.17.7
xen xen_scheduler credit2
xen nr_cpus 8
xen total_memory 16384
xen free_memory 12000
weight 256
disk 90000
route default eth0
dropping inet filter
hostkey ssh-ed25519 AAAAC3Nza root@xen1
"""


@pytest.fixture
def ssh(tmp_path: Path) -> Callable[[str], Path]:
    """ssh(body): a program that stands for ssh; it is asked to end the shared connection as well."""

    def make(body: str) -> Path:
        path = tmp_path / "ssh"
        path.write_text(f'#!/bin/sh\ncase "$*" in *"-O exit"*) exit 0 ;; esac\n{body}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return make


def prepare(folder: Path, uri: str, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "bot.ini").write_text(f"[irc]\nchannels = #a\n[host.xen1]\nuri = {uri}\n")
    return subprocess.run(
        [sys.executable, "-m", "trainbot", "host", "prepare", *(words or ("xen1",))],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def facts(text: str) -> str:
    """A host that says so about itself, now."""
    return f"cat >/dev/null\necho clock $(date +%s.%N)\ncat <<'END'\n{text.partition(chr(10))[2]}END\n"


def test_hosts_that_need_nothing(tmp_path: Path) -> None:
    """One sentence, and exit code 0."""
    for uri in ("test:///default", "qemu:///embed?root=/tmp/tb-x"):
        done = prepare(tmp_path, uri)
        assert done.returncode == 0 and done.stdout.startswith("xen1 needs no preparation: "), done


def test_a_host_that_bot_ini_does_not_have(tmp_path: Path) -> None:
    """It says which there are."""
    done = prepare(tmp_path, "test:///default", "xen9")
    assert (done.returncode, done.stderr) == (1, "trainbot: bot.ini has no [host.xen9] section (available: xen1)\n")


def test_dry_run_says_everything_and_makes_nothing(tmp_path: Path, ssh: Callable[[str], Path]) -> None:
    """What is, what would be done, what is in the way of the host's own firewall; no key and no folder is made here."""
    uri = f"xen+ssh://root@xen1.example.org/system?command={ssh(facts(PLAIN))}"
    done = prepare(tmp_path, uri, "xen1", "--dry-run")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("  xen1: Debian GNU/Linux 12 (bookworm), Xen 4.17.7, 8 CPUs, 12000 of 16384 MiB memory")
    assert lines[1].startswith("  note: the host's own firewall (inet filter) drops by default")
    assert [line.split(":")[0] for line in lines[2:-1]] == [
        "+ packages",
        "+ libvirt",
        "+ storage",
        "+ packet filters",
        "+ network",
        "+ scheduling",
        "+ jump host",
        "+ host key",
    ]
    assert lines[-1] == "xen1: 8 changes would be made, nothing was changed"
    assert not (tmp_path / "state").exists()


def test_a_kvm_host_without_hardware_virtualisation(tmp_path: Path, ssh: Callable[[str], Path]) -> None:
    """The same steps; that labs would be emulated, why and at what price is said before anything is done."""
    said = """\
clock 1700000000.5
user 0
machine x86_64
system Ubuntu 24.04 LTS
family ubuntu debian
disk 90000
cpus 2
memory 16384 15000
kvm flag vmx
kvm guest yes
weight 100
route default eth0
hostkey ssh-ed25519 AAAAC3Nza root@kvm1
"""
    done = prepare(tmp_path, f"qemu+ssh://root@kvm1.example.org/system?command={ssh(facts(said))}", "xen1", "--dry-run")
    assert done.returncode == 0, done.stderr
    first, note, *lines = done.stdout.splitlines()
    assert first.startswith(
        "  xen1: Ubuntu 24.04 LTS, no libvirt yet, no KVM, 2 CPUs, 15000 of 16384 MiB memory free, 90000 MiB disk free"
    )
    assert note == (
        "  note: xen1 has no hardware virtualisation that works (its module kvm_intel is not loaded), so labs are emulated, "
        "several times slower: booting takes 20 s of a CPU, and 15 at once on its 2 CPUs take 150 s: modprobe kvm_intel "
        "there; if that fails, turn virtualisation on in its firmware (BIOS)"
    )
    assert lines[0].endswith(" qemu-system-x86 apparmor")
    assert lines[-1] == "xen1: 8 changes would be made, nothing was changed"


def test_what_is_in_the_way_is_said_at_once(tmp_path: Path, ssh: Callable[[str], Path]) -> None:
    """All of it in one go, and nothing is done."""
    script = ssh(facts(PLAIN + "bridge yes\nroute 10.77.0.0/16 eth1\n") + f"echo run >>{tmp_path / 'runs'}")
    done = prepare(tmp_path, f"xen+ssh://root@xen1/system?command={script}")
    assert done.returncode == 1
    assert done.stdout.startswith("! xen1 already has a bridge tb-labs") and "is in use on xen1" in done.stderr
    assert (tmp_path / "runs").read_text() == "run\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "echo 'root@xen1: Permission denied (publickey).' >&2; exit 255",
            "can't reach xen1 as root@xen1: root@xen1: Permission denied (publickey).; try ssh root@xen1 true",
        ),
        ("printf 'Host key verification failed.\\r\\n\\033[31m' >&2; exit 255", "Host key verification failed.; "),
        ("exit 255", "ssh gave no reason"),
        ("cat >/dev/null", "the host reported nothing about itself"),
        ("cat >/dev/null; echo Welcome", "does its login shell print a greeting for commands too?"),
        ("cat >/dev/null; echo sh: not found >&2; exit 127", "xen1: sh: not found"),
        ("cat >/dev/null; yes clock 1700000000.5", "xen1 sent more than"),
    ],
)
def test_hosts_that_do_not_answer_as_they_should(
    tmp_path: Path, ssh: Callable[[str], Path], body: str, words: str
) -> None:
    """One sentence with ssh's or the host's own words, without control characters, and exit code 1."""
    done = prepare(tmp_path, f"xen+ssh://root@xen1/system?command={ssh(body)}")
    assert done.returncode == 1 and words in done.stderr and "\x1b" not in done.stderr, done.stderr


def test_a_host_that_hangs(ssh: Callable[[str], Path]) -> None:
    """A script that does not end is ended, and said so; what it started is not waited for."""
    with (
        RemoteShell("xen1", f"xen+ssh://root@xen1/system?command={ssh('exec sleep 1000')}") as reach,
        pytest.raises(BackendError, match="xen1 did not finish within 0.5 s"),
    ):
        reach.run("true", 0.5)


def test_what_is_said_is_bounded_and_told_line_by_line() -> None:
    """The local shell, as for xen:///: lines are heard as they come, the last ones of a failure are its reason."""
    heard: list[str] = []
    with RemoteShell("here", "xen:///system") as reach:
        assert reach.run("echo one; echo two", 60, heard.append) == "one\ntwo\n"
        assert heard == ["one", "two"]
        with pytest.raises(BackendError, match="^here: out; err$") as failed:
            reach.run("echo out; echo err >&2; exit 3", 60)
        assert not isinstance(failed.value, HostDown)
        with pytest.raises(BackendError, match="here sent more than 4194304 bytes"):
            reach.run(f"head -c {MOST + 100_000} /dev/zero", 60)


def test_many_steps_share_one_connection(tmp_path: Path, ssh: Callable[[str], Path]) -> None:
    """A handshake takes a host its time: each script goes through the same socket, which ends with the block."""
    script = ssh(f'echo "$@" >>{tmp_path / "calls"}; cat >/dev/null')
    ending = f'*"-O exit"*) echo end >>{tmp_path / "calls"}'
    script.write_text(script.read_text().replace('*"-O exit"*) exit 0', ending))
    with RemoteShell("xen1", f"xen+ssh://root@xen1/system?command={script}") as reach:
        reach.run("true", 60)
        reach.run("true", 60)
    calls = (tmp_path / "calls").read_text().splitlines()
    sockets = {word for call in calls for word in call.split() if word.startswith("ControlPath=")}
    assert len(sockets) == 1 and "end" in calls
    assert not Path(sockets.pop().partition("=")[2]).parent.exists()
