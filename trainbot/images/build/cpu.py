"""Whether this machine's CPU can run the programs of a distribution: the levels of the x86-64 psABI.

Without the level that they were compiled for, they end with "Fatal glibc error: CPU does not support x86-64-v3".
"""

from __future__ import annotations

from pathlib import Path

_V2 = {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}
_V3 = _V2 | {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"}
#: Level -> what has to be among the flags in /proc/cpuinfo.
LEVELS = {"x86-64-v2": frozenset(_V2), "x86-64-v3": frozenset(_V3)}


def cpu_is(level: str, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """True as well if the kernel does not say what the CPU has."""
    try:
        lines = cpuinfo.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return True
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), None)
    return flags is None or LEVELS[level] <= set(flags)
