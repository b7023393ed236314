"""What people paste into a shell."""

from __future__ import annotations

import shlex

import pytest

from trainbot.model.shell_commands import ROW, scp_command, ssh_command


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (ssh_command(2222, "lab.example.org", "debian"), "ssh -p 2222 debian@lab.example.org"),
        (ssh_command(22, "lab.example.org", "debian"), "ssh debian@lab.example.org"),
        (ssh_command(2222, "2001:db8::1", "old"), "ssh -p 2222 old@2001:db8::1"),
        (ssh_command(2222, "a.org", "debian", "xen-manage console"), "ssh -t -p 2222 debian@a.org xen-manage console"),
        (scp_command(2222, "lab.example.org", "debian", "/root"), "scp -rp -P 2222 debian@lab.example.org:/root ."),
        (scp_command(22, "2001:db8::1", "debian", "/root"), "scp -rp debian@[2001:db8::1]:/root ."),
    ],
)
def test_commands(command: str, wanted: str) -> None:
    """As ssh(1) and scp(1) read them, without what the default port makes needless."""
    assert command == wanted
    assert shlex.split(command) == wanted.split()


def test_the_usual_ones_fit_a_row() -> None:
    """At 80 columns a terminal client with a usual address tears none of them apart."""
    for command in (
        ssh_command(65535, "training.lab.example-university.edu", "debian"),
        ssh_command(2222, "lab.example.org", "debian", "xen-manage console"),
        scp_command(2222, "lab.example.org", "debian", "/root"),
        "your debian lab: password k3vd-91mx-q0ta-7hzc",
    ):
        assert len(command) <= ROW
