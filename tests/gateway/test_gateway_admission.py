"""Who gets in, who does not, and that nothing but one's own lab is behind the jump_host."""

from __future__ import annotations

import socket
import subprocess
import threading
from contextlib import ExitStack

import pytest

from tests.gateway.conftest import keygen, many_files, until
from trainbot.features.labs import passwords


def test_wrong_password_gets_nothing_and_is_logged_without_it(world):
    """A wrong password is refused; the log names the try but not the password."""
    world.lease()
    guess = passwords.new_password()
    ran = world.ssh("echo in", password=guess, user="mallory")
    assert ran.returncode == 255 and ran.stdout == b""
    assert "as mallory: wrong password" in world.log()
    assert guess not in world.log()


def test_right_passwords_are_nowhere_in_the_log(world):
    """A login leaves the lease and the person's number in the log, and neither name nor password nor digest."""
    route, password = world.lease()
    world.ssh("true", password=password)
    assert f"lease {route.lease}: person {route.person} logged in" in world.log()
    assert "alice" not in world.log() and password not in world.log() and route.digest not in world.log()


def test_key_gets_in_without_password(world, tmp_path):
    """Somebody whose key is in the table needs no password."""
    public = keygen(tmp_path / "mine")
    world.lease(keys=(public + " my laptop",))
    assert world.ssh("echo in", key=tmp_path / "mine").stdout == b"in\n"


def test_another_persons_key_gets_nothing(world, tmp_path):
    """A key that is nobody's gets nothing, also where a name is used that has a lab."""
    keygen(tmp_path / "mallory")
    world.lease(name="alice", keys=(keygen(tmp_path / "alice"),))
    ran = world.ssh("echo in", key=tmp_path / "mallory", user="alice")
    assert ran.returncode == 255 and ran.stdout == b""


def test_offering_somebodys_public_key_without_having_it_gets_nothing(world, tmp_path):
    """Whoever offers alice's public key (they are no secret), then logs in as themselves, is themselves."""
    _mine, password = world.lease(name="mallory")
    alice = keygen(tmp_path / "alice")
    keygen(tmp_path / "other")
    theirs, _password = world.lease(name="alice", keys=(alice,))
    (tmp_path / "alice").write_bytes((tmp_path / "other").read_bytes())  # her public half, another private one
    ran = world.ssh("echo in", key=tmp_path / "alice", password=password)
    assert ran.stdout in (b"in\n", b"")  # the client may give up by itself
    assert world.ssh("echo in", key=tmp_path / "alice").returncode == 255
    assert f"lease {theirs.lease}: person" not in world.log()


def test_the_user_name_chooses_between_own_labs(own_world, tmp_path):
    """With a key, the user name may be an image one has; any other name means the newest lab."""
    world = own_world()
    key = keygen(tmp_path / "key")
    for image, _lang in (("debian", "one"), ("centos", "two")):
        world.lease(person=7, image=image, keys=(key,))
    for user, image in (("debian", "debian"), ("CentOS", "centos"), ("root", "centos")):
        world.ssh("true", key=tmp_path / "key", user=user)
        lease = next(lease for lease, route in world.bot.table.items() if route.image == image)
        assert f"lease {lease}: person 7" in world.log().splitlines()[-2] + world.log().splitlines()[-1]


ODD = [
    "root",
    "alice@example.org",
    "%s%n",
    "$(reboot)",
    "-oProxyCommand=x",
    "../../etc",
    "a b",
    "é",
    "日本",
    "x" * 256,
    "'; drop table leases; --",
    "null\\0",
    "trainbot",
    "^]",
]


@pytest.mark.parametrize("user", ODD, ids=range(len(ODD)))
def test_any_user_name_serves(world, user):
    """Whatever the user name is, the password decides."""
    _, password = world.lease()
    command = world.command("echo in", user="x")
    command[command.index("x")] = user
    ran = subprocess.run(command, env=world.environment(password), capture_output=True)
    refused_by_client = b"remote username contains invalid characters" in ran.stderr
    assert ran.stdout == b"in\n" or refused_by_client


def test_odd_user_names_on_the_wire(world):
    """Names that no good client sends (control codes, escapes, 100 kB, bytes that are no UTF-8) end their own
    connection at most, and come out of the log harmless."""
    import asyncio

    import asyncssh

    _, password = world.lease()
    names = [
        "\x1b[2J",
        "a\nINFO forged line",
        "\u202e",
        "\0",
        "x" * 1023,
        "x" * 5000,
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
        "\u00ad",
        " ",
        "a\rb",
    ]

    async def come(name):
        try:
            async with asyncssh.connect(
                "127.0.0.1",
                world.port,
                username=name,
                password=password,
                known_hosts=None,
                config=None,
                client_keys=None,
                agent_path=None,
            ) as connection:
                return (await connection.run("echo in")).stdout
        except (asyncssh.Error, UnicodeError, ValueError, OSError) as error:
            return type(error).__name__

    async def everybody():
        return [await come(name) for name in names]

    asyncio.run(everybody())
    assert world.ssh("echo in", password=password).stdout == b"in\n"
    log = world.log()
    assert "\x1b" not in log and "\nINFO forged" not in log and "Traceback" not in log


