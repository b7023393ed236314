"""``trainbot takeover FOLDER``: this machine continues with the newest copy, instead of the one that made it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from trainbot.adapters.copies.folder import Copy, CopyFolder
from trainbot.adapters.copies.sources import place
from trainbot.adapters.db.lock import lock_is_held
from trainbot.adapters.db.upkeep import settings_of
from trainbot.adapters.hosts.claim import Claimant
from trainbot.adapters.hosts.drivers import driver_for
from trainbot.bot.epoch import EPOCH
from trainbot.config import Config, load
from trainbot.core.errors import BackendError, ConfigError
from trainbot.core.files import write_whole
from trainbot.model.copies import Manifest
from trainbot.model.database_url import database_path
from trainbot.model.host import HostConfig
from trainbot.ops.copies.first_machine import Signs, signs_of_life
from trainbot.ops.copies.restore import left_to_do, put_back, refuse_other

CLOCK = 30.0  # seconds by which the two clocks may differ: leases and reminders are times of day


def takeover(folder: Path, ini: Path, address: str, say: Callable[[str], None]) -> None:
    """Restores the newest copy in ``folder`` as the installation of ``ini``, with the next epoch.  ``address``: for learners.

    BackendError, and nothing is changed, if the first machine is heard, if this machine is not a standby, if its clock is
    off, or if the copy cannot be used."""
    folders = CopyFolder(folder)
    copy = folders.newest()
    copy.refuse_readable_by_others()
    copy.refuse_torn()
    manifest = copy.manifest()
    refuse_wrong_clock(copy)
    with _looked_at(copy, manifest) as config:
        _refuse_wrong_machine(ini, manifest)
        say(f"looking for half a minute whether the first machine is still there (copy {copy.name})")
        signs = asyncio.run(signs_of_life(config, copy, manifest))
    if why := refusal(signs):
        raise BackendError(why)
    taken = folders.taken_over()
    epoch = max(manifest.epoch, 0 if taken is None else int(taken["epoch"])) + 1
    done = put_back(copy, ini, replace=True, address=address, epoch=epoch)
    folders.take_over(epoch, datetime.now(UTC), address or done.config.labs.public_address)
    for host in signs.hosts:
        _claim(host, manifest.installation, epoch, say)
    beat = copy.beat()
    at = beat.at if beat is not None else manifest.made_at
    say(
        f"this machine has taken over (number {epoch}), with everything until {at:%H:%M:%S} UTC: {done.found.commits} changes, checked"
    )
    for line in (*(f"! {text}: its labs are found when it does" for text in signs.unreached), *left_to_do(done)):
        say(line)


def refusal(signs: Signs) -> str:
    """Why nothing is taken over; '' if it may be.  Pure."""
    if signs.alive:
        return (
            f"the first machine is still there: {', and '.join(signs.alive)}; restart the bot there, or switch that machine off "
            "and try again"
        )
    irc = [text for text in signs.unreached if not text.startswith("host ")]
    if irc:
        return f"this machine may be the one that is cut off: {irc[0]}"
    return ""


def refuse_wrong_clock(copy: Copy) -> None:
    """BackendError if this machine's clock and that of the first one differ by more than ``CLOCK`` seconds."""
    beat = copy.beat()
    if beat is not None and abs(beat.clock_off) > CLOCK:
        raise BackendError(
            f"this machine's clock is {abs(beat.clock_off):.0f} s {'ahead of' if beat.clock_off > 0 else 'behind'} the first machine's, so "
            "leases and reminders would come at a wrong time: set it (timedatectl), wait for the next copy or delete "
            f"{copy.path / 'beat.json'}, and try again"
        )


@contextmanager
def _looked_at(copy: Copy, manifest: Manifest) -> Iterator[Config]:
    """The copy's configuration, before anything of it is in place: for the time of the block the files that it names are
    in a temporary folder, or where they belong if nothing is there."""
    made: list[Path] = []
    try:
        with tempfile.TemporaryDirectory(prefix="trainbot-takeover-") as scratch:
            for file in manifest.files:
                target = place(file.name, Path(scratch))
                if not target.exists():
                    write_whole(target, copy.file(file.name).read_bytes(), 0o600, durable=False)
                    made.append(target)
            yield load(place(manifest.files[0].name, Path(scratch)))
    except ConfigError as error:
        raise BackendError(f"bot.ini of the copy cannot be used on this machine: {'; '.join(error.problems)}") from None
    except OSError as error:
        raise BackendError(
            f"nothing is taken over: {error.filename} cannot be written ({error.strerror}): run this as the user who will run trainbot"
        ) from None
    finally:
        for path in made:
            path.unlink(missing_ok=True)


def _refuse_wrong_machine(ini: Path, manifest: Manifest) -> None:
    """BackendError if the machine that makes the copies is this one, or has another installation, or if a bot runs here."""
    if not ini.exists():
        return
    try:
        url = load(ini).store.url
    except ConfigError:
        return  # what is there cannot run
    path = database_path(url)
    if path is None or not path.exists():
        return
    if lock_is_held(url):
        raise BackendError(
            f"a trainbot runs here with {ini}: takeover is for the other machine, the one that gets the copies"
        )
    refuse_other(path, manifest)
    settings = settings_of(path)
    superseded = (load(ini).store.state / "superseded.json").exists()
    if (
        settings.get("owner") == manifest.installation
        and int(settings.get(EPOCH, "1")) >= manifest.epoch
        and not superseded
    ):
        raise BackendError(
            f"this is the machine that the copies are made of ({path} is its database): start the bot here with trainbot run, or type "
            "trainbot takeover on the other machine"
        )


def _claim(host: HostConfig, owner: str, epoch: int, say: Callable[[str], None]) -> None:
    """Claims a host whose signs have been watched."""
    driver = driver_for(host, owner, claimant=Claimant(owner, epoch, signs=True, watched=True))
    try:
        driver.open()
        say(f"host {host.name} belongs to this machine now")
    except BackendError as error:
        say(f"! host {host.name}: {error}; the bot tries again")
    finally:
        driver.close()
