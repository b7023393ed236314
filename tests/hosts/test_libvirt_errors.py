from __future__ import annotations

import pytest

from trainbot.errors import BackendError, HostDown, NoSuchThing
from trainbot.hosts.libvirt_errors import NO_DOMAIN, RPC, SYSTEM_ERROR, translate


@pytest.mark.parametrize(
    ("code", "message", "alive", "kind", "says"),
    [
        (NO_DOMAIN, "Domain not found", True, NoSuchThing, "no such lab"),
        (NO_DOMAIN, "Domain not found", False, HostDown, "does not answer"),
        (RPC, "client socket is closed", True, HostDown, "does not answer"),
        (SYSTEM_ERROR, "Cannot recv data: Connection reset by peer", False, HostDown, "reset by peer"),
        (SYSTEM_ERROR, "unable to open /x: Permission denied", True, BackendError, "may not read"),
        (SYSTEM_ERROR, "Failed to acquire pid file '/r/run/qemu/driver.pid': busy", True, BackendError, "another trainbot"),
        (8, "Failed to parse user 'libvirt-qemu'", True, BackendError, "libvirt-daemon-system"),
        (1, "qemu: Could not set up host forwarding rule 'tcp:…'", True, BackendError, "taken"),
        (1, "cannot open embedded, already open with path '/r'", True, BackendError, "one root in a process"),
        (1, "something new", True, BackendError, "something new"),
    ],
)
def test_numbers_become_sentences(code, message, alive, kind, says):
    """Each error that libvirt is known to raise becomes one that says what it is, and the work that failed."""
    error = translate(code, message, alive=alive, doing="making lab-1")
    assert type(error) is kind
    assert str(error).startswith("making lab-1: ") and says in str(error)


def test_what_others_wrote_is_bounded():
    """A message quotes other machines: it is one line, without control characters, and not endless."""
    text = str(translate(1, "a\r\nb\x1b[31m" + "x" * 10_000, alive=True, doing="d"))
    assert text.isprintable() and "a b [31m" in text and len(text) < 400
