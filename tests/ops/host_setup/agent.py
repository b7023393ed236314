"""Runs inside a network namespace and does there what it is told: a line of JSON in, a line of JSON out.

[verb, …] -> the answer, or {"error": …}.  Frames are in hex.  Nothing here of trainbot's: it stands for labs, for
dom0 and for machines outside.
"""

import errno
import json
import select
import socket
import sys

ALL = 3  # ETH_P_ALL (linux/if_ether.h)
PATIENCE = 60
sniffed: dict[str, socket.socket] = {}
listening: dict[int, socket.socket] = {}
asked: list[socket.socket] = []


def packets(interface: str) -> socket.socket:
    if interface not in sniffed:
        found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        found.bind((interface, ALL))
        found.settimeout(PATIENCE)
        sniffed[interface] = found
    return sniffed[interface]


def sniff(interface: str) -> None:
    """From now on; ``heard`` tells it."""
    packets(interface)


def send(interface: str, *frames: str) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL)) as line:
        line.bind((interface, 0))
        for frame in frames:
            line.send(bytes.fromhex(frame))


def heard(interface: str, marker: str) -> list[str]:
    """What came in until a frame with ``marker`` in it, that one left out; what went out is not counted."""
    found = []
    while True:
        frame, (_, _, kind, *_) = packets(interface).recvfrom(65536)
        if kind == socket.PACKET_OUTGOING:
            continue
        if bytes.fromhex(marker) in frame:
            return found
        found.append(frame.hex())


def listen(address: str, port: int) -> None:
    listening[port] = socket.create_server((address, port), backlog=1000)


def accepted(port: int) -> str:
    """Whose connection waits there now, or ''."""
    server = listening[port]
    if not select.select([server], [], [], 0)[0]:
        return ""
    connection, (address, _) = server.accept()
    connection.close()
    return address


def connect_ssh(address: str, port: int) -> None:
    """Begins to connect, and does not wait."""
    line = socket.socket()
    line.setblocking(False)
    assert line.connect_ex((address, port)) in (0, errno.EINPROGRESS, errno.ENETUNREACH)
    asked.append(line)


def connect(address: str, port: int) -> None:
    """Connects; waits until it has."""
    socket.create_connection((address, port), timeout=PATIENCE).close()


VERBS = {verb.__name__: verb for verb in (sniff, send, heard, listen, accepted, connect_ssh, connect)}

if __name__ == "__main__":
    print("null", flush=True)
    for asked_for in sys.stdin:
        verb, *arguments = json.loads(asked_for)
        try:
            answer = VERBS[verb](*arguments)
        except OSError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
