"""The metrics: what Prometheus reads in them, and what hostile clients get."""

from __future__ import annotations

import asyncio
import json
import platform
import re
import socket
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.stage import Stage
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.adapters.metrics import server as metrics_server
from trainbot.adapters.metrics.exposition import Exposition
from trainbot.adapters.metrics.server import LONGEST, MOST, MetricsServer
from trainbot.adapters.metrics.table import METRICS, Kind
from trainbot.bot.status import BotStatus
from trainbot.bot.turn_times import TurnTimes
from trainbot.core.errors import BackendError
from trainbot.gateway.supervisor import GatewayStatus

DOCS = Path(__file__).parents[3] / "docs"
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


def report_of(stage: Stage, *spent: float) -> dict[str, Any]:
    turns = TurnTimes()
    for seconds in spent:
        turns.took(seconds)
    bot = BotStatus(stage.config, stage.wiring, IrcConnection(stage.config.irc, lambda event: None), turns)
    with stage.store.transaction():
        return bot.report(GatewayStatus(1, "x", True, 2), stage.now)


def read(text: bytes | str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """(name, labels) -> value, as Prometheus reads it."""
    text = text if isinstance(text, str) else text.decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: dict[Any, float], name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def test_what_prometheus_reads(stage):
    """The report's figures, in base units, with labels for hosts, images and states."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.talk("russell", "!start selinux")
    stage.talk("bob", "!ask why?")
    found = read(Exposition().text(report_of(stage, 0.002, 0.3, 9.0)))
    assert value(found, "trainbot_info", version="0.2.0", python=platform.python_version()) == 1
    assert value(found, "trainbot_labs", host="xen1", image="debian", state="ready") == 1
    assert value(found, "trainbot_host_up", host="xen1") == 1
    assert value(found, "trainbot_host_memory_bytes", host="xen1") == 16384 << 20
    assert value(found, "trainbot_lab_leases") == 1 and value(found, "trainbot_questions_open") == 1
    assert value(found, "trainbot_classes_running") == 1 and value(found, "trainbot_irc_connected") == 0
    assert value(found, "trainbot_gateway_logins") == 2
    assert value(found, "trainbot_turn_duration_seconds_count") == 3
    assert value(found, "trainbot_turn_duration_seconds_bucket", le="0.0025") == 1
    assert value(found, "trainbot_turn_duration_seconds_bucket", le="5.0") == 2
    assert value(found, "trainbot_turn_duration_seconds_bucket", le="+Inf") == 3
    assert value(found, "process_resident_memory_bytes") > 1 << 20


def test_what_is_unknown_is_left_out(stages):
    """A host that is down has no free memory, and a bot without hosts no gateway."""
    stage = stages()
    report = report_of(stage)
    report["gateway"] = None
    found = read(Exposition().text(report))
    assert value(found, "trainbot_host_up", host="xen1") == 0
    names = {name for name, _labels in found}
    assert not names & {"trainbot_host_memory_free_bytes", "trainbot_gateway_up", "trainbot_gateway_logins"}


def test_nobody_can_be_recognised(stage):
    """Whatever people are called and whatever they say, none of it is in the metrics."""
    stage.join("Zaphod", account="beeblebrox")
    stage.talk("Zaphod", "!lab debian")
    stage.hosts_work()
    stage.talk("Zaphod", "!ask where is the towel?")
    text = Exposition().text(report_of(stage)).decode().lower()
    words = ("zaphod", "beeblebrox", "towel", "example.net", "#class", "tb-debian")
    assert [word for word in words if word in text] == []
    assert {label for metric in METRICS for label in metric.labels} == {
        "host", "image", "state", "lane", "version", "python",
    }  # fmt: skip


def test_names_follow_prometheus():
    """Units and suffixes as prometheus.io/docs/practices/naming wants them; each name once."""
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r"trainbot_[a-z_]+", metric.name) and metric.about.endswith(".")
        assert not re.search(r"_(mib|ms|minutes|percent|count|sum|bucket)$", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert metric.name.endswith("_info") == (metric.kind is Kind.INFO)


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:trainbot|process|python)_[a-z_]+", expression))


def test_the_dashboard_and_the_rules_name_metrics_that_exist(stage):
    """Every query of grafana-dashboard.json and every expr of prometheus-alerts.yml; each rule says what to do."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    report = report_of(stage, 0.1)
    report["irc"] |= {"lag": 0.1, "certificate_ends": 1.0}
    report["copies"] = {"age": 0.4, "behind": 0}
    host = report["hosts"]["xen1"]
    host |= {"disk_free_mib": 1, "busy": 0.5, "io_wait": 0.5, "clock_off": 0.0}
    there = {name for name, _labels in read(Exposition().text(report))}
    assert there >= {metric.name for metric in METRICS if metric.kind is not Kind.HISTOGRAM}
    dashboard = json.loads((DOCS / "grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    (group,) = yaml.safe_load((DOCS / "prometheus-alerts.yml").read_text())["groups"]
    assert all(rule["annotations"].keys() == {"summary", "description"} for rule in group["rules"])
    for expression in (*queries, *(rule["expr"] for rule in group["rules"])):
        assert names_in(expression) <= there and (names_in(expression) or expression.startswith("up{")), expression


# -- over HTTP ---------------------------------------------------------------------------------------


class Bot:
    """What is asked for reports."""

    def __init__(self, report: dict[str, Any]) -> None:
        self.value, self.asked = report, 0
        self.error: Exception | None = None

    async def report(self) -> dict[str, Any]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return deepcopy(self.value)


class Served:
    def __init__(self, bot: Bot, server: MetricsServer, port: int) -> None:
        self.bot, self.server, self.port = bot, server, port

    async def get(self, request: bytes = GET) -> tuple[str, bytes]:
        """(head, body) of the whole answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        async with asyncio.timeout(15):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return head.decode(), body


@pytest.fixture
async def served(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    bot = Bot(report_of(stage))
    server = MetricsServer([("127.0.0.1", 0)], bot)
    ((_host, port),) = await server.start()
    yield Served(bot, server, port)
    await server.close()


async def test_one_request(served):
    """A real HTTP answer, of the type that Prometheus expects, as long as it says."""
    head, body = await served.get()
    assert head.startswith("HTTP/1.1 200 OK\r\n") and "text/plain; version=0.0.4" in head
    assert f"Content-Length: {len(body)}" in head and value(read(body), "trainbot_host_up", host="xen1") == 1
    head_only, nothing = await served.get(GET.replace(b"GET", b"HEAD"))
    assert head_only.startswith("HTTP/1.1 200 OK\r\n") and nothing == b""


async def test_the_bot_is_not_asked_more_than_once_a_second(served, monkeypatch):
    """However many ask, at once or one after the other."""
    monkeypatch.setattr(metrics_server, "FRESH", 3600.0)
    answers = await asyncio.gather(*(served.get() for _ in range(MOST)))
    answers += [await served.get() for _ in range(50)]
    assert {head.splitlines()[0] for head, _body in answers} == {"HTTP/1.1 200 OK"} and served.bot.asked == 1
    monkeypatch.setattr(metrics_server, "FRESH", 0.0)
    await served.get()
    assert served.bot.asked == 2


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"POST /metrics HTTP/1.1", "405"),
        (b"DELETE /metrics HTTP/1.0", "405"),
        (b"GET / HTTP/1.1", "404"),
        (b"GET /metrics/../../etc/passwd HTTP/1.1", "404"),
        (b"GET /../state/pepper HTTP/1.1", "404"),
        (b"GET /%6detrics HTTP/1.1", "404"),
        (b"GET /metrics?name[]=x HTTP/1.1", "200"),
        (b"GET http://127.0.0.1/metrics HTTP/1.1", "200"),
        (b"GET http://127.0.0.1 HTTP/1.1", "404"),
        (b"GET /metrics", "400"),
        (b"GET /metrics HTTP/2", "400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"),
        (b"\xff\xfe\0\0", "400"),
        (b" " * 500, "400"),
        (b"", "400"),
    ],
)
async def test_odd_requests(served, request_line, status):
    """Each gets one short answer, and says nothing about this machine."""
    head, body = await served.get(request_line + b"\r\nHost: x\r\n\r\n")
    assert head.split()[1] == status and (status == "200" or len(body) < 50)
    assert (await served.get())[0].startswith("HTTP/1.1 200")


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Until the server closes, in order or with a reset."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_slow_huge_and_many_connections(served, monkeypatch):
    """Those who say nothing are closed in time, what is too long is cut, and who comes meanwhile is refused at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 3 * LONGEST)
    async with asyncio.timeout(15):
        assert await rest(reader) == b""
    writer.close()
    monkeypatch.setattr(metrics_server, "PATIENCE", 3600.0)
    slow = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(300)]
    for _reader, writer in slow:
        writer.write(b"GET /metrics")
    assert (await served.get())[0].startswith("HTTP/1.1 200")
    for reader, _writer in slow[: -MOST + 1]:  # those that said nothing for longest made room
        async with asyncio.timeout(15):
            assert await rest(reader) == b""
    for _reader, writer in slow:
        writer.close()
    assert served.bot.asked <= 2


async def test_somebody_who_does_not_read_is_closed(served, monkeypatch):
    """An answer that nobody fetches does not stay in memory."""
    monkeypatch.setattr(metrics_server, "PATIENCE", 0.5)
    served.bot.value["lab_counts"] = [
        {"host": "h" * 100, "image": f"image{number}", "state": "ready", "labs": 1} for number in range(50_000)
    ]
    monkeypatch.setattr(metrics_server, "FRESH", 3600.0)
    served.server._latest = (asyncio.get_running_loop().time(), served.server._exposition.text(served.bot.value))
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(GET)
        async with asyncio.timeout(15):
            while not served.server._clients:
                await asyncio.sleep(0)
            await asyncio.wait([*served.server._clients])
    assert len(served.server._clients) == 0


async def test_a_bot_that_cannot_report_says_so(served, caplog):
    """503 without details, one line in the log; then all is well again."""
    served.bot.error = BackendError("the disk is full")
    head, body = await served.get()
    assert head.split()[1] == "503" and b"disk" not in body and "no metrics: the disk is full" in caplog.text
    served.bot.error = None
    assert (await served.get())[0].split()[1] == "200"


async def test_a_port_that_is_taken_is_one_sentence(stage):
    """What to do is said, and nothing is left open."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = MetricsServer([("127.0.0.1", port)], Bot(report_of(stage)))
        with pytest.raises(BackendError, match=rf"no metrics at 127.0.0.1:{port} \(address already in use\): correct"):
            await server.start()
