"""What the facts about a disk mean for its labs: their command line, and what an organiser should know.  Pure."""

from __future__ import annotations

from trainbot.images.importing import initrd
from trainbot.images.importing.bootline import command_line
from trainbot.images.importing.facts import DiskFacts
from trainbot.images.importing.opened import DiskContents

_HOSTS = {initrd.XEN: "Xen", initrd.QEMU: "QEMU"}


def boot_line(facts: DiskFacts, kernel: str) -> str:
    return command_line(kernel, facts.root, facts.subvolume, (facts.entries or {}).values(), facts.grub, facts.grubenv)


def mode_words(selinux: str) -> tuple[str, str]:
    """What is added to the command line for a permissive and for an ordinary lab: the latter is in the mode that the
    image's /etc/selinux/config says."""
    return {"enforcing": ("enforcing=0", "enforcing=1"), "permissive": ("enforcing=0", "")}.get(selinux, ("", ""))


def remarks(opened: DiskContents) -> list[str]:
    """A sentence for each thing that is not as labs would have it."""
    facts, said = opened.facts, []
    if opened.lacking is None:
        said.append("its initrd cannot be read, so it is unknown whether it has the drivers of a lab's disk")
    for driver in sorted(opened.lacking or ()):
        said.append(
            f"its initrd has no {driver}, so labs on {_HOSTS[driver]} hosts will not find their disk: use another image, "
            "or one whose initrd was made with it"
        )
    if facts.selinux in ("permissive", "disabled"):
        said.append(f"SE Linux is {facts.selinux} in its labs, as in the image's /etc/selinux/config")
    if not opened.tmux:
        said.append(
            "neither the image nor this machine has tmux, so what runs in a lab ends when the connection drops: "
            "apt install tmux, and import it again"
        )
    elif not facts.tmux:
        said.append("it had no tmux: this machine's was added, in /usr/local")
    for folder, why in sorted((facts.unmounted or {}).items()):
        said.append(f"its {folder} could not be mounted here ({why})")
    return said
