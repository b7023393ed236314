"""What `trainbot image try` reports of a lab, which here is a stand-in that answers as told."""

import socket
import threading
from pathlib import Path

import pytest

from trainbot.core.errors import BackendError
from trainbot.images.build.progress_bar import Silent
from trainbot.model.host import LabSpec, Mode
from trainbot.model.lab_image import LabImage
from trainbot.ops.image_trial.lab import TrialLab
from trainbot.ops.image_trial.places import _local_console
from trainbot.ops.image_trial.trial import Trial, end_of, look, wanted_mode

GOOD = {
    "os-release": "CentOS Stream 9\n",
    "uname": "6.1.0-cloud-amd64\n",
    "is-system-running": "running\n",
    "enforce": "1 unconfined_u:unconfined_r:unconfined_t:s0\n",
    "sestatus": "targeted\n33\n",
    "denied": "0\n",
    "unlabeled": "0\n",
    "ip -4": "2: eth0 inet 10.0.2.15/24 brd 10.0.2.255 scope global\ndefault via 10.0.2.2 dev eth0\n",
    "host_": "ssh_host_ed25519_key\n",
    "rpm": "412\n",
    "tmux": "/usr/bin/tmux\n",
    "free": "600 100 400\n",
}


class StandIn(TrialLab):
    """A lab that answers as `said` has it, and has one file, of which snapshots are taken."""

    def __init__(self, console: Path | None = None, **said: str) -> None:
        super().__init__(self, _SPEC, lambda domain: [], console and (lambda: _local_console(console)))
        self.said, self.file, self.kept = {**GOOD, **said}, "", ""

    def make(self, spec: LabSpec) -> None: ...

    def snapshot(self) -> None:
        self.kept = self.file

    def rollback(self) -> None:
        self.file = self.kept

    def ask(self, command: str, seconds: float = 300) -> str:
        if command.startswith("echo"):
            self.file = command.split()[1]
        if command.startswith("cat /root/trial"):
            return self.file
        return next((said for part, said in self.said.items() if part in command), "")


_SPEC = LabSpec("0", "try", "centos", Path("d"), Path("k"), Path("i"), "", 640)


@pytest.fixture
def console(tmp_path):
    """A console where root's shell answers."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "console"))
        listening.listen()

        def answer() -> None:
            while True:
                try:
                    with listening.accept()[0] as one:
                        if one.recv(100):
                            one.sendall(
                                b"\x1b[?2004hroot@centos:~#  id -un; echo tried-$((6 * 7))\r\n\x1b[?2004l\rroot\r\ntried-42\r\n# "
                            )
                except OSError:
                    return

        thread = threading.Thread(target=answer)
        thread.start()
        yield tmp_path / "console"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def tried(lab: TrialLab, selinux: str = "enforcing") -> Trial:
    trial = Trial()
    look(lab, trial, selinux, 10, Silent())
    return trial


def test_a_lab_as_it_should_be_has_nothing_wrong(console):
    """Everything that was asked is in the report, and the snapshot was gone back to."""
    trial = tried(StandIn(console))
    assert trial.wrong == []
    assert "system: CentOS Stream 9" in trial.lines and "snapshot and back: before" in trial.lines
    assert "console: root's shell answers" in trial.lines


@pytest.mark.parametrize(
    ("part", "said", "line"),
    [
        ("enforce", "0 unconfined_u:unconfined_r:unconfined_t:s0", "SE Linux: 0 unconfined_u"),
        ("enforce", "1 system_u:system_r:sshd_t:s0", "SE Linux: 1 system_u"),
        ("is-system-running", "degraded\nsquid.service\n", "systemd: degraded squid.service"),
        ("denied", "3\n", "denials: 3"),
        ("unlabeled", "17\n", "unlabelled files: 17"),
        ("ip -4", "", "network: nothing"),
        ("host_", "ssh_host_ed25519_key\nssh_host_rsa_key\n", "host keys: ssh_host_ed25519_key ssh_host_rsa_key"),
        ("rpm", "0\n", "packages: 0"),
        ("tmux", "", "tmux: nothing"),
        ("is-system-running", "\x1b[31mmaintenance\n", "systemd:  [31mmaintenance"),
    ],
)
def test_what_is_not_as_it_should_be_is_marked(console, part, said, line):
    """One fault is one marked line; what a lab says cannot reach the terminal as control characters."""
    trial = tried(StandIn(console, **{part: said}))
    assert [each.replace("  ", " ") for each in trial.wrong if each.startswith(line[:9])] != [], trial.lines
    assert len(trial.wrong) == 1 and trial.wrong[0].replace("  ", " ").startswith(line.replace("  ", " "))
    assert [each for each in trial.lines if each.endswith("<-- not as it should be")]


@pytest.mark.parametrize(
    ("selinux", "said", "wrong"),
    [
        ("permissive", "0 unconfined_u:unconfined_r:unconfined_t:s0", []),
        ("permissive", "1 unconfined_u:unconfined_r:unconfined_t:s0", ["SE Linux"]),
        ("off", "off", []),
        ("off", "1 unconfined_u:unconfined_r:unconfined_t:s0", ["SE Linux"]),
        ("enforcing", "off", ["SE Linux"]),
    ],
)
def test_se_linux_is_as_the_image_says(console, selinux, said, wrong):
    """A lab in another mode is marked; without SE Linux, as Ubuntu's, only if the image should have it."""
    assert [line.split(":")[0] for line in tried(StandIn(console, enforce=said), selinux).wrong] == wrong


