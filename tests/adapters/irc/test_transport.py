"""The socket to the server, with a real one at its other end."""

from __future__ import annotations

import asyncio
import socket
import struct

from trainbot.adapters.irc.transport import Transport, connect
from trainbot.config import IrcConfig

UNACKED = 24  # where struct tcp_info has tcpi_unacked (linux/tcp.h)


async def test_what_needs_no_answer_is_acknowledged_at_once() -> None:
    """A server with Nagle's algorithm sends its next line only then."""
    ours: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *streams: ours.put_nowait(streams), "127.0.0.1", 0)
    heard: asyncio.Queue[str] = asyncio.Queue()

    def hear(lines) -> None:
        for line in lines:
            if line == "question":
                link.write("answer")
            asyncio.get_running_loop().call_soon(heard.put_nowait, line)

    port = server.sockets[0].getsockname()[1]
    link: Transport = await connect(IrcConfig(server="127.0.0.1", port=port, tls=False), hear, lambda: None)
    reader, writer = await ours.get()
    for _ in range(20):  # the kernel acknowledges at once while a connection is new, and then waits for answers
        writer.write(b"question\r\n")
        assert await reader.readline() == b"answer\r\n" and await heard.get() == "question"
    writer.write(b"no question\r\n")
    assert await heard.get() == "no question"
    assert any(unacknowledged(writer) == 0 for _ in range(100))  # the kernel may deliver it a moment later
    link.close()
    await link.closed.wait()
    writer.close()
    server.close()


def unacknowledged(writer: asyncio.StreamWriter) -> int:
    """How many segments."""
    found = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, UNACKED + 4)
    return struct.unpack_from("I", found, UNACKED)[0]
