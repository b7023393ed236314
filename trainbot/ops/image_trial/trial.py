"""What a trial asks of a lab, and its report."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from trainbot.core.errors import BackendError
from trainbot.images.build.progress_bar import Progress
from trainbot.model.host import Mode
from trainbot.model.lab_image import LabImage
from trainbot.ops.image_trial.lab import TrialLab

GONE = re.compile(r"[^\x20-\x7e]")

# What is asked in the lab: a name, the command, and what its output has to match ('': it is only reported).
_QUESTIONS = (
    ("system", ". /etc/os-release; echo $PRETTY_NAME", ""),
    ("kernel", "uname -r", ""),
    ("systemd", "systemctl is-system-running; systemctl --failed --plain --no-legend | cut -d' ' -f1", r"^running\b"),
    ("SE Linux", "if test -e /sys/fs/selinux/enforce; then echo $(cat /sys/fs/selinux/enforce) $(id -Z); else echo off; fi",
     "{selinux}"),
    ("policy", "sestatus | sed -n 's/^Loaded policy name: *//p;s/^Max kernel policy version: *//p'", ""),
    ("denials", "journalctl -b -o cat | grep -c 'avc:  denied' || :", r"^0$"),
    ("unlabelled files", "find / -xdev -context '*unlabeled_t*' | wc -l", r"^0$"),
    ("network", "ip -4 -o addr show scope global | sed 's/ *\\\\.*//'; ip -4 route show default", r"inet \d+\."),
    ("host keys", "cd /etc/ssh; ls ssh_host_*_key", r"^ssh_host_ed25519_key$"),
    ("packages", "if command -v rpm >/dev/null && rpm -q openssh-server >/dev/null 2>&1; then rpm -qa | wc -l; "
                 "else dpkg-query -W | wc -l; fi", r"^[1-9]\d+$"),
    ("tmux", "command -v tmux", "tmux"),
    ("memory", "free -m | sed -n 's/^Mem: *//p'", ""),
)  # fmt: skip
_SELINUX = {
    "enforcing": r"^1 \S*unconfined_t",
    "permissive": r"^0 \S*unconfined_t",
    "off": "^off$",
}


@dataclass
class Trial:
    """What was found; ``lines`` are for people, ``wrong`` those of them that are not as they should be."""

    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    indent: str = ""

    def note(self, what: str, found: str, good: bool = True) -> None:
        line = f"{what}: {plain(found).strip() or 'nothing'}"
        self.lines.append(self.indent + (line if good else f"{line}   <-- not as it should be"))
        if not good:
            self.wrong.append(line)


def plain(words: str) -> str:
    """A lab's words, without what would control a terminal."""
    return GONE.sub(" ", words)


def wanted_mode(image: LabImage, mode: Mode) -> str:
    """``enforcing``, ``permissive`` or ``off``: what SE Linux is in a lab of that mode (remarks.mode_words)."""
    if not any(image.modes.values()):
        return "off"
    return "enforcing" if image.modes[mode] == "enforcing=1" else "permissive"


def look(lab: TrialLab, trial: Trial, selinux: str, within: float, progress: Progress) -> None:
    """``selinux``: the mode that it should be in; ``within``: seconds that each boot may take."""
    progress.stage(f"booting the lab{lab.where}")
    trial.note("ssh after the boot", f"{lab.boot(within):.0f} s")
    progress.stage(f"looking at the lab{lab.where}")
    for what, command, pattern in _QUESTIONS:
        found = " ".join(lab.ask(command).split())
        wanted = _SELINUX[selinux] if pattern == "{selinux}" else pattern
        trial.note(what, found, not wanted or re.search(wanted, found) is not None)
    trial.note("console", *lab.ask_console())
    progress.stage(f"taking a snapshot{lab.where}")
    lab.ask("echo before > /root/trial; sync")
    lab.snapshot()
    lab.wait(within)
    lab.ask("echo after > /root/trial; sync")
    progress.stage(f"going back to the snapshot{lab.where}")
    lab.rollback()
    lab.wait(within)
    found = lab.ask("cat /root/trial").strip()
    trial.note("snapshot and back", found, found == "before")


def end_of(lab: TrialLab, error: BackendError, trial: Trial) -> None:
    """Why it ended early, with what its console said last."""
    trial.note("ended early", str(error), good=False)
    if lines := [line for line in map(plain, lab.console_end()) if line.strip()][-30:]:
        trial.lines += [f"{trial.indent}the end of its console:", *(f"{trial.indent}  {line}" for line in lines)]
