"""What a learner can do through the jump_host, with OpenSSH's own ssh."""

from __future__ import annotations

import hashlib
import os
import select
import subprocess
import termios

import pytest

from tests.gateway.terminal import Terminal
from trainbot.gateway.hostkey import fingerprint


def test_exec_gives_output_and_exit_status(world):
    """A command runs in the lab, and its output, errors and exit status come back apart."""
    _, password = world.lease()
    ran = world.ssh("uname -a; echo oops >&2; exit 7", password=password)
    assert ran.returncode == 7
    assert ran.stdout == subprocess.run(["uname", "-a"], capture_output=True).stdout
    assert ran.stderr == b"oops\n"


@pytest.mark.parametrize("client", ["dbclient", "plink"])
def test_other_clients_get_in(world, tmp_path, client):
    """dropbear's and PuTTY's: input, output and exit status, which comes before the end of the output, every time."""
    _, password = world.lease()
    (tmp_path / "pw").write_text(password)
    how = {
        "dbclient": ["-y", "-y", "-p", str(world.port)],
        "plink": ["-batch", "-P", str(world.port), "-pwfile", tmp_path / "pw", "-hostkey", fingerprint(world.state)],
    }
    for _ in range(4):
        ran = subprocess.run(
            [client, *how[client], "x@127.0.0.1", "cat; exec >&- 2>&-; sleep 0.05; exit 7"],
            input=b"in\n",
            env={**world.environment(password), "DROPBEAR_PASSWORD": password},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (ran.returncode, ran.stdout) == (7, b"in\n"), ran


def test_password_may_be_typed_loosely(world):
    """Upper case and blanks instead of dashes are the same password."""
    _, password = world.lease()
    assert world.ssh("echo in", password=password.upper().replace("-", " ")).stdout == b"in\n"


def test_a_command_that_is_killed_says_by_which_signal(world):
    """A lab's exit signal reaches the client, which ends with 255, and the lab's own message does not."""
    _, password = world.lease()
    ran = world.ssh("kill -TERM $$", password=password)
    assert ran.returncode == 255
    assert b"hostile" not in ran.stderr


def test_stdin_and_its_end_arrive(world):
    """What is piped in arrives whole, and its end is seen."""
    _, password = world.lease()
    data = os.urandom(3_000_000)
    ran = world.ssh("sha256sum", password=password, input=data)
    assert ran.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()


def test_a_line_of_an_irc_client_pasted_whole(world):
    """Where what stands before the ssh command leaves it without a terminal, the learner is told; a script that is piped in
    hears nothing, and neither does a command without input."""
    _, password = world.lease()
    pasted = world.ssh(password=password)
    assert pasted.stderr.count(b"trainbot: ssh had no terminal and nothing to read") == 1 and not pasted.stdout
    piped = world.ssh(password=password, input=b"echo in\n")
    assert (piped.stdout, piped.stderr) == (b"in\n", b"")
    assert world.ssh("cat", password=password).stderr == b""


def test_lang_passes_and_other_environment_does_not(world):
    """LANG and LC_* of the learner reach the lab; LD_PRELOAD and the like do not."""
    _, password = world.lease()
    ran = world.ssh(
        "env",
        password=password,
        env={"LANG": "de_AT.UTF-8", "LC_TIME": "C", "LD_X": "1"},
        options=["-o", "SendEnv=LANG LC_* LD_*"],
    )
    assert b"LANG=de_AT.UTF-8\n" in ran.stdout and b"LC_TIME=C\n" in ran.stdout
    assert b"LD_X" not in ran.stdout


def test_shell_on_a_terminal_with_its_size_and_resize(world):
    """A login is a shell on a terminal of the learner's size, which follows when the window changes; ^C works."""
    _, password = world.lease()
    terminal = Terminal(world, password, 33, 101)
    terminal.until(b"lab# ")
    terminal.type(b"stty size; echo $TERM\n")
    terminal.until(b"33 101\r\n")
    terminal.until(b"xterm\r\n")
    terminal.type(b"cat\nx\n")
    terminal.until(b"x\r\n")  # the terminal's echo ...
    terminal.until(b"x\r\n")  # ... and cat's own: it runs
    terminal.type(b"\x03")
    terminal.until(b"lab# ")
    terminal.type(b"trap 'stty size; exit 3' WINCH; echo re''ady; while :; do read x; done\n")
    terminal.until(b"ready\r\n")
    termios.tcsetwinsize(terminal.master, (44, 120))
    terminal.type(b"\n")
    terminal.until(b"44 120\r\n")
    assert terminal.close() == 3


def test_fifty_megabytes_each_way(world):
    """50 MB go out and in unharmed, and the gateway holds little of it meanwhile, even for a slow reader."""
    _, password = world.lease()
    size = 50_000_000
    sending = world.open(f"head -c {size} /dev/urandom | tee big | sha256sum >sum; cat big", password=password)
    first = sending.stdout.read(1)
    before = memory(world.pid)
    assert select.select([sending.stdout], [], [], 30)[0]
    full = steady(lambda: memory(world.pid))  # we do not read: the pipe, the windows and the sockets fill up
    digest = hashlib.sha256(first)
    while piece := sending.stdout.read(1 << 20):
        digest.update(piece)
    assert sending.wait(30) == 0
    close(sending)
    assert full - before < 20_000_000
    assert (world.lab.folder / "sum").read_text().split()[0] == digest.hexdigest()
    content = (world.lab.folder / "big").read_bytes()
    assert world.ssh("sha256sum", password=password, input=content).stdout.split()[0].decode() == digest.hexdigest()
    assert memory(world.pid) - before < 30_000_000


def memory(pid):
    """Resident bytes."""
    return int(open(f"/proc/{pid}/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")


def steady(read):
    """The value once it is the same three times in a row."""
    values = [read()]
    while len(values) < 4 or len(set(values[-3:])) > 1:
        select.select([], [], [], 0.1)
        values.append(read())
    return values[-1]


def close(opened):
    for pipe in (opened.stdin, opened.stdout, opened.stderr):
        pipe.close()


@pytest.mark.parametrize("legacy", [(), ("-O",)], ids=["sftp", "scp"])
def test_scp_there_and_back(world, tmp_path, legacy):
    """scp copies a binary file there and back bit by bit, in both of its protocols."""
    _, password = world.lease()
    data = os.urandom(2_000_000) + bytes(range(256))
    (tmp_path / "out").write_bytes(data)
    scp = ["scp", *legacy, *world.options(), "-P", str(world.port)]
    env = world.environment(password)
    there = f"bob@127.0.0.1:{world.lab.folder}/copied file"
    subprocess.run([*scp, tmp_path / "out", there.replace(" ", "\\ ") if legacy else there], check=True, env=env)
    assert (world.lab.folder / "copied file").read_bytes() == data
    subprocess.run([*scp, there.replace(" ", "\\ ") if legacy else there, tmp_path / "in"], check=True, env=env)
    assert (tmp_path / "in").read_bytes() == data


def test_sftp_put_get_and_list(world, tmp_path):
    """sftp works: the subsystem is the lab's own."""
    _, password = world.lease()
    (tmp_path / "there").write_bytes(b"\x00\xff" * 70_000)
    batch = f"put {tmp_path}/there sent\nls -l sent\nget sent {tmp_path}/back\nrm sent\n"
    # -b would turn askpass off (BatchMode), so the commands come through stdin
    ran = subprocess.run(
        ["sftp", *world.options(), "-P", str(world.port), "x@127.0.0.1"],
        input=batch.encode(),
        env=world.environment(password),
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "back").read_bytes() == b"\x00\xff" * 70_000
    assert not (world.lab.folder / "sent").exists()
