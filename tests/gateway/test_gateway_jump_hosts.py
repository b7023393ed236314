"""Labs of a remote host: the gateway goes through the host's own sshd and its forced command."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess

import pytest

from tests.gateway.conftest import World, keygen, last_words, until
from tests.gateway.jump_host_peer import JumpHostPeer

AT = ("127.0.0.1", 22)  # what a route says: the address on the host's network, and port 22 always


def behind(world: World, jump_host: JumpHostPeer, **other) -> str:
    """The password of a lease whose lab is behind ``jump_host``."""
    return world.lease(endpoint=AT, via=jump_host.via, **other)[1]


def test_a_lab_behind_a_door_is_a_lab_like_any(world, jump_host):
    """A command there has its input, both outputs and its exit status."""
    ran = world.ssh("cat; echo no >&2; exit 7", password=behind(world, jump_host), input=b"through\n")
    assert (ran.stdout, ran.stderr, ran.returncode) == (b"through\n", b"no\n", 7)


def test_files_come_through_whole_both_ways(world, jump_host, tmp_path):
    """30 MB there and back again through two ssh connections one in the other are the same bytes."""
    data = os.urandom(30_000_000)
    password = behind(world, jump_host)
    ran = world.ssh("sha256sum | cut -c1-64; cat big", password=password, input=data)
    assert ran.stdout.decode().strip() == hashlib.sha256(data).hexdigest()
    (world.lab.folder / "big").write_bytes(data)
    assert world.ssh("cat big", password=password).stdout == data
    subprocess.run(
        ["scp", *world.options(), "-P", str(world.port), "x@127.0.0.1:big", tmp_path / "got"],
        check=True,
        env=world.environment(password),
        timeout=60,
    )
    assert (tmp_path / "got").read_bytes() == data


def test_labs_of_one_host_share_a_connection(world):
    """Ten logins beside each other go through one connection to the host: its sshd is asked once."""
    jump_host = world.jump_host()
    inside = [world.open("echo in; cat", password=behind(world, jump_host)) for _ in range(10)]
    assert [each.stdout.readline() for each in inside] == [b"in\n"] * 10
    assert jump_host.logins() == 1
    for each in inside:
        each.communicate()


def test_more_than_a_connection_takes_open_another(world):
    """sshd takes three sessions a connection here: eight logins still all get in at once."""
    jump_host = world.jump_host(more="MaxSessions 3")
    inside = [world.open("echo in; cat", password=behind(world, jump_host)) for _ in range(8)]
    assert [each.stdout.readline() for each in inside] == [b"in\n"] * 8
    assert jump_host.logins() == 3
    for each in inside:
        each.communicate()


def test_a_host_whose_key_nobody_knows_is_not_entered(own_world):
    """Without a line in known_hosts nothing is sent there; the log says what to type, and the learner waits for it."""
    world = own_world(boot_wait=0.1)
    jump_host = world.jump_host()
    (world.state / "known_hosts").write_text("")
    ran = world.ssh("echo in", password=behind(world, jump_host))
    assert ran.stderr.endswith(b"your lab's host cannot be reached: run ssh again in a minute, or type !lab on IRC\r\n")
    assert (
        f"127.0.0.1 port {jump_host.port} is not known yet" in world.log()
        and "trainbot host prepare NAME" in world.log()
    )
    assert jump_host.logins() == 0
    (world.state / "known_hosts").unlink()
    assert world.ssh("echo in", password=behind(world, jump_host)).returncode == 255
    (world.state / "known_hosts").write_text(jump_host.known)
    until(lambda: world.ssh("echo in", password=behind(world, jump_host)).stdout == b"in\n")


def test_a_host_with_another_key_is_never_entered(own_world, tmp_path):
    """A host key that changed is an error that the log names; the key is not accepted, however often one tries."""
    world = own_world(boot_wait=2.5)
    jump_host = world.jump_host()
    (world.state / "known_hosts").write_text(f"[127.0.0.1]:{jump_host.port} {keygen(tmp_path / 'other')}\n")
    ran = world.ssh("echo in", password=behind(world, jump_host))
    assert ran.returncode == 255 and ran.stdout == b"" and b"cannot be reached" in ran.stderr
    assert world.log().count("differs from the one in") == 1  # tried more than once, said once
    assert jump_host.logins() == 0


def test_a_dead_host_harms_no_other(own_world):
    """While one host refuses connections, labs behind another are entered."""
    world = own_world(boot_wait=1.0)
    dead, alive = world.jump_host(), world.jump_host()
    dead.kill()
    assert b"cannot be reached" in world.ssh("echo in", password=behind(world, dead)).stderr
    assert world.ssh("echo in", password=behind(world, alive)).stdout == b"in\n"
    assert f"127.0.0.1 port {dead.port} does not answer: connection refused" in world.log()


def test_a_host_that_dies_and_comes_back(own_world):
    """Whoever is inside is told, and the same ssh line waits for the host and works again."""
    world = own_world(patience=0.1)
    jump_host = world.jump_host()
    password = behind(world, jump_host)
    inside = world.open("echo in; cat", password=password)
    assert inside.stdout.readline() == b"in\n"
    jump_host.kill()
    assert b"the connection to your lab was lost" in last_words(inside)
    again = world.open("echo again", password=password)
    assert again.stderr.readline().startswith(b"trainbot: your lab is still booting")
    jump_host.start()
    assert again.communicate(timeout=30)[0] == b"again\n"
    assert "is reachable again" in world.log()


def test_a_host_that_hangs_is_given_up_for_new_ones(own_world):
    """A host that stopped in the middle (its connections are open, nothing answers) is opened anew when it can be."""
    world = own_world(jump_host_wait=1.0, boot_wait=60.0, patience=0.1)
    jump_host = world.jump_host()
    password = behind(world, jump_host)
    assert world.ssh("echo in", password=password).stdout == b"in\n"
    jump_host.signal(signal.SIGSTOP)
    try:
        new = world.open("echo new", password=password)
        until(lambda: "no longer answers: reconnecting" in world.log() or "no ssh within" in world.log())
    finally:
        jump_host.signal(signal.SIGCONT)
    assert new.communicate(timeout=60)[0] == b"new\n"


def test_a_connection_that_nobody_uses_is_closed(own_world):
    """Some time after the last login ended, the host has no connection of ours any more; the next one opens it."""
    world = own_world(jump_host_idle=0.2)
    jump_host = world.jump_host()
    password = behind(world, jump_host)
    assert world.ssh("echo in", password=password).stdout == b"in\n"
    until(lambda: "Disconnected from user" in jump_host.log())
    assert world.ssh("echo in", password=password).stdout == b"in\n"
    assert jump_host.logins() == 2


@pytest.mark.parametrize(
    "script",
    [
        "echo rubbish",
        "head -c 3000000 /dev/urandom",
        "exec yes",
        "exit 3",
        "echo no >&2; exit 1",
        "exec yes no >&2",
        "printf 'SSH-2.0-x\\r\\n'; exit 0",
        "printf 'SSH-2.0-x\\r\\n'; exec head -c 100000 /dev/zero",
        "kill -9 $$",
        "printf 'SSH-2.0-x\\r\\n'; exec cat",
    ],
)
def test_a_door_that_says_rubbish_lets_nobody_in_and_harms_nobody(shared_world, script):
    """Whatever comes from a jump host instead of a lab: a sentence for the learner, and others are let in elsewhere."""
    world = shared_world(boot_wait=0.5, jump_host_wait=2.0)
    bad, good = world.jump_host(), world.jump_host()
    bad.put("lab-door", f"#!/bin/sh\n{script}\n")
    ran = world.ssh("echo in", password=behind(world, bad))
    assert ran.returncode == 255 and ran.stdout == b"" and b"ssh again in a minute" in ran.stderr
    assert world.ssh("echo in", password=behind(world, good)).stdout == b"in\n"


def test_a_door_that_breaks_off_in_the_middle_ends_the_session_with_a_sentence(world):
    """The relay on the host is killed under a session: the learner is told, and comes back with the same line."""
    jump_host = world.jump_host()
    password = behind(world, jump_host)
    inside = world.open("echo in; cat", password=password)
    assert inside.stdout.readline() == b"in\n"
    subprocess.run(["pkill", "-9", "-f", f"{jump_host.folder}/relay"], check=True)
    assert b"the connection to your lab was lost" in last_words(inside)
    assert world.ssh("echo in", password=password).stdout == b"in\n"


def test_a_lab_that_moved_to_another_node_is_reached_through_its_door(world):
    """The same machine behind another jump host: who is inside is told that nothing is lost, and the same command leads
    there; the first jump host is not asked again."""
    first, second = world.jump_host(), world.jump_host()
    route, password = world.lease(endpoint=AT, via=first.via, lab="one", boots=3)
    inside = world.open("echo in; cat", password=password)
    assert inside.stdout.readline() == b"in\n"
    world.tell(route, via=second.via)
    assert (
        b"trainbot: your lab was moved to another node of its host, and everything in it is as it was: run ssh again\r\n"
        in last_words(inside)
    )
    assert world.ssh("echo in", password=password).stdout == b"in\n"
    assert (first.logins(), second.logins()) == (1, 1)
