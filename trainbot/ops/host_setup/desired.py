"""The desired state of a host, from bot.ini and this installation's files and keys."""

from __future__ import annotations

import time
from collections.abc import Callable

from trainbot.adapters.state_folder import JUMP_KEY, jump_key, lab_key
from trainbot.config import Config
from trainbot.core.errors import BackendError
from trainbot.images.build.image_folder import FILES, read_image
from trainbot.model.host import HostConfig
from trainbot.model.image_files import files
from trainbot.model.jump_host import ACCOUNT, JumpHost
from trainbot.ops.host_setup.state import DesiredState, ImageFileCopy

_NOT_MADE_YET = "ssh-ed25519 not-made-yet"


def desired_state(config: Config, host: HostConfig, dry_run: bool, say: Callable[[str], None]) -> DesiredState:
    """Reports what is left out to ``say``.  Creates the gateway's key to jump hosts if there is none, except with
    ``dry_run``, which changes nothing."""
    key, address = "", None
    desired = JumpHost.parse(host.door) if host.door else None
    if desired is not None and desired.user == ACCOUNT:
        address = (desired.address, desired.port)
        key = _key_there_is(config) if dry_run else jump_key(config)
    elif desired is not None:
        say(f"  jump host: {host.door} is your own account and is left unchanged")
    return DesiredState(host, key, address, tuple(_copies(config, host, say)), time.time())


def _key_there_is(config: Config) -> str:
    path = config.store.state / JUMP_KEY
    return lab_key(path) if path.exists() else _NOT_MADE_YET


def _copies(config: Config, host: HostConfig, say: Callable[[str], None]) -> list[ImageFileCopy]:
    """The files of every image in bot.ini that is ready, each version once; the others are reported."""
    if host.images is None:
        return []
    found: dict[str, ImageFileCopy] = {}
    for section in config.images:
        try:
            image = read_image(section.folder)
        except BackendError as error:
            say(f"  images: {section.name} is skipped: {error}")
            continue
        if not set(FILES) <= set(image.sha256):
            say(f"  images: {section.name} is skipped: its image.json has no checksums")
            continue
        there = files(host.images, image.folder.name)
        for name, path in zip(FILES, (there.disk, there.kernel, there.initrd), strict=True):
            state = (image.folder / name).stat()
            found[path.name] = ImageFileCopy(
                image.folder.name,
                image.folder / name,
                path.name,
                image.sha256[name],
                state.st_size,
                min(state.st_blocks * 512, state.st_size),
            )
    return list(found.values())
