"""The workers that speak ssh with strangers: one that somebody has taken over (holed_worker.py) gets nothing."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import socket
from pathlib import Path

import asyncssh
import pytest
from asyncssh.constants import MSG_USERAUTH_REQUEST
from asyncssh.packet import Boolean, Byte, String

from tests.gateway.conftest import HERE, World, keygen, until
from tests.gateway.test_gateway_life import echo, enter
from trainbot.adapters.hosts import confined_emulator, confinement

REFUSED = "errno 1"  # EPERM
SESSION = b"s" * 32


@pytest.fixture(scope="module")
def holed(tmp_path_factory):
    """A gateway whose workers have a hole."""
    made = World(tmp_path_factory.mktemp("holed"), worker=[str(HERE / "holed_worker.py")], connections=100)
    yield made
    made.close()


def before_login(world, *attack):
    """What came of an attack by a stranger; None if the gateway has killed that worker."""

    async def play():
        try:
            async with asyncssh.connect(
                "127.0.0.1",
                world.port,
                username="hole",
                password=json.dumps(attack),
                known_hosts=None,
                config=None,
                client_keys=None,
                agent_path=None,
                preferred_auth="password",
            ):
                raise AssertionError("it is a login")
        except (asyncssh.ConnectionLost, ConnectionError):
            return None
        except asyncssh.DisconnectError as ended:
            return json.JSONDecoder().raw_decode(ended.reason)[0]  # asyncssh adds the code

    return asyncio.run(play())


def inside(world, password, *attack):
    """The same for somebody with a login."""
    said = world.ssh(f"hole {json.dumps(attack)}", password=password).stdout
    return json.loads(said) if said else None


def secrets_of(world) -> dict[str, Path]:
    return {
        "the labs' key": world.lab_key,
        "the pepper": world.state / "pepper",
        "the key to jump hosts": world.state / "door_key",
        "the routes": world.state / "routes.json",
        "a database": world.folder / "trainbot.db",
        "its own program": HERE / "holed_worker.py",
        "the gateway's memory": Path(f"/proc/{world.pid}/mem"),
        "the gateway's environment": Path(f"/proc/{world.pid}/environ"),
        "the list of users": Path("/etc/passwd"),
    }


def test_it_opens_no_file(holed):
    """Keys, pepper, routes, database, what the kernel says about the gateway: nothing can be read, nothing written."""
    for name in ("door_key", "routes.json"):
        (holed.state / name).touch()
    (holed.folder / "trainbot.db").touch()
    for name, path in secrets_of(holed).items():
        assert before_login(holed, "read", str(path)) in (REFUSED, "errno 13"), name
    assert before_login(holed, "write", str(holed.folder / "new")) in (REFUSED, "errno 13")


def test_it_reaches_no_port_and_no_socket(holed):
    """Its lab's port, others', the bot's control socket, the gateway's, any datagram."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for port in (holed.lab.port, holed.port, listener.getsockname()[1]):
            assert before_login(holed, "tcp", port) == REFUSED
    for path in (holed.bot.path, holed.state / "gateway.sock"):
        assert path.is_socket() and before_login(holed, "unix", str(path)) == REFUSED
    assert before_login(holed, "udp", 53) == REFUSED


def test_it_runs_nothing_and_reaches_no_process(holed):
    """No program, no process of its own, no signal, no trace, and no other way to sockets."""
    assert before_login(holed, "run", "/bin/true") == REFUSED
    for name in ("fork", "clone3", "pidfd_open", "io_uring_setup"):
        assert before_login(holed, "call", name, 0, 0) == REFUSED, name
    for pid in (holed.pid, *holed.workers()):
        assert before_login(holed, "signal", pid) == REFUSED
    assert before_login(holed, "trace", holed.pid) == REFUSED


