"""Bots that die, labs that go, leases that end: what those inside notice."""

from __future__ import annotations

import signal
import socket
import subprocess
from dataclasses import replace

from tests.gateway.conftest import Lab, keygen, last_words, until
from trainbot.features.labs import passwords


def enter(world, password, words="echo in; cat"):
    """A session that is open: what is written to it comes back."""
    inside = world.open(words, password=password)
    assert inside.stdout.readline() == b"in\n"
    return inside


def echo(inside, text):
    inside.stdin.write(text)
    inside.stdin.flush()
    return inside.stdout.readline()


def test_the_bots_death_cuts_nobody_and_lets_new_people_in(own_world):
    """While the bot is away sessions go on and the known passwords work; a password that it gives out as soon as it is
    back works at once."""
    world = own_world(wrong_delay=1.0)
    _, password = world.lease()
    inside = enter(world, password)
    world.bot.die()
    until(lambda: "the bot cannot be asked" in world.log())
    assert echo(inside, b"still\n") == b"still\n"
    assert world.ssh("echo new", password=password).stdout == b"new\n"
    world.bot.start()
    _, second = world.lease()
    assert world.ssh("echo newer", password=second).stdout == b"newer\n"
    assert echo(inside, b"and still\n") == b"and still\n"
    inside.communicate()


def test_a_table_that_is_none_changes_nothing(own_world):
    """Rubbish instead of a table is logged, and the last table stays in force."""
    world = own_world()
    world.tracebacks = True
    _, password = world.lease()
    inside = enter(world, password)
    for rubbish in ({}, [], {"routes": [{}]}, {"routes": None}, {"routes": [{"lease": 1}]}):
        before = world.log().count("could not use a value from the bot")
        world.bot.loop.call_soon_threadsafe(world.bot.server.publish, "routes", rubbish)
        until(lambda before=before: world.log().count("could not use a value from the bot") > before)
    assert world.ssh("echo in", password=password).stdout == b"in\n"
    assert echo(inside, b"on\n") == b"on\n"
    inside.communicate()


def test_a_lease_had_back_cuts_nobody(world):
    """Who comes back to IRC as somebody new and claims the lab is not thrown out of it; the new password works."""
    route, password = world.lease(person=51)
    inside = enter(world, password)
    again = passwords.new_password()
    world.tell(route, person=52, digest=passwords.digest(world.pepper, again))
    assert world.ssh("echo new", password=again).stdout == b"new\n"
    assert echo(inside, b"still\n") == b"still\n"
    inside.communicate()


def test_the_end_of_a_lease_ends_its_sessions_with_a_sentence(world):
    """When the lease is over, its sessions are told so and closed; others stay."""
    route, password = world.lease()
    _, other = world.lease()
    inside, beside = enter(world, password), enter(world, other)
    world.end(route)
    errors = last_words(inside)
    assert inside.returncode == 255
    assert b"your lease has ended: !lab IMAGE on IRC gives you a new lab" in errors
    assert world.ssh("echo in", password=password).returncode == 255
    assert echo(beside, b"here\n") == b"here\n"
    beside.communicate()


def test_a_new_password_leaves_sessions_alone(world):
    """After a new password, open sessions stay, the old password is dead and the new one works."""
    route, password = world.lease()
    inside = enter(world, password)
    new = passwords.new_password()
    world.tell(route, digest=passwords.digest(world.pepper, new))
    assert world.ssh("echo in", password=password).returncode == 255
    assert world.ssh("echo in", password=new).stdout == b"in\n"
    assert echo(inside, b"here\n") == b"here\n"
    inside.communicate()


def test_a_lab_that_dies_says_what_to_type(world, tmp_path):
    """When the lab goes away under a session, the learner is told what to do next."""
    lab = Lab(tmp_path, world.lab_public).start()
    _, password = world.lease(endpoint=lab.endpoint, host_key=lab.host_key)
    inside = enter(world, password)
    lab.kill()
    errors = last_words(inside)
    assert inside.returncode == 255
    assert (
        b"the connection to your lab was lost (the lab is off, or its host is down): run the same ssh command again in a moment"
        in errors
    )


def test_a_lab_that_moved_ends_the_old_sessions_and_the_same_command_works(world, tmp_path):
    """When the lab is somewhere else now, the old session is told and the next login is there."""
    lab = Lab(tmp_path, world.lab_public).start()
    route, password = world.lease()
    inside = enter(world, password)
    world.tell(route, endpoint=lab.endpoint, host_key=lab.host_key)
    assert b"ssh again" in last_words(inside)
    assert world.ssh("pwd", password=password).stdout.decode() == f"{lab.folder}\n"
    lab.kill()


def test_an_endpoint_that_is_not_known_for_a_while_cuts_nobody(world):
    """A bot that restarts and does not know yet where the labs are cuts no session."""
    route, password = world.lease()
    inside = enter(world, password)
    world.tell(route, endpoint=None, why="the host is being asked")
    assert echo(inside, b"here\n") == b"here\n"
    world.tell(route)
    assert echo(inside, b"still\n") == b"still\n"
    inside.communicate()


def test_a_lab_without_endpoint_is_waited_for(shared_world):
    """Who comes before the lab is up is told once why, and is in as soon as it is there."""
    world = shared_world(patience=0.1, banner_wait=0.3)
    route, password = world.lease(endpoint=None, why="it is being made on xen1")
    early = world.open("echo in", password=password)
    assert early.stderr.readline() == b"trainbot: your lab is still booting: it is being made on xen1\r\n"
    world.tell(route, endpoint=world.lab.endpoint, why="")
    out, errors = early.communicate(timeout=30)
    assert (out, errors, early.returncode) == (b"in\n", b"", 0)


