"""Translates libvirt's error numbers and texts into our errors, with a sentence that a person can act on.  Pure: no
libvirt here.

Numbers: https://libvirt.org/html/libvirt-virterror.html#virErrorNumber.  The texts from its ssh transport are what
ssh, the remote shell and virt-ssh-helper (or nc) wrote to stderr, joined.
"""

from __future__ import annotations

import re

from trainbot.core.errors import BackendError, HostDown, NoSuchThing
from trainbot.core.text import one_line

NO_MEMORY = 2
INVALID_ARG = 8
OPERATION_FAILED = 9
SYSTEM_ERROR = 38
RPC = 39
NO_DOMAIN = 42
NO_NETWORK = 43
OPERATION_INVALID = 55

_LENGTH = 300  # a message may quote what a guest or another machine wrote

_NO_LIBVIRTD = (
    "libvirtd does not run on {host}: systemctl start libvirtd there, or apt install "
    "libvirt-daemon-system, or trainbot host prepare {host}"
)

_NO_TLS = (
    "TLS needs cacert.pem, clientcert.pem and clientkey.pem in the folder that pkipath= in {host}'s uri names, "
    "or else in /etc/pki/CA, /etc/pki/libvirt and its private"
)

# (part of libvirt's message, what it means for the person who runs the host).  {host}: its name in bot.ini; {known}:
# the argument for ssh-keygen -R.  The first match counts.
_UNREACHED = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the ssh host key of {host} has changed: if the host was reinstalled, run ssh-keygen -R {known} and ssh "
        "there once; otherwise somebody may be intercepting the connection",
    ),
    (
        "has changed and you have requested strict checking",  # the end of the same message
        "the ssh host key of {host} has changed: if the host was reinstalled, run ssh-keygen -R {known} and ssh "
        "there once; otherwise somebody may be intercepting the connection",
    ),
    (
        "Host key verification failed",
        "{host}'s ssh host key is unknown here or has changed: check it and ssh there once as the "
        "user who runs trainbot (after ssh-keygen -R {known} if the host was reinstalled)",
    ),
    (
        "Permission denied (",
        "{host} accepts none of our ssh keys: run ssh-copy-id as the user who runs trainbot, then try ssh with the same "
        "user and port",
    ),
    (
        "Could not resolve hostname",
        "the name of {host} is not in the DNS: correct its uri in bot.ini, or the DNS",
    ),
    ("Unable to resolve address", "the name of {host} is not in the DNS: correct its uri in bot.ini, or the DNS"),
    ("libvirt-sock: No such file", _NO_LIBVIRTD),
    ("libvirt-sock': No such file", _NO_LIBVIRTD),
    (
        "nc: not found",
        "libvirt is not installed on {host}: trainbot host prepare {host}, or apt install libvirt-daemon-system there",
    ),
    (
        "Connection refused",
        "nothing listens on the port in {host}'s uri in bot.ini: check the port, and that sshd or libvirtd runs there",
    ),
    (
        "Failed to verify peer's certificate",
        "{host}'s TLS certificate is not signed by the authority in our cacert.pem, or not for the name in its uri",
    ),
    (
        "failed validation against",
        "our TLS certificate, clientcert.pem, is not signed by the authority in our cacert.pem",
    ),
    ("Cannot read CA certificate", _NO_TLS),
    (
        "Unable to read TLS confirmation",
        "{host} does not accept our TLS certificate: put clientcert.pem and clientkey.pem, signed by an authority that it "
        "trusts, beside cacert.pem in the folder that pkipath= in its uri names",
    ),
    ("certificate and the given key do not match", "our clientcert.pem and clientkey.pem do not belong together"),
    ("onnection timed out", "check that it is on and that no firewall blocks it"),
    ("No route to host", "there is no route to it: check that it and the network are up"),
    (
        "Cannot write data: Broken pipe",
        "ssh to {host} ended at once: try ssh there as the user who runs trainbot to see why",
    ),
)
_MEANINGS = (
    ("driver.pid", "another trainbot uses this root: stop it, or give this one its own root"),
    ("already open with path", "this process already has an embedded host: a process can have only one root"),
    (
        "parse user 'libvirt-qemu'",
        "libvirt's QEMU driver as root needs the system user libvirt-qemu: "
        "apt install libvirt-daemon-system, or run as an ordinary user",
    ),
    (
        "parse group 'libvirt-qemu'",
        "libvirt's QEMU driver as root needs the system group libvirt-qemu: "
        "apt install libvirt-daemon-system, or run as an ordinary user",
    ),
    (
        "does not support virt type 'kvm'",
        "{host} has no hardware virtualisation that QEMU can use: turn it on there, or set kvm = no in its section in bot.ini",
    ),
    (
        "kvm_buf_set_msrs",  # QEMU's, on a virtual machine whose /dev/kvm is not the real thing
        "/dev/kvm of {host} is there, but QEMU fails with it: set kvm = no in its section in bot.ini",
    ),
    ("host forwarding rule", "the lab's port on this machine is used by another program"),
    ("annot allocate memory", "there is not enough free memory on {host}: return labs there or use another host"),
    ("not enough memory", "there is not enough free memory on {host}: return labs there or use another host"),
    ("No space left", "the disk of {host} is full: return labs there, or free some space in the folder of its labs"),
    ("Permission denied", "{host} has no permission to read or write a file of the lab"),
)
_NO_BASE = re.compile(r"inaccessible backing store volume (\S+): No such file")
_NETWORK = re.compile(r"(?:matching name '|network ')([^']*)'( is not active)?")
_KNOWN = re.compile(r'ssh-keygen .*-R "([\w.:\[\]-]{1,255})"', re.ASCII)