@pytest.mark.parametrize(
    ("words", "modes"),
    [
        (("enforcing=1", "enforcing=0"), ("enforcing", "permissive")),
        (("", "enforcing=0"), ("permissive", "permissive")),
        (("", ""), ("off", "off")),
    ],
)
def test_which_mode_a_lab_should_be_in(words, modes):
    """What an import makes of /etc/selinux/config: enforcing, permissive, none."""
    image = LabImage("x", Path(), Path(), Path(), "", dict(zip(Mode, words, strict=True)), 64, 1, "root", "k")
    assert tuple(wanted_mode(image, mode) for mode in Mode) == modes


def test_a_lab_that_cannot_be_gone_back_to_is_marked(console):
    """What was written after the snapshot is still there."""
    lab = StandIn(console)
    lab.rollback = lambda: None
    assert tried(lab).wrong == ["snapshot and back: after"]


def test_nobody_gets_in(console):
    """ssh's own reason is said, after the time that the boot may take."""
    lab = StandIn(console)

    def ask(command: str, seconds: float = 300) -> str:
        raise BackendError("Host key verification failed.")

    lab.ask = ask
    with pytest.raises(BackendError, match=r"^nobody could log in within 0 s: Host key verification failed\.$"):
        look(lab, Trial(), "enforcing", 0, Silent())


def test_a_host_without_consoles_is_no_fault(console):
    """QEMU through a libvirtd: said, and not marked."""
    trial = tried(StandIn())
    assert trial.wrong == [] and "console: not tried: this kind of host has none" in trial.lines


def test_the_end_of_the_console_explains_an_early_end(console):
    """Its last lines, without what would control a terminal; nothing where it said nothing."""
    lab, trial = StandIn(console), Trial(indent="  ")
    end_of(lab, BackendError("ssh: no route"), trial)
    assert trial.lines == ["  ended early: ssh: no route   <-- not as it should be"]
    lab._said = b"\x1b[1mKernel panic\x1b[0m\r\n\r\nnot syncing: VFS\x07\r\n" * 40
    end_of(lab, BackendError("ssh: no route"), trial)
    assert trial.lines[2] == "  the end of its console:" and trial.lines[-2:] == [
        "    Kernel panic",
        "    not syncing: VFS ",
    ]
    assert len(trial.lines) == 3 + 30
