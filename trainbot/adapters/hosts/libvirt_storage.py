"""Where a host keeps the labs' disks and its copies of images, and which trainbot owns it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trainbot.adapters.hosts import claim, pools
from trainbot.adapters.hosts.claim import Claimant
from trainbot.adapters.hosts.disks import Disks, DiskSpace, LocalOverlays, NoDisks, PoolVolumes
from trainbot.adapters.hosts.libvirt_link import LibvirtConnection
from trainbot.core.errors import NoSuchThing
from trainbot.model import image_files as images
from trainbot.model.host import HostConfig
from trainbot.model.host_address import HostKind

FRESH = 15.0  # seconds for which a reading of all files of a pool is used: it opens each of them


class LibvirtStorage:
    """The storage of one connection.  An installation without an id (``owner``) only reads: it claims nothing and
    creates no pool.  ``disk_owner``: user and group of labs' disks on the host (None: root's)."""

    def __init__(
        self,
        link: LibvirtConnection,
        config: HostConfig,
        claimant: Claimant,
        disk_owner: tuple[int, int] | None = None,
    ) -> None:
        self._link = link
        self._disk_owner = disk_owner
        self._config = config
        self._claimant = claimant
        self._owner = claimant.owner
        self._kind, self._embedded = link.address.kind, link.address.root is not None
        self.disks = self._disks(link.connection)
        self._looked_at = -FRESH
        self._space: DiskSpace | None = None
        self._images: frozenset[str] = frozenset()

    def _disks(self, connection: Any) -> Disks:
        if self._embedded:
            return LocalOverlays(self._config.folder)
        if self._kind is HostKind.TEST:
            return NoDisks()
        return PoolVolumes(connection, self._config.folder, self.check_image, self._disk_owner)

    def hold(self) -> None:
        """Claims the host.  Raises HostDown if it belongs to another trainbot, Superseded if another machine has taken
        over."""
        if self._link.shared and self._owner:
            self._claimant.hold(self._pool(), self._config.name)

    def claims(self) -> list[str]:
        """Returns who else claims the host."""
        return claim.others(pools.names(self._pool()), self._owner) if self._link.shared else []

    def take(self) -> list[str]:
        """Claims the host even if others had it; returns those others."""
        return claim.take(self._pool(), self._claimant) if self._link.shared else []

    def signs(self) -> frozenset[str]:
        """Returns the signs of life that a bot of this installation has left."""
        return claim.signs(self._pool(), self._owner) if self._link.shared else frozenset()

    def look(self, overlays: Iterable[Path]) -> tuple[DiskSpace | None, frozenset[str] | None]:
        """Returns (space where labs' disks are, versions of images that are complete there); each is None if
        unknown.  If the host refuses to be read (its pool is busy with another operation), the previous values are
        kept."""
        if self._claimant.signs:
            self.hold()  # each time, so that the count goes on
        if time.monotonic() - self._looked_at >= FRESH:
            self._looked_at = time.monotonic()
            if not self._claimant.signs:
                self.hold()
            with self._link.unless_refused():
                self._space = self._space_of(overlays)
            if self._keeps_images:
                self._images = self._complete()
        return self._space, self._images if self._keeps_images else None

    @property
    def _keeps_images(self) -> bool:
        return self._config.images is not None and not self._embedded

    def _space_of(self, overlays: Iterable[Path]) -> DiskSpace | None:
        """An installation without an id does not create the pool."""
        return self.disks.space(overlays) if self._owner or self._embedded else None

    def _complete(self) -> frozenset[str]:
        """Returns the versions of the complete images; none if the folder does not exist."""
        with self._link.unless_refused():
            return images.complete(pools.names(self._image_pool()))
        return frozenset()

    def _image_pool(self) -> Any:
        connection, folder = self._link.connection, self._config.images
        assert folder is not None
        return pools.file_pool(connection, images.POOL, folder)

    def check_image(self, disk: Path) -> None:
        """Raises NoSuchThing if the host has no whole copy of the image with this disk; kernel and initrd count as
        well, since libxl does not say that they are missing."""
        version = disk.name.removesuffix(images.DISK)
        if not self._keeps_images or disk.parent != self._config.images or version in self._images:
            return
        self._images = self._complete()
        if version not in self._images:
            host = self._config.name
            raise NoSuchThing(f"{host} has no copy of {version}: trainbot host prepare {host} copies it")

    def _pool(self) -> Any:
        paper = self._kind is HostKind.TEST  # its volumes are only names
        return pools.disk_pool(self._link.connection, Path("/nowhere") if paper else self._config.folder)
