"""``python -m trainbot.ops.metrics_doc``: prints docs/metrics.md, from the table of metrics."""

from __future__ import annotations

from trainbot.adapters.metrics.table import METRICS

_PAGE = """\
# Metrics

`[metrics] listen = 127.0.0.1:9464` in bot.ini serves the bot's metrics for Prometheus at `http://127.0.0.1:9464/metrics`, after a
restart. Without that line nothing is served. There is no login and no TLS: use an address that only your Prometheus can reach,
or put a web server with both before it. No metric and no label says who somebody is or what they said; whoever reads them
sees the names of hosts and images, and how many people take part.

```
scrape_configs:
  - job_name: trainbot
    static_configs:
      - targets: ["127.0.0.1:9464"]
rule_files: [prometheus-alerts.yml]
```

[prometheus-alerts.yml](prometheus-alerts.yml) has example rules, whose descriptions say what to type;
[grafana-dashboard.json](grafana-dashboard.json) is a dashboard for Grafana (import it, then choose your Prometheus).

The bot answers from its event loop: if that hangs, the scrape fails and `up` is 0. It is asked at most once a second, however often
somebody asks for the metrics, and answers 16 connections at a time. While `trainbot log prune` rewrites the database, a scrape may fail.

A value that is unknown, such as the free memory of a host that is down, is left out.

| metric | type | labels | meaning |
| --- | --- | --- | --- |
{rows}
Besides these there are `process_*` (memory, CPU time, open files, start time) and `python_info` of the Prometheus client library.
"""


def page() -> str:
    """The current text of the page."""
    rows = "".join(
        f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels)} | {metric.about} |\n" for metric in METRICS
    )
    return _PAGE.format(rows=rows)


if __name__ == "__main__":
    print(page(), end="")
