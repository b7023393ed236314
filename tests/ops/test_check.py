"""What ``trainbot check`` says before anything runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.stage import Stage
from trainbot.ops.check import checkup


@pytest.mark.parametrize(
    ("images", "per_person", "said"),
    [
        (("debian",), 1, " (without centos labs: there is no such image)"),
        (("debian", "centos"), 1, " (for a centos lab as well, set [labs] per_person = 2)"),
        (("debian", "centos"), 2, ", with a centos lab as well"),
    ],
)
def test_an_exercise_that_compares(stage: Stage, images: tuple[str, ...], per_person: int, said: str) -> None:
    """Whoever prepares the class hears what is there to compare with, and what would allow it."""
    index = stage.folder / "exercises" / "selinux" / "index.json"
    index.write_text(index.read_text().replace('"image": "debian"', '"image": "debian", "second_image": "centos"'))
    config = replace(
        stage.config,
        labs=replace(stage.config.labs, per_person=per_person),
        images=tuple(image for image in stage.config.images if image.name in images),
    )
    lines: list[str] = []
    checkup(config, lines.append)
    assert f"  selinux: SE Linux for beginners, 3 steps{said}" in lines
