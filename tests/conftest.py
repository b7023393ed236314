"""What tests of several parts share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stage import Stage  # noqa: E402

from trainbot import shipped  # noqa: E402
from trainbot.demo.world import cache_folder  # noqa: E402
from trainbot.imaging.build import build_image  # noqa: E402
from trainbot.imaging.progress import for_terminal  # noqa: E402
from trainbot.installation import lab_key  # noqa: E402


@dataclass(frozen=True)
class LabImage:
    """The built Debian image: its folder (disk.img, vmlinuz, initrd, image.json), and the key that its root lets in."""

    folder: Path
    key: Path


@pytest.fixture(scope="session")
def lab_image(pytestconfig: pytest.Config) -> LabImage:
    """The shipped recipe's image, built if the cache (the demo's own) has none that is current."""
    cache = cache_folder()
    key = cache / "lab_key"
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():  # it takes minutes the first time: whoever waits sees why
        image = build_image(shipped.folder("images") / "debian", cache, lab_key(key), for_terminal())
    return LabImage(image.folder, key)


@pytest.fixture
def stages(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """stages(labs=…, spare=…): a bot without doors, for dialogs."""
    made: list[Stage] = []

    def make(**settings: object) -> Stage:
        made.append(Stage(tmp_path / str(len(made)), **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for stage in made:
        stage.store.close()


@pytest.fixture
def stage(stages: Callable[..., Stage]) -> Stage:
    """The usual stage, with its host up."""
    found = stages()
    found.host_up()
    return found
