"""make soak: what it takes for growth."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trainbot.ops.demo.ngircd import free_port


@pytest.fixture(scope="module")
def soak() -> ModuleType:
    loader = SourceFileLoader("soak", str(Path(__file__).parents[1] / "scripts" / "soak"))
    spec = importlib.util.spec_from_loader("soak", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("figures", "slope"),
    [
        ([100.0] * 12, 0.0),
        ([50.0, 80.0, 99.0, 100.0, *[100.0] * 8], 0.0),  # warm-up
        ([100.0] * 10 + [140.0] * 2, 0.0),  # a late step is no trend yet
        ([100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 250.0, *[100.0] * 5], 0.0),  # nor is one row that stands out
        ([100.0 + 2 * hour for hour in range(12)], 2.0),
        ([100.0 + hour // 2 for hour in range(12)], 0.5),
    ],
)
def test_a_trend_is_told_from_a_step(soak: Any, figures: list[float], slope: float) -> None:
    """The slope per hour of class, after the first third."""
    rows = [dict.fromkeys(soak.LIMITS, figure) | {"hours": float(hour)} for hour, figure in enumerate(figures)]
    assert soak.slopes(rows)["RSS"] == pytest.approx(slope, abs=0.1)


async def test_its_bot_moves_its_clock_and_says_what_it_uses(soak: Any, tmp_path: Path) -> None:
    """The process itself, with what it reaches into: without that, no class takes an hour."""
    bot = soak.SoakedBot(tmp_path, free_port(), host_xen1=None, image_debian=None)
    try:
        await bot.start()
        assert (await bot.forward(60))["tasks"] > 0
        with pytest.raises(AssertionError, match="the clock was not moved"):
            await bot.forward("x")  # a failure there is not taken for an answer
    finally:
        await bot.close()
