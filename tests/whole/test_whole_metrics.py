"""The whole bot, read by Prometheus."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from trainbot.ops.demo.ngircd import free_port


async def scrape(port: int) -> dict[str, float]:
    """Sample without its labels -> value."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(20):
        text = (await reader.read()).partition(b"\r\n\r\n")[2].decode()
    writer.close()
    return {sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples}


async def test_metrics_of_a_running_bot(bot, alice):
    """Where bot.ini says, of this very process; the bot goes on beside."""
    port = free_port()
    bot.change(metrics={"listen": f"127.0.0.1:{port}"})
    await bot.arrive(alice)
    await bot.logs(f"metrics at http://127.0.0.1:{port}/metrics")
    await alice.whisper("help lab", "machine")
    found = await scrape(port)
    assert found["trainbot_irc_connected"] == 1 and found["trainbot_irc_channels_joined"] == 1
    assert found["trainbot_turn_duration_seconds_count"] > 0 and found["trainbot_database_size_bytes"] > 0
    files = len(list(Path(f"/proc/{bot.process.pid}/fd").iterdir()))
    assert abs(found["process_open_fds"] - files) <= 10
    checked = await bot.shell("check")
    assert f"http://127.0.0.1:{port}/metrics\n" in checked.out
    bot.change(metrics={"listen": "0.0.0.0:9464"})
    assert "which everybody who reaches that address can read" in (await bot.shell("check")).out


async def test_no_metrics_are_no_reason_to_stop(bot, alice):
    """A taken port is an error in the log, and the class goes on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        bot.change(metrics={"listen": f"127.0.0.1:{port}"})
        await bot.arrive(alice)
        await bot.logs(rf"no metrics at 127.0.0.1:{port} \(address already in use\): correct \[metrics\] listen")
        await alice.whisper("help lab", "machine")


def test_the_library_is_loaded_only_where_metrics_are_served():
    """Who wants no metrics does not pay for them."""
    program = "import sys, trainbot.bot.app; print('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"