def test_too_many_wrong_passwords_end_the_connection(own_world):
    """After config.tries wrong passwords the connection is over; the next one may try again."""
    world = own_world(tries=2)
    _, password = world.lease()
    asked = world.folder / "asked"
    (world.folder / "askpass").write_text(f"#!/bin/sh\necho x >>{asked}\necho wrong\n")
    ran = world.ssh("true", options=["-o", "NumberOfPasswordPrompts=9", "-o", "PreferredAuthentications=password"])
    assert ran.returncode == 255
    assert len(asked.read_text().split()) == 2
    (world.folder / "askpass").write_text('#!/bin/sh\nprintf "%s\\n" "$LEARNER_PASSWORD"\n')
    assert world.ssh("echo in", password=password).stdout == b"in\n"


def test_sessions_of_a_person_are_limited(own_world):
    """A person has at most config.sessions sessions, and gets a place back when one ends."""
    world = own_world(sessions=2)
    _, password = world.lease(person=1)
    _, other = world.lease(person=2)
    opened = [world.open("echo in; cat", password=password) for _ in range(2)]
    for each in opened:
        assert each.stdout.readline() == b"in\n"
    assert world.ssh("echo in", password=password).returncode == 255
    assert world.ssh("echo in", password=other).stdout == b"in\n"
    for each in opened:
        each.communicate()
    assert world.ssh("echo in", password=password).stdout == b"in\n"


def test_half_open_connections_harm_nobody(own_world):
    """With 1,000 half-open connections held, those inside go on and others still get in."""
    world = own_world()
    _, password = world.lease()
    inside = world.open("cat", password=password)
    inside.stdin.write(b"one\n")
    inside.stdin.flush()
    assert inside.stdout.readline() == b"one\n"
    with many_files(), ExitStack() as held:
        for number in range(1000):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", world.port)))
            if number % 2:
                connection.sendall(b"SSH-2.0-half\r\n")
        assert world.ssh("echo in", password=password).stdout == b"in\n"
        inside.stdin.write(b"two\n")
        inside.stdin.flush()
        assert inside.stdout.readline() == b"two\n"
        inside.communicate()


def test_silent_and_slow_connections_are_closed(own_world):
    """Who says nothing is closed after config.silent, who does not log in after config.login."""
    world = own_world(silent=0.2, login=0.5)
    for greeting in (b"", b"SSH-2.0-slow\r\n"):
        with socket.create_connection(("127.0.0.1", world.port)) as connection:
            connection.settimeout(20)
            connection.sendall(greeting)
            while connection.recv(4096):
                pass


@pytest.fixture
def secret():
    """A service on the gateway's machine that nobody may reach through it."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen():
            try:
                while True:
                    connection, _ = listener.accept()
                    heard.append(connection)
                    connection.sendall(b"secret\n")
                    connection.close()
            except OSError:
                pass

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_forward_reaches_the_labs_own_loopback(world, secret):
    """-L to localhost leads to the lab's loopback, through the lab's sshd."""
    _, password = world.lease()
    port = free_port()  # the stand-in lab shares our loopback, so its service is ours
    inside = world.open(
        "echo in; cat",
        password=password,
        options=["-L", f"127.0.0.1:{port}:localhost:{secret[0]}", "-o", "ExitOnForwardFailure=yes"],
    )
    assert inside.stdout.readline() == b"in\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        assert connection.recv(100) == b"secret\n"
    inside.communicate()


@pytest.mark.parametrize("to", ["127.0.0.2", "0.0.0.0", "169.254.169.254", "trainbot", "127.1", "::ffff:127.0.0.1"])
def test_forward_to_elsewhere_is_refused(world, secret, to):
    """-L (and -W) to anywhere but the lab's own localhost is refused, and the session goes on."""
    _, password = world.lease()
    ran = world.ssh(password=password, options=["-W", f"[{to}]:{secret[0]}"])
    assert ran.returncode == 255
    assert not secret[1]


def test_reverse_forward_agent_and_x11_are_refused_without_harm(world, tmp_path):
    """-R fails; -A and -X give the lab nothing; the session itself works."""
    _, password = world.lease()
    port = free_port()
    ran = world.ssh(
        "echo in", password=password, options=["-R", f"{port}:localhost:1", "-o", "ExitOnForwardFailure=yes"]
    )
    assert ran.returncode == 255 and ran.stdout == b""
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.DEVNULL)
    try:
        until((tmp_path / "agent").exists)
        ran = world.ssh(
            "env; echo in",
            password=password,
            options=["-A", "-X", "-R", f"{port}:localhost:1"],
            env={"SSH_AUTH_SOCK": str(tmp_path / "agent"), "DISPLAY": ":99"},
        )
    finally:
        agent.terminate()
        agent.wait()
    assert ran.stdout.endswith(b"in\n")
    assert b"SSH_AUTH_SOCK" not in ran.stdout and b"DISPLAY" not in ran.stdout


@pytest.mark.parametrize("name", ["netconf", "../sftp", "sftp;id", "x" * 3000])
def test_other_subsystems_are_refused(world, name):
    """No subsystem but sftp is there."""
    _, password = world.lease()
    ran = world.ssh(name, password=password, options=["-s"])
    assert ran.returncode != 0 and ran.stdout == b""
