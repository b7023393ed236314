from __future__ import annotations

import pytest

from trainbot.adapters.hosts.libvirt_errors import NO_DOMAIN, NO_NETWORK, OPERATION_INVALID, RPC, translate
from trainbot.core.errors import BackendError, HostDown, NoSuchThing

CHANGED = """Cannot recv data: @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r
Offending ED25519 key in /root/.ssh/known_hosts:1\r
  remove with:\r
  ssh-keygen -f "/root/.ssh/known_hosts" -R "[xen1.example.org]:2022"\r
Host key for [xen1.example.org]:2022 has changed and you have requested strict checking.\r
Host key verification failed.: Connection reset by peer"""
EOF = "End of file while reading data: "
ENDED = ": Input/output error"
RESET = ": Connection reset by peer"


@pytest.mark.parametrize(
    ("code", "message", "alive", "kind", "says"),
    [
        (NO_DOMAIN, "Domain not found", True, NoSuchThing, "does not have this lab"),
        (NO_DOMAIN, "Domain not found", False, HostDown, "does not answer"),
        (
            NO_NETWORK,
            "Network not found: no network with matching name 'trainbot'",
            True,
            BackendError,
            "xen1 has no network trainbot: trainbot host prepare xen1 creates it",
        ),
        (OPERATION_INVALID, "network 'trainbot' is not active", True, BackendError, "virsh net-start"),
        (RPC, "client socket is closed", True, HostDown, "does not answer"),
        (38, "Cannot recv data: Connection reset by peer", False, HostDown, "reset by peer"),
        (38, "unable to open /x: Permission denied", True, BackendError, "has no permission to read"),
        (
            38,
            "inaccessible backing store volume /srv/debian-1.img: No such file or directory",
            True,
            NoSuchThing,
            "xen1 has no copy of /srv/debian-1.img: trainbot host prepare xen1 copies it",
        ),
        (
            1,
            "internal error: Child process (/usr/bin/qemu-img create …) unexpected exit status 1: qemu-img: b.qcow2: "
            "Could not write qcow2 header: No space left on device\n",
            True,
            BackendError,
            "the disk of xen1 is full: return",
        ),
        (38, "Failed to acquire pid file '/r/run/qemu/driver.pid': busy", True, BackendError, "another trainbot"),
        (8, "Failed to parse user 'libvirt-qemu'", True, BackendError, "libvirt-daemon-system"),
        (1, "qemu: Could not set up host forwarding rule 'tcp:…'", True, BackendError, "used by another program"),
        (67, "Emulator '/usr/bin/q' does not support virt type 'kvm'", True, BackendError, "or set kvm = no"),
        (1, "q: kvm.c:3183: kvm_buf_set_msrs: Assertion `ret'", True, BackendError, "/dev/kvm of xen1 is there, but"),
        (1, "cannot open embedded, already open with path '/r'", True, BackendError, "only one root"),
        (1, "something new", True, BackendError, "something new"),
        (
            38,
            CHANGED,
            False,
            HostDown,
            "the ssh host key of xen1 has changed: if the host was reinstalled, run ssh-keygen -R "
            '"[xen1.example.org]:2022" and ssh there once; otherwise somebody may be intercepting the connection',
        ),
        (38, "Cannot recv data: Host key verification failed." + RESET, False, HostDown, "unknown here or has changed"),
        (38, "Cannot recv data: root@xen1: Permission denied (publickey)." + RESET, False, HostDown, "ssh-copy-id"),
        (
            38,
            "Cannot recv data: ssh: Could not resolve hostname xen1.example.invalid: Name or service not known" + RESET,
            False,
            HostDown,
            "correct its uri",
        ),
        (
            38,
            "Unable to resolve address 'xen1.example.invalid' service '16509': Name or service not known",
            False,
            HostDown,
            "correct its uri",
        ),
        (
            38,
            "Cannot recv data: ssh: connect to host xen1 port 22: Connection refused" + RESET,
            False,
            HostDown,
            "nothing listens",
        ),
        (38, "unable to connect to server at '127.0.0.1:1': Connection refused", False, HostDown, "nothing listens"),
        (
            38,
            EOF + "nc: /var/run/libvirt/libvirt-sock: No such file or directory" + ENDED,
            False,
            HostDown,
            "libvirtd does not run on xen1: systemctl start libvirtd",
        ),
        (
            38,
            EOF + "virt-ssh-helper: cannot connect to '/var/run/libvirt/libvirt-sock': Failed to connect socket "
            "to '/var/run/libvirt/libvirt-sock': No such file or directory" + ENDED,
            False,
            HostDown,
            "libvirtd does not run",
        ),
        (
            38,
            "Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory",
            False,
            HostDown,
            "apt install libvirt-daemon-system",
        ),
        (38, EOF + "sh: 1: nc: not found" + ENDED, False, HostDown, "libvirt is not installed on xen1"),
        (38, "Cannot write data: Broken pipe", False, HostDown, "try ssh there"),
    ],
)
def test_numbers_become_sentences(code, message, alive, kind, says):
    """Each error that libvirt 9 was seen to raise becomes one that says what it is, the work that failed and, where
    somebody can do something about it, what."""
    error = translate(code, message, alive=alive, doing="making lab-1", host="xen1")
    assert type(error) is kind
    assert str(error).startswith("making lab-1: ") and says in str(error)


def test_what_others_wrote_is_bounded():
    """A message quotes other machines: it is one line, without control characters, and not endless."""
    text = str(translate(1, "a\r\nb\x1b[31m" + "x" * 10_000, alive=True, doing="d"))
    assert text.isprintable() and "a b[31m" in text and len(text) < 400