def plain(message: str) -> str:
    """Returns ``message`` as one line of printable text of limited length."""
    return one_line(message, _LENGTH, "")


def translate(code: int, message: str, *, alive: bool, doing: str, host: str = "the host") -> BackendError:
    """Returns the error to raise for libvirt error ``code`` while ``doing`` something on ``host`` (its name in
    bot.ini).

    ``alive``: whether libvirt considers its connection alive.  A dead connection is HostDown whatever the number, since
    the numbers of a lost host vary (38, 39, 1); 38 on a live connection is a system call that failed on the host.
    """
    said = plain(message)
    if not alive or code == RPC:
        if why := unreached(message, host):
            return HostDown(f"{doing}: {host} does not answer: {why} ({_end(said)})")
        return HostDown(f"{doing}: the host does not answer ({said})")
    return _on_a_live_one(code, message, doing, host, said)


def unreached(message: str, host: str) -> str:
    """Says what ssh's or libvirt's message about an unreachable host means and what to do about it; '' if unknown."""
    known = _KNOWN.search(message)
    for part, meaning in _UNREACHED:
        if part in message:
            return meaning.format(host=host, known=f'"{known[1]}"' if known else "ADDRESS")
    return ""


def _on_a_live_one(code: int, message: str, doing: str, host: str, said: str) -> BackendError:
    if missing := _NO_BASE.search(message):
        return NoSuchThing(
            f"{doing}: {host} has no copy of {plain(missing[1])}: trainbot host prepare {host} copies it"
        )
    network = _NETWORK.search(message)
    if network and code == NO_NETWORK:
        return BackendError(
            f"{doing}: {host} has no network {plain(network[1])}: trainbot host prepare {host} creates it"
        )
    if network and network[2]:
        return BackendError(
            f"{doing}: the network {plain(network[1])} of {host} is off: virsh net-start there, or "
            f"trainbot host prepare {host}"
        )
    for part, meaning in _MEANINGS:
        if part in message:
            return BackendError(f"{doing}: {meaning.format(host=host)} ({said})")
    if code == NO_DOMAIN:
        return NoSuchThing(f"{doing}: {host} does not have this lab")
    return BackendError(f"{doing}: {said} (libvirt error {code})")


def _end(said: str) -> str:
    """Returns the end of a long message, where ssh says what went wrong."""
    return said if len(said) <= 120 else f"… {said[-117:]}"
