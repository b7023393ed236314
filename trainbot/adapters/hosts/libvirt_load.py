"""How busy a host's cores were, from what libvirt reports; the time is passed in.  No libvirt here."""

from __future__ import annotations

from collections.abc import Mapping

_SHORTEST = 1.0  # seconds between two readings, for a meaningful result


class CpuLoad:
    """The share of all cores' time that was used since the previous reading, 0 to 1; None at first."""

    def __init__(self) -> None:
        self._at = 0.0
        self._before: dict[int, int] | None = None
        self._busy: float | None = None

    def of_domains(self, now: float, cpu_times: Mapping[int, int], cpus: int) -> float | None:
        """Returns the load from the CPU time of domains.  ``cpu_times``: number of each running domain, Domain-0
        included -> nanoseconds of CPU it has used.  ``now`` in seconds.  The last share of a domain that ended
        meanwhile is not counted."""
        if self._before is None:
            self._at, self._before = now, dict(cpu_times)
        elif now - self._at >= _SHORTEST:
            spent = sum(max(0, used - self._before.get(number, 0)) for number, used in cpu_times.items())
            self._busy = min(1.0, spent / 1e9 / (now - self._at) / max(cpus, 1))
            self._at, self._before = now, dict(cpu_times)
        return self._busy

    def of_machine(self, now: float, cpu_times: Mapping[str, int]) -> float | None:
        """Returns the load of a Linux host.  ``cpu_times``: libvirt's virNodeGetCPUStats; nanoseconds since the host
        booted."""
        idle = cpu_times.get("idle", 0) + cpu_times.get("iowait", 0)
        both = {0: idle, 1: cpu_times.get("user", 0) + cpu_times.get("kernel", 0)}
        if self._before is None:
            self._at, self._before = now, both
        elif now - self._at >= _SHORTEST:
            passed = {key: max(0, both[key] - self._before[key]) for key in both}
            self._busy = passed[1] / (sum(passed.values()) or 1)
            self._at, self._before = now, both
        return self._busy
