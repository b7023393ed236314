"""Plans which image files to copy to a host, and finds those it no longer needs.  Pure."""

from __future__ import annotations

from dataclasses import dataclass

from trainbot.model.image_files import DISK, complete
from trainbot.ops.host_setup.state import DesiredState, HostFacts, ImageFileCopy

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """``unsure``: files whose content was not verified since they arrived; ``idle``: versions that no lab's disk is based
    on and bot.ini does not name."""

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
                f"{desired.host.name} has {item.name} with different content, and labs' disks are based on it: "
                "give those labs back (or !drain the host), then prepare it again"
            )
        else:
            copies.append(item)
    needed = sum(item.data for item in copies) // _MIB
    if needed > facts.disk_free and not facts.parts:  # parts: some of it has arrived before
        refusals.append(
            f"{desired.host.name} has {facts.disk_free} MiB of disk free, but the images need {needed} MiB: free some space there"
        )
    versions = {item.version for item in desired.copies}
    return ImagePlan(
        tuple(sorted(versions - lacking)), tuple(copies), tuple(unsure), _idle(facts, versions), tuple(refusals)
    )


def _idle(facts: HostFacts, versions: set[str]) -> tuple[str, ...]:
    return tuple(
        sorted(version for version in complete(facts.images) - versions if f"{version}{DISK}" not in facts.backing)
    )
