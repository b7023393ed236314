"""What is recorded of a login: how much it has carried, and to which lab."""

from __future__ import annotations

import socket
import struct

from trainbot.gateway.routes import Route


def lab_name(route: Route | None) -> str:
    """The lab's name; '' without one."""
    return f"tb-{route.image}-{route.lab[:8]}" if route is not None and route.lab else ""


def traffic(sock: socket.socket) -> dict[str, int]:
    """Bytes ``received``, and ``sent`` and acknowledged, as the kernel counts them (linux/tcp.h, struct tcp_info)."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 136)
        sent, received = struct.unpack_from("QQ", info, 120)
    except (OSError, struct.error):  # the kernel is older than these counters
        received = sent = 0
    return {"received": received, "sent": sent}
