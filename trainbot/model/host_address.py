"""Converts a host's URI in bot.ini to what libvirt is given (https://libvirt.org/uri.html).  Pure, except for
``prepare_root``, which writes the embedded driver's configuration."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from trainbot.core.errors import BackendError

# ROOT/lib/qemu/domain-<number>-<20 letters of the name>/monitor.sock must fit sockaddr_un (unix(7)): 107 bytes.
_LONGEST_ROOT = 107 - len("/lib/qemu/domain-99999-") - 20 - len("/monitor.sock")

_CONSOLES = "console"


class HostKind(enum.StrEnum):
    """What runs a host's labs: QEMU in the bot's own process, libvirt's test driver, Xen, or the QEMU driver of a libvirtd,
    with hardware virtualisation (KVM) where the host has it."""

    QEMU = "qemu-embed"
    TEST = "test"
    XEN = "xen"
    KVM = "kvm"

    @property
    def has_slots(self) -> bool:
        """Whether ``trainbot host prepare`` gives its labs a network of their own, where each has a number
        (model.slots)."""
        return self in (HostKind.XEN, HostKind.KVM)

    @property
    def is_qemu(self) -> bool:
        """Whether the labs' machines are QEMU's, in processes of the host."""
        return self in (HostKind.QEMU, HostKind.KVM)


_KINDS = {"test": HostKind.TEST, "xen": HostKind.XEN}
_QEMU = {"/embed": HostKind.QEMU, "/system": HostKind.KVM}


@dataclass(frozen=True, slots=True)
class HostAddress:
    """``root``: set for the embedded driver only.  ``remote``: reached through a daemon, over a socket.  ``nodes``: it is
    not one machine but several."""

    uri: str
    kind: HostKind
    remote: bool
    root: Path | None = None
    nodes: bool = False


@lru_cache(maxsize=1024)
def host_address(uri: str) -> HostAddress:
    """The address for libvirt.  Raises BackendError for a URI that trainbot has no driver for.

    A relative root is relative to the working directory (configuration makes it absolute first).
    ssh never prompts on a terminal, since nobody is there to answer (no_tty).
    """
    parts = urlsplit(uri)
    driver, _, transport = parts.scheme.partition("+")
    kind = _QEMU.get(parts.path) if driver == "qemu" else _KINDS.get(driver)
    if kind is None or (kind is HostKind.QEMU and (parts.netloc or transport)):
        raise BackendError(
            f'unsupported host uri "{uri}": use qemu+ssh://root@HOST/system (KVM), xen+ssh://root@HOST/system (Xen), or '
            "qemu:///embed?root=FOLDER (this machine)"
        )
    if kind is HostKind.QEMU:
        root = Path(_parameters(parts.query).get("root", ""))
        if root == Path():
            raise BackendError(f'"{uri}" has no root: use qemu:///embed?root=FOLDER')
        root = root.absolute()
        if len(os.fsencode(root)) > _LONGEST_ROOT:
            raise BackendError(f"the root {root} is too long for its sockets: {_LONGEST_ROOT} bytes are the most")
        return HostAddress(f"qemu:///embed?root={quote(str(root))}", kind, False, root)
    remote = kind is not HostKind.TEST or bool(parts.netloc)
    if transport in ("ssh", "libssh", "libssh2"):
        if "no_tty" not in _parameters(parts.query):
            uri = parts._replace(query=f"{parts.query}&no_tty=1".lstrip("&")).geturl()
    return HostAddress(uri, kind, remote)


def console_socket(uri: str, id: str) -> Path | None:
    """The console of the lab with that UUID: a unix socket, in a folder that only we can enter.  None if the host has
    no such consoles."""
    root = host_address(uri).root
    return root / _CONSOLES / id if root is not None else None


def _parameters(query: str) -> dict[str, str]:
    """Decodes parameters as libvirt does: %XX is a character, and a plus sign stays a plus sign."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return {unquote(name): unquote(value) for name, _, value in pairs}


def prepare_root(root: Path) -> None:
    """Writes ROOT/etc/qemu.conf as the embedded driver needs it if no other libvirt daemon runs.

    stdio_handler: without it, virtlogd would be needed.  If we run as root, so does QEMU: the image is in folders (a
    home, a cache) that no other user may enter; libvirt's seccomp sandbox stays on.
    """
    lines = ['stdio_handler = "file"', 'security_driver = "none"', "namespaces = []"]
    if os.geteuid() == 0:
        lines += ['user = "root"', 'group = "root"', "cgroup_controllers = []", "remember_owner = 0"]
    try:
        folder = root / "etc"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "qemu.conf").write_text("\n".join(lines) + "\n")
        (root / _CONSOLES).mkdir(mode=0o700, exist_ok=True)
        (root / _CONSOLES).chmod(0o700)
    except OSError as error:
        raise BackendError(f"cannot write to the host's root {root}: {error.strerror}") from None
