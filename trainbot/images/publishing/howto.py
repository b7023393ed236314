"""The instructions for a published image: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence

from trainbot.adapters.html import render
from trainbot.images.build.image_folder import BuiltImage
from trainbot.images.publishing import configurations as how
from trainbot.images.publishing.published import SUMS
from trainbot.model.host import GuestType


def how_to(image: BuiltImage, guests: Sequence[GuestType], checks: Sequence[str], url: str) -> str:
    """``guests``: which Xen guest types its kernel supports; ``checks``: names of the check scripts; ``url``: where
    this page is, ending in /, or '' if that is unknown."""
    xl_names, qemu_name = [how.xl_name(image, guest) for guest in guests], how.qemu_name(image)
    small = [xl_names[0], f"{image.name}.xml", qemu_name] if guests else [qemu_name]
    return render(
        "image.html",
        name=image.name,
        there=how.home(image),
        base=url or "THE-ADDRESS-OF-THIS-PAGE/",
        files=[f"{image.name}.img.zst", "vmlinuz", "initrd", SUMS, *small],
        sums=SUMS,
        guests=guests,
        xl_names=xl_names,
        qemu_name=qemu_name,
        ssh_port=how.SSH_PORT,
        checks=checks,
    )
