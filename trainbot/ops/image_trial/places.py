"""Where a trial's lab is made: on this machine, in a folder of its own, or on another host, beside the bot's labs."""

from __future__ import annotations

import socket
import subprocess
import threading
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from trainbot.adapters.hosts.claim import Claimant
from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.adapters.hosts.libvirt_look import HostLook, look
from trainbot.adapters.state_folder import JUMP_KEY, KNOWN_HOSTS
from trainbot.bot.installation import OwnPorts
from trainbot.core.errors import BackendError
from trainbot.core.text import one_line
from trainbot.model.host import Domain, HostConfig, LabSpec, Mode
from trainbot.model.host_address import HostKind, console_socket, host_address
from trainbot.model.image_files import files
from trainbot.model.jump_host import JumpHost
from trainbot.model.lab_image import LabImage
from trainbot.ops.image_trial.lab import Console, TrialLab

T = TypeVar("T")
_NAME = "trainbot-try"  # one for all: two trials on one host would take the same place
_QUIET = {
    "GlobalKnownHostsFile": "/dev/null",
    "StrictHostKeyChecking": "yes",
    "IdentitiesOnly": "yes",
    "BatchMode": "yes",
    "ConnectTimeout": "120",
    "ServerAliveInterval": "60",
}


def kind_of(host: HostConfig) -> str:
    """For the report, which people paste: no addresses."""
    kind = host_address(host.uri).kind
    if kind is HostKind.QEMU:
        return "QEMU, KVM" if host.kvm else "QEMU, emulated"
    return "Xen" if kind is HostKind.XEN else "libvirt's test driver"


@contextmanager
def lab_on(
    host: HostConfig,
    image: LabImage,
    mode: Mode,
    folder: Path,
    key: Path,
    state: Path,
    owner: str,
    taken: Collection[int],
) -> Iterator[TrialLab]:
    """A lab on that host, not made yet; it is removed in the end with all that belongs to it.

    ``folder``: a temporary one, the same for all hosts; ``key``: the installation's key to its labs; ``owner``: its id, ''
    if it has none yet; ``taken``: the slots of the bot's labs there.  BackendError, in one sentence, if nothing can be made
    there.
    """
    address, id = host_address(host.uri), str(uuid.uuid4())
    if address.root is not None:  # one process for each root, and the bot has this one; one root for each process
        host = replace(host, uri=f"qemu:///embed?root={folder / 'root'}", folder=folder / "labs", images=None)
    else:
        check(host, image, within(host.deadline, f"libvirt on {host.name}", lambda: look(host)))
    there = image.files if host.images is None else files(host.images, image.version)
    spec = LabSpec(
        id=id,
        name=_NAME,
        image=image.name,
        disk=there.disk,
        kernel=there.kernel,
        initrd=there.initrd,
        cmdline=image.boot_line(mode),
        memory_mib=image.memory_mib,
        vcpus=image.vcpus,
        port=0 if address.kind is HostKind.XEN else OwnPorts().free_port(()),
        owner=f"try-{id}",
        guest=image.guest,
        slot=slot_for(host, taken) if host.has_slots else 1,
        cpu_percent=image.cpu_percent,
    )
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(f"lab {image.host_key}\n", encoding="ascii")
    driver = LibvirtDriver(host, spec.owner, claimant=Claimant(owner))
    others = (
        driver.claims() if address.root is not None else within(host.deadline, f"opening {host.name}", driver.claims)
    )
    try:
        if others:
            raise BackendError(f"{host.name} belongs to another trainbot (id {one_line(others[0], 64, '')})")
        yield TrialLab(
            driver,
            spec,
            lambda domain: login(domain, host, image.user, key, known_hosts, state),
            console_of(host, id, state),
            f" on {host.name}",
        )
    except BaseException:
        with suppress(BackendError):  # there is a worse one
            driver.destroy(id)
        raise
    else:
        try:
            driver.destroy(id)
        except BackendError as error:
            raise BackendError(f"the lab may still be there, as {_NAME}: {error}") from None
    finally:
        driver.close()