def test_a_port_that_is_open_before_sshd_speaks_is_waited_for(shared_world, tmp_path):
    """QEMU's forwarded port accepts before the guest does: that is booting, not failure."""
    world = shared_world(patience=0.1, banner_wait=0.3)
    lab = Lab(tmp_path, world.lab_public)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        lab.port = mute.getsockname()[1]
        _, password = world.lease(endpoint=lab.endpoint, host_key=lab.host_key)
        early = world.open("echo in", password=password)
        assert early.stderr.readline().startswith(b"trainbot: your lab is still booting: ")
        first, _ = mute.accept()
        second, _ = mute.accept()  # tried again
        first.close()
        second.close()
    lab.start()
    out, errors = early.communicate(timeout=30)
    assert (out, errors, early.returncode) == (b"in\n", b"", 0)
    lab.kill()


def test_a_lab_that_never_comes_is_given_up(own_world):
    """After config.boot_wait the learner is told what to do instead of waiting for ever."""
    world = own_world(boot_wait=0.5, patience=0.1)
    _, password = world.lease(endpoint=None, why="xen1 does not answer")
    ran = world.ssh("echo in", password=password)
    assert ran.returncode == 255
    assert ran.stderr.endswith(b"trainbot: your lab is not ready yet: xen1 does not answer\r\n")


def test_a_lab_with_another_host_key_is_not_entered(world, tmp_path):
    """The lab's host key must be the route's: nothing of the learner's goes anywhere else."""
    _, password = world.lease(host_key=keygen(tmp_path / "other"))
    ran = world.ssh("echo in", password=password)
    assert ran.returncode == 255 and ran.stdout == b""
    assert b"has the wrong ssh host key" in ran.stderr


def test_a_route_without_host_key_is_not_entered(world):
    """No host key known never means that any is good."""
    for none in ("", "ssh-ed25519", "rubbish"):
        _, password = world.lease(host_key=none)
        ran = world.ssh("echo in", password=password)
        assert ran.returncode == 255 and ran.stdout == b""


def test_sessions_of_one_connection_share_one_way_to_the_lab(world, tmp_path):
    """Several sessions over one connection (ControlMaster) work beside each other."""
    _, password = world.lease()
    socket_ = ["-o", f"ControlPath={tmp_path}/m", "-o", "ControlMaster=auto"]
    master = world.open("echo in; cat", password=password, options=socket_)
    assert master.stdout.readline() == b"in\n"
    for number in range(5):
        ran = world.ssh(f"echo {number}", options=["-o", f"ControlPath={tmp_path}/m"])
        assert ran.stdout == f"{number}\n".encode()
    master.communicate()


def test_a_learner_who_drops_off_leaves_nothing_running(world):
    """When the learner's connection is cut, the lab hears of it: the command there gets its hangup."""
    _, password = world.lease()
    inside = enter(world, password, "echo $$ >pid; echo in; exec cat")
    pid = int((world.lab.folder / "pid").read_text())
    inside.send_signal(signal.SIGKILL)
    inside.communicate()
    until(lambda: not alive(pid))


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_second_person_with_the_same_key_tells_nobody_apart(world, tmp_path):
    """A key that two people gave as theirs lets neither in: it might be the wrong lab."""
    key = keygen(tmp_path / "key")
    route, _ = world.lease(keys=(key,))
    assert world.ssh("echo in", key=tmp_path / "key").stdout == b"in\n"
    other, _ = world.lease(keys=(key,))
    assert replace(other, lease=route.lease) != route
    assert world.ssh("echo in", key=tmp_path / "key").returncode == 255
    world.end(other)


def test_each_login_is_reported(own_world, tmp_path):
    """How, from where, to which lab, for how long and how much: when it has ended, and even if the bot was away then."""
    world = own_world()
    public = " ".join(keygen(tmp_path / "id").split()[:2])
    route, password = world.lease(keys=(public,), lab="0a0807a1-9dc0-11d1-b245-5ffdce74fad2")
    assert len(world.ssh("head -c 100000 /dev/zero", password=password).stdout) == 100_000
    until(lambda: len(world.bot.logins) == 1)
    (first,) = world.bot.logins
    assert first["person"] == route.person
    told = first["login"]
    assert (told["lab"], told["address"], told["method"]) == ("tb-debian-0a0807a1", "127.0.0.1", "password")
    assert told["sent"] > 100_000 > told["received"] > 500 and 0 <= told["seconds"] < 60
    world.bot.die()
    assert world.ssh("echo in", key=tmp_path / "id").stdout == b"in\n"
    world.bot.start()
    until(lambda: len(world.bot.logins) == 2)
    fingerprint = subprocess.run(["ssh-keygen", "-l", "-f", tmp_path / "id.pub"], capture_output=True, text=True).stdout
    assert world.bot.logins[1]["login"]["method"] == fingerprint.split()[1]


def test_a_login_that_the_bot_cannot_store_is_reported_again(own_world):
    """Somebody else holds its database: it goes first when the next login ends."""
    world = own_world()
    world.bot.kept = {"error": "not done: it is locked", "again": True}
    (_, first), (_, second) = world.lease(), world.lease()
    world.ssh("true", password=first)
    until(lambda: len(world.bot.logins) == 1)
    world.bot.kept = {"kept": True}
    world.ssh("true", password=second)
    until(lambda: len(world.bot.logins) == 3)
    people = [said["person"] for said in world.bot.logins]
    assert people[0] == people[1] != people[2]
