"""libvirt's error numbers -> our errors, with a sentence that a person can act on.  Pure: no libvirt here.

Numbers: https://libvirt.org/html/libvirt-virterror.html#virErrorNumber.
"""

from __future__ import annotations

from trainbot.errors import BackendError, HostDown, NoSuchThing

NO_MEMORY = 2
INVALID_ARG = 8
OPERATION_FAILED = 9
SYSTEM_ERROR = 38
RPC = 39
NO_DOMAIN = 42
OPERATION_INVALID = 55

_LENGTH = 300  # a message may quote what a guest or another machine wrote

# (what libvirt's message holds, what it means to whoever runs the host)
_MEANINGS = (
    ("driver.pid", "another trainbot runs with this root: stop it, or give this one a root of its own"),
    ("already open with path", "this process has an embedded host already: there can be one root in a process"),
    ("parse user 'libvirt-qemu'", "libvirt's QEMU driver as root wants the system user libvirt-qemu: "
     "apt install libvirt-daemon-system, or run as an ordinary user"),
    ("parse group 'libvirt-qemu'", "libvirt's QEMU driver as root wants the system group libvirt-qemu: "
     "apt install libvirt-daemon-system, or run as an ordinary user"),
    ("host forwarding rule", "the lab's port on this machine is taken by another program"),
    ("annot allocate memory", "there is not enough free memory on the host"),
    ("not enough memory", "there is not enough free memory on the host"),
    ("No space left", "the host's disk is full"),
    ("Permission denied", "the host may not read or write a file of the lab"),
)


def plain(message: str) -> str:
    """One line of printable text, bounded."""
    return " ".join("".join(c if c.isprintable() else " " for c in message).split())[:_LENGTH]


def translate(code: int, message: str, *, alive: bool, doing: str) -> BackendError:
    """The error to raise for libvirt error ``code`` while ``doing`` something.

    ``alive``: libvirt still thinks its connection is.  A dead connection is HostDown whatever the number, since
    the numbers of a lost host vary (38, 39, 1); 38 on a live one is some system call that failed over there.
    """
    said = plain(message)
    if not alive or code == RPC:
        return HostDown(f"{doing}: the host does not answer ({said})")
    for part, meaning in _MEANINGS:
        if part in message:
            return BackendError(f"{doing}: {meaning} ({said})")
    if code == NO_DOMAIN:
        return NoSuchThing(f"{doing}: the host has no such lab")
    return BackendError(f"{doing}: {said} (libvirt error {code})")
