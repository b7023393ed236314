"""Which images' files a host needs, which it could do without.  Pure."""

from __future__ import annotations

from dataclasses import dataclass

from trainbot.model.image_files import DISK, complete
from trainbot.ops.host_setup.state import DesiredState, HostFacts, ImageFileCopy

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """``unsure``: files whose content nobody has looked at since they came; ``idle``: versions no lab's disk stands on
    and bot.ini does not name."""

    there: tuple[str, ...]
    copies: tuple[ImageFileCopy, ...]
    unsure: tuple[ImageFileCopy, ...]
    idle: tuple[str, ...]
    refusals: tuple[str, ...]


def plan_images(facts: HostFacts, desired: DesiredState) -> ImagePlan:
    copies, unsure, refusals = [], [], []
    lacking = set()
    for item in desired.copies:
        if facts.verified.get(item.name) == item.sha256:
            continue
        lacking.add(item.version)
        if facts.images.get(item.name) == item.size and item.name not in facts.verified:
            unsure.append(item)
        elif item.name in facts.images and f"{item.version}{DISK}" in facts.backing:
            refusals.append(
                f"{desired.host.name} has {item.name} with another content, and labs' disks stand on it: "
                "give those labs back (or !drain the host), then prepare it again"
            )
        else:
            copies.append(item)
    needed = sum(item.data for item in copies) // _MIB
    if needed > facts.disk_free and not facts.parts:  # where there are parts, some of it is there already
        refusals.append(
            f"{desired.host.name} has {facts.disk_free} MiB of disk free and the images need {needed}: make room there"
        )
    versions = {item.version for item in desired.copies}
    return ImagePlan(
        tuple(sorted(versions - lacking)), tuple(copies), tuple(unsure), _idle(facts, versions), tuple(refusals)
    )


def _idle(facts: HostFacts, versions: set[str]) -> tuple[str, ...]:
    return tuple(
        sorted(version for version in complete(facts.images) - versions if f"{version}{DISK}" not in facts.backing)
    )
