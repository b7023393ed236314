"""A web server on loopback for one folder, with Range (RFC 9110) and the troubles that downloads meet."""

from __future__ import annotations

import http.server
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Web:
    """``asked``: the Range of each request, '' without; ``cut``: how many bytes of an answer go out before the
    connection breaks, one for each of the next answers; ``kind``: the Content-Type; ``tag``: the ETag, '' for none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.cut: list[int] = []
        self.kind, self.tag, self.ranges, self.location = "application/octet-stream", '"1"', True, ""
        self.port, self.scheme = 0, "http"

    def url(self, name: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/{name}"


class _Answer(http.server.BaseHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        web, asked = self.web, self.headers.get("Range", "")
        web.asked.append(asked)
        path = web.folder / self.path.lstrip("/")
        if web.location or not path.is_file():
            self.send_response(302 if web.location else 404)
            self.send_header("Location", web.location)
            self.end_headers()
            return
        size, start = path.stat().st_size, 0
        begun = re.fullmatch(r"bytes=(\d+)-", asked)
        if begun and web.ranges and self.headers.get("If-Range") in (None, web.tag):
            start = int(begun[1])
        if start and start >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", web.kind)
        self.send_header("Content-Length", str(size - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if web.tag:
            self.send_header("ETag", web.tag)
        self.end_headers()
        self._send(path, start, web.cut.pop(0) if web.cut else size)

    def _send(self, path: Path, start: int, most: int) -> None:
        with path.open("rb") as file:
            file.seek(start)
            while most > 0 and (piece := file.read(min(1 << 20, most))):
                self.wfile.write(piece)
                most -= len(piece)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(folder: Path, certificates: Path | None = None) -> Iterator[Web]:
    """With ``certificates`` (tests.peers.certificates) over https."""
    web = Web(folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Answer", (_Answer,), {"web": web})) as server:
        if certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
            web.scheme = "https"
            server.handle_error = lambda *_: None  # a client that does not trust the certificate
        web.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()
