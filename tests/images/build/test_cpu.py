"""A build for CPUs that this machine's is none of."""

import pytest

from trainbot.core.errors import BackendError
from trainbot.images.build import dnf
from trainbot.images.build.cpu import LEVELS, cpu_is
from trainbot.images.build.recipe import load_recipe

V1 = "fpu sse sse2 cx16 lahf_lm"
V2 = f"{V1} popcnt sse4_1 sse4_2 ssse3"
V3 = f"{V2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"


@pytest.mark.parametrize(("flags", "levels"), [(V1, 0), (V2, 1), (f"{V2} avx avx2", 1), (V3, 2)])
def test_what_the_flags_mean(tmp_path, flags, levels):
    """A CPU of a level has all that the level names."""
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nvmx flags\t: none\nflags\t\t: {flags}\nflags\t\t: none\n")
    assert [cpu_is(level, tmp_path / "cpuinfo") for level in LEVELS] == [at < levels for at in range(2)]


def test_a_kernel_that_does_not_say_is_no_obstacle(tmp_path):
    """Neither a file without flags nor none at all ends a build."""
    (tmp_path / "cpuinfo").write_text("processor : 0\n")
    assert cpu_is("x86-64-v3", tmp_path / "cpuinfo") and cpu_is("x86-64-v3", tmp_path / "none")


def test_an_old_cpu_is_told_before_anything_is_downloaded(recipe_dir, monkeypatch):
    """Not by programs that fail in the middle of their installation."""
    monkeypatch.setattr(dnf, "cpu_is", lambda level: level != "x86-64-v3")
    monkeypatch.setattr(dnf.shutil, "which", lambda *_, **__: "/usr/bin/it")
    path = recipe_dir / "recipe.toml"
    path.write_text(
        path.read_text()
        + 'kind = "dnf"\n[dnf]\nrelease = "10"\nplatform = "platform:el10"\ncpu = "x86-64-v3"\nrpmdb = "/r"\nmirror = "https://m/"\n'
        f'keys = ["{"A" * 40}"]\n[dnf.repositories]\nbaseos = "10/"\n'
    )
    with pytest.raises(BackendError, match="programs of debian need a CPU of level x86-64-v3"):
        dnf.check_dnf(load_recipe(recipe_dir))