def test_it_has_nothing(holed):
    """Its environment names no path of ours; its memory holds no digest, no pepper, no key of labs or people."""
    assert str(holed.folder) not in str(before_login(holed, "environ"))
    route, password = holed.lease(keys=("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "Q" * 43,))
    texts = [route.digest, holed.pepper.hex(), holed.lab_key.read_text().splitlines()[2], route.keys[0], route.lease]
    parts = [[text[:9], text[9:]] for text in texts]  # the question itself must not be found
    assert inside(holed, password, "find", *parts) == [4]


def test_the_machine_refuses_it_and_not_the_test(holed):
    """The same attacks succeed for a process that is not confined: else they would show nothing."""
    ports = [holed.lab.port, holed.port]
    for port in ports:
        socket.create_connection(("127.0.0.1", port), 5).close()
    for path in secrets_of(holed).values():
        path.read_bytes() if not str(path).startswith("/proc") else path.open("rb").close()
    os.kill(holed.pid, 0)


# -- what it asks the gateway


def request(
    user=b"root", *, key=b"", kind=MSG_USERAUTH_REQUEST, service=b"ssh-connection", method=b"publickey", more=b""
):
    """What is signed in a login (RFC 4252, section 7), in base64."""
    algorithm = b"ssh-ed25519"
    data = (
        String(SESSION)
        + Byte(kind)
        + String(user)
        + String(service)
        + String(method)
        + Boolean(True)
        + String(algorithm)
        + String(key)
        + more
    )
    return base64.b64encode(data).decode()


def lab_public(world) -> bytes:
    return base64.b64decode(world.lab_public.split()[1])


def test_one_signature_for_one_socket(holed):
    """With a login: a socket to its own lab, one signature for a login there, and none more, nor one without a socket."""
    route, password = holed.lease()
    holed.lease(lease="another")
    data = request(route.user.encode(), key=lab_public(holed))
    assert inside(holed, password, "ask", "sign", {"dial": 1, "data": data}) == {"signature": ""}
    said = inside(holed, password, "dial_and_sign", [data, data])
    public = asyncssh.public_key.decode_ssh_public_key(lab_public(holed))
    first, second = (base64.b64decode(each) for each in said)
    assert public.verify(base64.b64decode(data), first) and second == b""


@pytest.mark.parametrize(
    "other",
    [
        {"user": b"admin"},
        {"kind": 51},
        {"service": b"ssh-userauth"},
        {"method": b"hostbased"},
        {"key": b"another"},
        {"more": b"more"},
    ],
    ids=str,
)
def test_nothing_but_a_login_to_that_lab_is_signed(holed, other):
    """Another user, packet, service, method, key, or anything after it: the gateway ends that worker instead."""
    _, password = holed.lease()
    killed = holed.log().count(" was lost (it sent")
    holed.all_workers_are_ready()
    assert inside(holed, password, "dial_and_sign", [request(**{"key": lab_public(holed), **other})]) is None
    until(lambda: holed.log().count(" was lost (it sent") == killed + 1)


def test_it_cannot_hand_sockets_back(holed):
    """A descriptor beside a message is closed by the kernel; the message counts."""
    inode = before_login(holed, "with_socket")
    until(lambda: "a socket" in holed.log())
    assert f"pipe:[{inode}]" not in {held.resolve().name for held in Path(f"/proc/{holed.pid}/fd").iterdir()}


def test_it_cannot_log_in_as_others(holed, tmp_path):
    """It says that somebody's public key has signed: without their signature that is no login, and entering is the end."""
    public = keygen(tmp_path / "key").split()[1]
    holed.lease(keys=(f"ssh-ed25519 {public}",))
    assert before_login(holed, "forge", "debian", public) == [True, False]


def test_a_killed_worker_takes_only_its_own_people(own_world):
    """kill -9 of one of them: its sessions end, those of the others stay, their places are given back and newcomers get in."""
    world = own_world(sessions=2)
    _, password = world.lease()
    first, second = enter(world, password), enter(world, password)
    victim, *_ = world.workers()
    os.kill(victim, signal.SIGKILL)
    until(lambda: first.poll() is not None or second.poll() is not None)
    until(lambda: victim not in world.workers())  # it is reaped
    gone, there = (first, second) if first.poll() is not None else (second, first)
    assert gone.wait() == 255 and there.poll() is None
    assert echo(there, b"still\n") == b"still\n"
    world.all_workers_are_ready(1)
    assert world.ssh("echo in", password=password).stdout == b"in\n"
    there.communicate()
    gone.communicate()


def runs(pid) -> bool:
    """Whether that process has not ended (proc(5), stat)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_they_end_with_the_gateway(own_world):
    """After kill -9 of the gateway no worker is left, and its sessions end."""
    world = own_world()
    _, password = world.lease()
    session, workers = enter(world, password), world.workers()
    os.kill(world.pid, signal.SIGKILL)
    assert session.wait(timeout=30) == 255
    session.communicate()
    until(lambda: not any(map(runs, workers)))
    world.start_gateway()


def layout(pid) -> list[str]:
    """Where its libraries and its stack are (proc(5), maps).  Debian's interpreter always has the same place."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return [line for line in lines if ("r-xp" in line and ".so" in line) or "[stack]" in line]


def test_a_lost_worker_tells_nothing_about_those_that_are_started_later(own_world):
    """Workers that start together are forks with one address-space layout; the gateway has another, and so does whoever
    replaces a worker: nobody can try addresses until one fits."""
    world = own_world()
    first, second = world.workers()[:2]
    before = layout(first)
    assert layout(second) == before
    os.kill(first, signal.SIGKILL)
    world.all_workers_are_ready(1)
    (new,) = set(world.workers()) - {second, *(pid for pid in world.workers() if layout(pid) == before)}
    assert not set(layout(new)) & set(before)
    assert not set(layout(world.pid)) & set(before)


def test_it_inherits_nothing(world):
    """An honest worker's descriptors: its socket, and what its event loop needs; no file, no port, no other worker's."""
    until(lambda: world.ssh(password="wrong").returncode == 255)
    for pid in world.workers():
        until(lambda pid=pid: len(os.listdir(f"/proc/{pid}/fd")) == 7)  # without connections
        files = sorted(os.readlink(f"/proc/{pid}/fd/{name}").split(":")[0] for name in os.listdir(f"/proc/{pid}/fd"))
        assert files == [*["/dev/null"] * 3, "anon_inode", *["socket"] * 3]


def test_they_are_a_user_of_their_own(world):
    """Where root has started the gateway, its workers are nobody else (proc(5), status); otherwise they are whoever has."""
    user = confined_emulator.USER if os.geteuid() == 0 else os.geteuid()
    for pid in world.workers():
        (line,) = (each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("Uid:"))
        assert line.split()[1:] == [str(user)] * 4


@pytest.mark.skipif(not confinement.confined(), reason="this kernel has no Landlock")
def test_landlock_and_the_filter_are_both_on(world):
    """The kernel says so of each worker (proc(5), status), and that it can gain no rights."""
    for pid in world.workers():
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
        )
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
