"""One gateway a state folder, and what starting and stopping it says."""

from __future__ import annotations

import logging
import os
import signal
import socket
import stat
import subprocess
import sys

import pytest

from tests.gateway.conftest import until
from trainbot.core.errors import BackendError
from trainbot.gateway import hostkey, process


def test_a_second_gateway_on_the_same_folder_is_refused(world):
    """The second one says that one runs, and ends with 1."""
    ran = subprocess.run(world.gateway_command(), capture_output=True, text=True, timeout=30)
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert f"a gateway is already running (process {world.pid}" in ran.stderr


def test_a_port_that_is_taken_is_one_sentence(own_world):
    """Nothing but the sentence, exit status 1; start_detached raises the same sentence."""
    world = own_world(started=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = world.gateway_command(listen=[["127.0.0.1", port]])
        ran = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert ran.returncode == 1
        assert (
            ran.stderr == f"trainbot gateway: the gateway cannot listen on 127.0.0.1 port {port}: "
            "address already in use\n"
        )
        with pytest.raises(BackendError, match=f"cannot listen on 127.0.0.1 port {port}"):
            process.start_detached(world.folder, world.state, command)


def test_the_gateway_that_runs_is_found_again(world):
    """start_detached gives the pid of the running one and starts no other."""
    assert process.running(world.state) == world.pid
    assert process.start_detached(world.folder, world.state, ["/bin/false"]) == world.pid
    assert process.listening(world.state) == (("127.0.0.1", world.port),)
    assert process.asked(world.state) == (("127.0.0.1", 0),)


def test_the_gateway_outlives_who_started_it(own_world):
    """Killing the process that started it, with its whole process group, leaves it running."""
    world = own_world(started=False)
    starter = (
        "import sys; from pathlib import Path; from trainbot.gateway import process; "
        "print(process.start_detached(Path('x'), Path(sys.argv[1]), sys.argv[2:]), flush=True); input()"
    )
    bot = subprocess.Popen(
        [sys.executable, "-c", starter, world.state, *world.gateway_command()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    pid = int(bot.stdout.readline())
    os.killpg(bot.pid, signal.SIGKILL)
    bot.communicate()
    assert process.running(world.state) == pid


def test_stop_ends_it_and_says_whether_there_was_one(own_world):
    """SIGTERM ends the gateway cleanly: its lock is free, its pid file gone, its sessions told."""
    world = own_world()
    _, password = world.lease()
    inside = world.open("echo in; cat", password=password)
    assert inside.stdout.readline() == b"in\n"
    assert process.stop(world.state) is True
    assert b"the gateway is restarting" in inside.communicate(timeout=30)[1]
    assert process.running(world.state) is None
    assert not (world.state / "gateway.pid").exists()
    assert process.stop(world.state) is False


def test_a_pid_file_that_lies_kills_nobody(tmp_path):
    """stop asks the lock, not the file: a pid that is somebody else's by now is left alone."""
    bystander = subprocess.Popen(["sleep", "60"])
    (tmp_path / "gateway.pid").write_text(f"{bystander.pid}\n127.0.0.1 2222\n")
    (tmp_path / "gateway.lock").touch()
    assert process.running(tmp_path) is None
    assert process.listening(tmp_path) == ()
    assert process.stop(tmp_path) is False
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


@pytest.mark.parametrize("gone", [("gateway.pid",), ("gateway.lock", "gateway.pid"), ()], ids=["pid", "both", "folder"])
def test_a_gateway_whose_files_are_removed_is_found_again(own_world, gone):
    """Somebody tidies up: it is not taken for ended, so no second one is started that could not listen, and stop ends it."""
    world = own_world()
    for name in gone:
        (world.state / name).unlink()
    if not gone:
        world.state.rename(world.state.with_name("elsewhere"))
    until(lambda: process.listening(world.state) == (("127.0.0.1", world.port),))
    assert process.running(world.state) == world.pid
    assert process.start_detached(world.folder, world.state, ["/bin/false"]) == world.pid
    assert process.stop(world.state) is True
    assert process.running(world.state) is None


def test_kill_9_leaves_nothing_in_the_way(own_world):
    """After kill -9 the next one starts, with the same host key."""
    world = own_world()
    key = hostkey.public_key(world.state)
    os.kill(world.pid, signal.SIGKILL)
    until(lambda: process.running(world.state) is None)
    world.start_gateway()
    _, password = world.lease()
    assert world.ssh("echo in", password=password).stdout == b"in\n"
    assert hostkey.public_key(world.state) == key


def test_fingerprint_is_what_openssh_shows(world):
    """The fingerprint that others show is the one that the learner's client asks about."""
    shown = subprocess.run(["ssh-keygen", "-lf", world.state / "gateway_host_key"], capture_output=True, text=True)
    assert hostkey.fingerprint(world.state) == shown.stdout.split()[1]


def test_what_is_secret_is_nobodys_elses(world):
    """Host key, pepper, log, lock and the folder itself are the owner's only."""
    assert stat.S_IMODE(world.state.stat().st_mode) == 0o700
    for name in ("gateway_host_key", "pepper", "gateway.log", "gateway.lock"):
        assert stat.S_IMODE((world.state / name).stat().st_mode) == 0o600, name


def test_asking_about_the_gateway_needs_no_asyncssh():
    """What the bot imports of the gateway does not bring asyncssh along."""
    code = (
        "import sys, trainbot.gateway.process, trainbot.gateway.hostkey, trainbot.gateway.routes; "
        "sys.exit('asyncssh' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_its_log_is_bounded(tmp_path):
    """A stranger cannot fill the disk that holds the state: two files of that size, the latest lines in the first."""
    path = tmp_path / "gateway.log"
    with path.open("a") as stream:
        log = process.BoundedLog(stream, path, size=5000)
        for number in range(1000):
            log.emit(logging.makeLogRecord({"msg": f"{number} " + "x" * 40}))
        os.write(stream.fileno(), b"a traceback\n")
    assert {each.name for each in tmp_path.iterdir()} == {"gateway.log", "gateway.log.1"}
    assert all(each.stat().st_size < 6000 for each in tmp_path.iterdir())
    assert path.read_text().splitlines()[-2:] == ["999 " + "x" * 40, "a traceback"]


def test_a_log_elsewhere_is_left_alone(tmp_path):
    """Under systemd stderr is the journal, or it is a file of somebody else's: nothing is renamed."""
    path = tmp_path / "gateway.log"
    path.write_text("x" * 9000)
    with (tmp_path / "mine").open("a") as stream:
        log = process.BoundedLog(stream, path, size=5000)
        for _ in range(1000):
            log.emit(logging.makeLogRecord({"msg": "line"}))
    assert path.stat().st_size == 9000 and not (tmp_path / "gateway.log.1").exists()
