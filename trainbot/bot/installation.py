"""What an installation consists of besides bot.ini: its folder of secrets, its id on hosts, its images."""

from __future__ import annotations

import random
import socket
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trainbot import shipped
from trainbot.adapters.db import Store
from trainbot.adapters.scenario_files.library import load_exercises
from trainbot.adapters.state_folder import PEPPER, lab_key, state_folder
from trainbot.config import Config, ImageConfig
from trainbot.core.errors import BackendError
from trainbot.features.labs import passwords
from trainbot.gateway import hostkey
from trainbot.images.build.image_folder import read_image
from trainbot.model.exercise import ExerciseLibrary
from trainbot.model.host import GuestType, Mode
from trainbot.model.host_address import HostKind, host_address
from trainbot.model.lab_image import LabImage
from trainbot.model.ports import Installation

if TYPE_CHECKING:
    from trainbot.images.build.progress_bar import Progress

PORTS = range(20000, 32000)  # below Linux's ephemeral ports (ip(7), ip_local_port_range)


class OwnPorts:
    """TCP ports on our loopback interface (trainbot.model.ports.Loopback)."""

    def free_port(self, taken: Collection[int]) -> int:
        for port in random.sample(PORTS, len(PORTS)):
            if port in taken:
                continue
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
        raise BackendError("there is no free TCP port for a lab")


@dataclass(frozen=True)
class SshAccess:
    """How people reach their labs (trainbot.model.ports.Access).  ``state``: the folder where the gateway keeps its
    key."""

    port: int
    public_address: str
    accounts_only: bool
    state: Path
    pepper: bytes = field(repr=False)

    def fingerprint(self) -> str:
        try:
            return hostkey.fingerprint(self.state)
        except (OSError, BackendError):
            return ""

    def new_password(self) -> str:
        return passwords.new_password()

    def key_code(self, person: int, key: str) -> str:
        return passwords.key_code(self.pepper, person, key)

    def digest(self, password: str) -> str:
        return passwords.digest(self.pepper, password)


def load_image(config: ImageConfig, xen: bool) -> LabImage:
    """The image, for hosts of which some are Xen (``xen``).  BackendError (one sentence) if a part of it is missing or
    unreadable, or if it would run as HVM without having been allowed to."""
    try:
        built = read_image(config.folder)
    except BackendError as error:
        verb = "build" if (shipped.folder("images") / config.name).is_dir() else "import"
        raise BackendError(
            f"the {config.name} image is not ready: {error}; an organiser can make it with: "
            f"trainbot image {verb} {config.name}"
        ) from None
    guest = config.guest or built.guest
    if xen and guest is GuestType.HVM and not (config.guest is guest and config.hvm_accept_risk):
        raise BackendError(
            f"the {config.name} image's kernel runs on Xen only as HVM, which is refused: docs/images.md says why, and what to "
            f"set in [image.{config.name}] to allow it"
        )
    return LabImage(
        name=config.name,
        disk=built.disk,
        kernel=built.kernel,
        initrd=built.initrd,
        cmdline=built.cmdline,
        modes={Mode.ENFORCING: built.enforcing, Mode.PERMISSIVE: built.permissive},
        memory_mib=config.memory or built.memory_mib,
        vcpus=config.vcpus,
        user=built.user,
        host_key=built.host_key,
        version=built.folder.name,
        guest=guest,
        cpu_percent=config.cpu_percent,
        disk_mib=built.disk_mib,
    )


def build_for(config: Config, name: str, progress: Progress | None = None) -> Path:
    """Builds the image ``name`` of bot.ini in the folder that bot.ini gives; returns that folder."""
    from trainbot.images.build.build import build_image  # a bot that runs builds nothing
    from trainbot.images.build.progress_bar import for_terminal

    image = next((image for image in config.images if image.name == name), None)
    if image is None:
        raise BackendError(f"bot.ini has no [image.{name}] section: add one")
    recipe = shipped.folder("images") / name
    if not recipe.is_dir():
        there = ", ".join(sorted(p.parent.name for p in shipped.folder("images").glob("*/recipe.toml")))
        raise BackendError(f"no recipe for {name} (available: {there})")
    if image.folder.name != name or image.folder.parent.name != "images":
        raise BackendError(f"[image.{name}] folder has to end in images/{name} for an image that is built here")
    state_folder(config)
    return build_image(
        recipe,
        image.folder.parent.parent,
        lab_key(config.gateway.lab_key),
        progress or for_terminal(),
        image.mirror,
    ).folder


def images_of(config: Config) -> tuple[dict[str, LabImage], dict[str, str]]:
    """The images that can be used, and those that cannot, each with the reason."""
    usable: dict[str, LabImage] = {}
    unready: dict[str, str] = {}
    xen = any(host_address(host.uri).kind is HostKind.XEN for host in config.hosts)
    for image in config.images:
        try:
            usable[image.name] = load_image(image, xen)
        except BackendError as error:
            unready[image.name] = str(error)
    return usable, unready


def exercises_of(config: Config) -> ExerciseLibrary:
    """The exercises as a bot with this configuration has them."""
    return load_exercises(config.exercises, images_of(config)[0])


def installation(config: Config, store: Store) -> Installation:
    """The installation.  On the first start, creates what must never change: the id on hosts and the pepper."""
    state = state_folder(config)
    pepper = passwords.load_or_make_secret(state / PEPPER)
    with store.transaction():
        owner = store.settings.get("owner")
        if owner is None:
            owner = str(uuid.uuid4())
            store.settings.set("owner", owner)
    usable, unready = images_of(config)
    access = SshAccess(config.gateway.listen[0][1], config.labs.public_address, config.require_account, state, pepper)
    return Installation(owner, access, OwnPorts(), usable, unready)
