"""Tries an image on each host of bot.ini, or on this machine if there is none."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from trainbot import __version__, shipped
from trainbot.adapters.db import Store
from trainbot.adapters.db.opening import refuse_missing
from trainbot.bot.installation import build_for, load_image
from trainbot.config import Config, ImageConfig
from trainbot.core.errors import BackendError, UserError
from trainbot.images.build.accel import working_accelerator
from trainbot.images.build.image_folder import BuiltImage, read_image
from trainbot.images.build.progress_bar import Progress
from trainbot.images.catalog import catalog, import_for
from trainbot.images.importing.importing import ImportRequest
from trainbot.model.database_url import database_exists
from trainbot.model.host import HostConfig, Mode
from trainbot.model.host_address import HostKind, host_address
from trainbot.ops.image_trial.lab import TrialLab
from trainbot.ops.image_trial.places import kind_of, lab_on
from trainbot.ops.image_trial.trial import Trial, end_of, look, wanted_mode


def try_on_hosts(
    config: Config, name: str, names: Collection[str], mode: Mode, within: float, progress: Progress
) -> Trial:
    """Make the image if it is not there, and try it on the hosts ``names`` (none: on each of bot.ini).

    ``within``: seconds that each boot may take until somebody can log in.
    """
    section, hosts = _section(config, name), _hosts(config, names)
    image, said = ready_image(config, section, progress)
    if not config.hosts:
        hosts = [_here(working_accelerator(section.folder.parent.parent, name) == "kvm")]
    trial = _report(image, said)
    owner, slots = _installation(config)
    key, state = config.gateway.lab_key, config.store.state
    with tempfile.TemporaryDirectory(prefix="tb-try-") as made:
        for host in hosts:
            trial.lines.append(f"host {host.name} ({kind_of(host)}):")
            trial.indent, before = "  ", len(trial.wrong)
            progress.stage(f"opening {host.name}")
            try:
                lab_image = load_image(section, host_address(host.uri).kind is HostKind.XEN)
                with lab_on(host, lab_image, mode, Path(made), key, state, owner, slots.get(host.name, ())) as lab:
                    _look(lab, trial, wanted_mode(lab_image, mode), within, progress)
            except BackendError as error:
                begun = trial.lines[-1].startswith(trial.indent)
                trial.note("afterwards" if begun else "not tried", str(error), good=False)
            trial.indent = ""
            wrong = len(trial.wrong) - before
            progress.done(f"{name} on {host.name}: {f'{wrong} not as it should be' if wrong else 'all is well'}")
    return trial


def try_image(image: BuiltImage, key: Path, kvm: bool, mode: Mode, within: float, progress: Progress) -> Trial:
    """Try an image on this machine, without a bot.ini; ``key``: the private key that its root lets in."""
    trial, lab_image = _report(image, []), load_image(ImageConfig(image.name, image.folder), xen=False)
    with tempfile.TemporaryDirectory(prefix="tb-try-") as made:
        folder = Path(made)
        with lab_on(_here(kvm), lab_image, mode, folder, key, folder, "", ()) as lab:
            _look(lab, trial, wanted_mode(lab_image, mode), within, progress)
    return trial


def _here(kvm: bool) -> HostConfig:
    return HostConfig("this-machine", "qemu:///embed?root=/nowhere", kvm=kvm)


def _report(image: BuiltImage, said: list[str]) -> Trial:
    """Its first lines; ``said``: what the import said of the image."""
    trial = Trial()
    trial.note("trainbot", f"{__version__}, {platform.platform()}, {datetime.now(UTC):%F}")
    trial.note("image", f"{image.name} ({image.suite}), {image.folder.name}, {image.source or 'built here'}")
    for line in [*_seen(image), *said]:
        trial.note("note", line)
    return trial


def _look(lab: TrialLab, trial: Trial, selinux: str, within: float, progress: Progress) -> None:
    try:
        look(lab, trial, selinux, within, progress)
    except BackendError as error:
        end_of(lab, error, trial)


def _section(config: Config, name: str) -> ImageConfig:
    section = next((image for image in config.images if image.name == name), None)
    if section is None:
        raise BackendError(f"bot.ini has no [image.{name}] section: add one")
    return section


def _hosts(config: Config, names: Collection[str]) -> list[HostConfig]:
    there = {host.name: host for host in config.hosts}
    for host in names:
        if host not in there:
            raise UserError(f"bot.ini has no [host.{host[:40]}] (available: {', '.join(there) or 'none'})")
    return [host for host in config.hosts if not names or host.name in names]


def ready_image(config: Config, section: ImageConfig, progress: Progress) -> tuple[BuiltImage, list[str]]:
    """The image of that section, built or imported first if it is not there, and what the import said."""
    try:
        return read_image(section.folder), []
    except BackendError:
        if (shipped.folder("images") / section.name).is_dir():
            return read_image(build_for(config, section.name, progress)), []
        if section.name in catalog():
            return import_for(config, section.name, ImportRequest(""), progress)
        raise


def _seen(image: BuiltImage) -> list[str]:
    """What the catalog knows of labs of an image that was imported from it."""
    return [
        f"the catalog's {name}: {entry.experience}"
        for name, entry in catalog().items()
        if image.source == f"{entry.mirror}{entry.disk}"
    ]


def _installation(config: Config) -> tuple[str, dict[str, set[int]]]:
    """The installation's id on hosts ('': it has none yet), and the slots of its labs on each host."""
    refuse_missing(config.store.url, config.store.state)
    if not database_exists(config.store.url):
        return "", {}
    slots: dict[str, set[int]] = {}
    store = Store(config.store.url, read_only=True)
    try:
        with store.transaction():
            for lab in store.labs.present():
                slots.setdefault(lab.host, set()).add(lab.slot)
            return str(store.settings.get("owner") or ""), slots
    finally:
        store.close()