def check(host: HostConfig, image: LabImage, seen: HostLook) -> None:
    """BackendError if no lab of the image can be made on a host of which this was seen."""
    if host.images is not None and image.version not in (seen.images or ()):
        raise BackendError(f"{host.name} has no copy of {image.version}: trainbot host prepare {host.name} copies it")
    if host_address(host.uri).kind is HostKind.TEST:
        raise BackendError(f"{host.name} is libvirt's test driver, whose labs run nothing")
    if seen.free_mib < image.memory_mib:
        raise BackendError(
            f"{host.name} has {seen.free_mib} MiB of free memory, and the lab needs {image.memory_mib}: try when fewer labs run"
        )


def slot_for(host: HostConfig, taken: Collection[int]) -> int:
    """The highest that is free: the bot gives its labs the lowest."""
    free = [slot for slot in range(1, host.labs + 1) if slot not in taken]
    if not free:
        raise BackendError(f"each of the {host.labs} places on {host.name} has a lab: try when fewer labs run")
    return free[-1]


def within(seconds: float, what: str, call: Callable[[], T]) -> T:
    """The result of ``call``, from a daemon thread: a host that does not answer holds up neither the others nor Ctrl-C."""
    done: SimpleQueue[Callable[[], T]] = SimpleQueue()
    ended = threading.Event()

    def run() -> None:
        try:
            value = call()
            done.put(lambda: value)
        except BackendError as error:
            caught = error

            def fail() -> T:
                raise caught

            done.put(fail)
        finally:
            ended.set()

    threading.Thread(target=run, name="try", daemon=True).start()
    if not ended.wait(seconds):
        raise BackendError(f"{what} did not answer within {seconds:g} s")
    return done.get()()


def login(domain: Domain, host: HostConfig, user: str, key: Path, known_hosts: Path, state: Path) -> list[str]:
    """The ssh command that logs in to the lab, through the host's jump host if it has one, as the gateway does."""
    if domain.endpoint is None:
        raise BackendError(f"{host.name} gives its labs no address: trainbot host prepare {host.name}")
    address, port = domain.endpoint
    options = {**_QUIET, "UserKnownHostsFile": str(known_hosts), "HostKeyAlias": "lab"}
    if host.door:
        options["ProxyCommand"] = " ".join(map(_for_proxy, jump(host, state, f"ssh {address}")))
    return ["ssh", "-F", "none", "-i", str(key), "-p", str(port), *_options(options), f"{user}@{address}"]


def jump(host: HostConfig, state: Path, request: str) -> list[str]:
    """The ssh command that has the host's jump host (lab-door) do ``request``."""
    account = JumpHost.parse(host.door)
    options = {**_QUIET, "UserKnownHostsFile": str(state / KNOWN_HOSTS)}
    return [
        *("ssh", "-F", "none", "-T", "-i", str(state / JUMP_KEY), "-p", str(account.port)),
        *_options(options),
        *("--", f"{account.user}@{account.address}", request),
    ]


def _options(options: dict[str, str]) -> list[str]:
    return [word for name, value in options.items() for word in ("-o", f"{name}={_quoted(name, value)}")]


def _quoted(name: str, value: str) -> str:
    """ssh splits the names of files at blanks, and reads the rest as it is (ssh_config(5))."""
    return f'"{value}"' if name.endswith("KnownHostsFile") and " " in value else value


def _for_proxy(word: str) -> str:
    """For the shell that runs a ProxyCommand, after ssh has replaced %h and others in it."""
    return "'" + word.replace("%", "%%").replace("'", "'\\''") + "'"


def console_of(host: HostConfig, id: str, state: Path) -> Console | None:
    if (path := console_socket(host.uri, id)) is not None:
        return lambda: _local_console(path)
    if host.door:
        return lambda: _remote_console(jump(host, state, f"console {id}"))
    return None


@contextmanager
def _local_console(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as console:
        try:
            console.connect(str(path))
        except OSError as error:
            raise BackendError(f"cannot connect to the lab's console ({error.strerror})") from None
        yield console


@contextmanager
def _remote_console(command: list[str]) -> Iterator[socket.socket]:
    ours, its = socket.socketpair()
    with ours, its:
        process = subprocess.Popen(command, stdin=its.fileno(), stdout=its.fileno(), stderr=subprocess.DEVNULL)
        its.close()
        try:
            yield ours
        finally:
            process.kill()
            process.wait()
