"""The only importer of prometheus_client: it writes the bot's report in Prometheus's text format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from trainbot.adapters.metrics.table import METRICS, Kind, Metric, Report

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Exposition(Collector):
    """Besides the bot's own metrics it has the library's ``process_*`` and ``python_info``."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._registry.register(self)
        self._report: Report | None = None

    def text(self, report: Report) -> bytes:
        self._report = report
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Family]:
        """For the library."""
        if self._report is not None:
            for metric in METRICS:
                yield _family(metric, self._report)


def _family(metric: Metric, report: Report) -> Family:
    samples = metric.read(report)
    match metric.kind:
        case Kind.INFO:
            info = InfoMetricFamily(metric.name.removesuffix("_info"), metric.about)
            for values, _one in samples:
                info.add_metric([], dict(zip(metric.labels, values, strict=True)))
            return info
        case Kind.HISTOGRAM:
            histogram = HistogramMetricFamily(metric.name, metric.about)
            for _values, total in samples:
                histogram.add_metric([], _buckets(report["turns"]), total)
            return histogram
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.name, metric.about, labels=metric.labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _buckets(turns: dict[str, Any]) -> list[tuple[str, float]]:
    edges = zip(turns["edges"], turns["within"], strict=True)
    return [*((repr(edge), float(number)) for edge, number in edges), ("+Inf", float(turns["count"]))]
