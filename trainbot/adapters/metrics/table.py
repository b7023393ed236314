"""The metrics, and how each is read from the bot's report (bot.status).  docs/metrics.md is made from this table.

Names follow prometheus.io/docs/practices/naming.  Labels have few values, all from bot.ini or the code: hosts, images,
states.  No label and no value says who somebody is.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Report = Mapping[str, Any]
Sample = tuple[tuple[str, ...], float]  # the labels' values, and the metric's
MIB = 1 << 20


class Kind(enum.StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Metric:
    """``read``: the samples in a report; of an info metric they are 1, of a histogram the sum of all observations."""

    name: str
    about: str
    read: Callable[[Report], Iterable[Sample]]
    labels: tuple[str, ...] = ()
    kind: Kind = Kind.GAUGE


def _one(*keys: str) -> Callable[[Report], Iterable[Sample]]:
    """The value there; no sample where it is unknown."""

    def read(report: Report) -> Iterable[Sample]:
        value: Any = report
        for key in keys:
            value = None if value is None else value.get(key)
        return [] if value is None else [((), float(value))]

    return read


def _of_hosts(key: str, factor: float = 1) -> Callable[[Report], Iterable[Sample]]:
    """One sample of each host where the value is known now."""

    def read(report: Report) -> Iterable[Sample]:
        for name, host in report["hosts"].items():
            if host.get(key) is not None and (host["up"] or key in ("up", "lost", "drained", "most_labs")):
                yield (name,), float(host[key]) * factor

    return read


def _joined(report: Report) -> Iterable[Sample]:
    yield (), sum(channel["joined"] for channel in report["irc"]["channels"].values())


def _gateway_up(report: Report) -> Iterable[Sample]:
    if report["gateway"] is not None:
        yield (), float(report["gateway"]["pid"] is not None)


METRICS = (
    Metric(
        "trainbot_info",
        "Versions of trainbot and Python.",
        lambda report: [((report["version"], report["python"]), 1)],
        ("version", "python"),
        Kind.INFO,
    ),
    Metric("trainbot_irc_connected", "1 if the bot is on the IRC network.", _one("connected")),
    Metric("trainbot_irc_channels", "Channels in bot.ini.", lambda report: [((), len(report["irc"]["channels"]))]),
    Metric("trainbot_irc_channels_joined", "Channels that the bot is in.", _joined),
    Metric("trainbot_irc_lag_seconds", "Time from the last answered PING to its PONG.", _one("irc", "lag")),
    Metric(
        "trainbot_irc_certificate_expiry_timestamp_seconds",
        "When the IRC server's certificate expires (Unix time); only if it was verified.",
        _one("irc", "certificate_ends"),
    ),
    Metric(
        "trainbot_irc_outbox_messages",
        "Messages that wait to be sent.",
        lambda report: [((lane,), number) for lane, number in report["outbox"].items()],
        ("lane",),
    ),
    Metric(
        "trainbot_turn_duration_seconds",
        "How long turns of the bot take: events in, one transaction, answers out.",
        lambda report: [((), report["turns"]["seconds"])],
        kind=Kind.HISTOGRAM,
    ),
    Metric(
        "trainbot_turn_failures_total",
        "Turns that failed since the start; nothing of them has happened, and askers were told.",
        _one("turns", "failed"),
        kind=Kind.COUNTER,
    ),
    Metric(
        "trainbot_clock_steps_total",
        "How often the machine's clock was set since the start.",
        _one("clock_steps", "count"),
        kind=Kind.COUNTER,
    ),
    Metric("trainbot_turn_longest_seconds", "The longest turn since the start.", _one("turns", "longest")),
    Metric("trainbot_classes_running", "Classes that are running.", _one("classes")),
    Metric("trainbot_questions_open", "Questions that wait for an answer.", _one("questions")),
    Metric("trainbot_notices_waiting", "Notices that have not been sent.", _one("notices", "waiting")),
    Metric(
        "trainbot_notices_due",
        "Those of them whose time has come; they wait until their person is there.",
        _one("notices", "due"),
    ),
    Metric(
        "trainbot_labs",
        "Labs; a combination that has none is left out.",
        lambda report: [((row["host"], row["image"], row["state"]), row["labs"]) for row in report["lab_counts"]],
        ("host", "image", "state"),
    ),
    Metric("trainbot_lab_leases", "People who have a lab.", _one("leases", "open")),
    Metric("trainbot_lab_requests_waiting", "People who wait for a lab.", _one("leases", "waiting")),
    Metric("trainbot_host_up", "1 if libvirt on the host answers.", _of_hosts("up"), ("host",)),
    Metric("trainbot_host_lost", "1 if the host's people were moved elsewhere.", _of_hosts("lost"), ("host",)),
    Metric("trainbot_host_drained", "1 if no new labs are placed on the host.", _of_hosts("drained"), ("host",)),
    Metric("trainbot_host_labs_limit", "[host.NAME] labs.", _of_hosts("most_labs"), ("host",)),
    Metric("trainbot_host_memory_bytes", "The host's memory.", _of_hosts("memory_mib", MIB), ("host",)),
    Metric("trainbot_host_memory_free_bytes", "Free memory.", _of_hosts("free_mib", MIB), ("host",)),
    Metric("trainbot_host_disk_free_bytes", "Free space for disks.", _of_hosts("disk_free_mib", MIB), ("host",)),
    Metric("trainbot_host_cpu_busy_ratio", "Share of the CPUs that is busy, 0 to 1.", _of_hosts("busy"), ("host",)),
    Metric(
        "trainbot_host_io_wait_ratio",
        "Share of CPU time spent waiting for disks, 0 to 1.",
        _of_hosts("io_wait"),
        ("host",),
    ),
    Metric(
        "trainbot_host_clock_offset_seconds",
        "How far the host's clock is from the bot's.",
        _of_hosts("clock_off"),
        ("host",),
    ),
    Metric("trainbot_gateway_up", "1 if the gateway runs; left out without hosts.", _gateway_up),
    Metric("trainbot_gateway_logins", "Connections that are logged in.", _one("gateway", "inside")),
    Metric(
        "trainbot_copy_age_seconds",
        "Time for which what is stored may be missing in the copy of the installation; left out without [store] copies.",
        _one("copies", "age"),
    ),
    Metric(
        "trainbot_copy_transactions_behind",
        "Transactions that the copy did not have when it was last updated.",
        _one("copies", "behind"),
    ),
    Metric("trainbot_database_size_bytes", "Size of the database file.", _one("database", "bytes")),
    Metric("trainbot_database_wal_bytes", "Size of its write-ahead log.", _one("database", "wal_bytes")),
    Metric("trainbot_database_disk_free_bytes", "Free space on its disk.", _one("database", "disk_free_bytes")),
)
