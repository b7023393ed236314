"""What is published in these tests: an image and an exercise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.images.publishing import small
from trainbot.adapters.scenario_files.library import load_library
from trainbot.images.build.image_folder import BuiltImage
from trainbot.model.exercise import Exercise
from trainbot.shipped import folder


@pytest.fixture
def small_image(tmp_path: Path) -> BuiltImage:
    return small.small_image(tmp_path)


@pytest.fixture(scope="session")
def shipped_exercise() -> Exercise:
    return load_library(folder("exercises")).exercises["selinux-debian"]
