"""Downloads a large file and resumes interrupted downloads (RFC 9110, section 14: Range, If-Range)."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import shutil
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from trainbot.core.errors import BackendError, UserError
from trainbot.core.text import one_line
from trainbot.images.build.progress_bar import Progress

_PIECE = 1 << 20
_SILENCE = 60.0  # seconds without a byte
_HEAD = 60.0  # seconds until an answer has begun
_WINDOW = 60.0  # seconds in which at least _LEAST bytes come
_LEAST = 64 << 10
_TRIES = 5  # consecutive tries that brought less than _LEAST
MOST_TEXT = 1 << 20
MOST = 64 << 30  # bytes of an image as it is downloaded
_SPARE = 1 << 30  # bytes that stay free on our disk
_BROKEN = (OSError, http.client.HTTPException, ValueError)  # ValueError: addresses and headers that are none


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Refuses redirects from https to http, since a checksum fetched over http proves nothing, and to anything but those."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        kinds = ("https:",) if req.full_url.startswith("https:") else ("https:", "http:")
        if not newurl.lower().startswith(kinds):
            raise BackendError(f"{req.full_url} redirects to {one_line(newurl)}, which is not {kinds[-1][:-1]}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Http(http.client.HTTPConnection):
    """Waits for the head of an answer for a limited time in all; http.client limits only each wait, and not how often a
    server says 100 Continue."""

    _late = False

    def getresponse(self) -> http.client.HTTPResponse:
        timer = threading.Timer(_HEAD, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            answer = super().getresponse()
        except _BROKEN:
            if not self._late:
                raise
        finally:
            timer.cancel()
        if self._late:  # what has come of the head until then looks like a whole one
            raise OSError("the server is too slow")
        return answer

    def _give_up(self) -> None:
        self._late = True
        with contextlib.suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)


class _Https(_Http, http.client.HTTPSConnection):
    pass


class _HttpHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Http, req)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Https, req)


_OPENER = urllib.request.build_opener(_NoDowngrade, _HttpHandler, _HttpsHandler)
_OPENER.addheaders = [("User-Agent", "trainbot"), ("Accept-Encoding", "identity")]


def file_name(url: str) -> str:
    """The last part of the address."""
    return unquote(urlsplit(url).path).rpartition("/")[2]


def is_address(source: str) -> bool:
    """Whether it is an address rather than a file; UserError for unsupported kinds of address."""
    scheme, found, _ = source.partition("://")
    if not found:
        return False
    if scheme.lower() not in ("http", "https"):
        raise UserError(f"{scheme[:20]}:// is not supported: give an http or https address, or a file")
    try:
        named, user = file_name(source), urlsplit(source).username
    except ValueError:
        raise UserError(f"{one_line(source)} is not a valid address") from None
    if user is not None:
        raise UserError("an address with a user name or password is not supported: download the file, and give that")
    if not named:
        raise UserError(f"{source[:200]} is the address of a folder: give the address of the image in it")
    return True


def small(url: str) -> bytes:
    """Fetch a checksum file or a signature; BackendError if that fails, or it is too long or too slow."""
    content, end = b"", time.monotonic() + _WINDOW
    try:
        with _OPENER.open(url, timeout=_SILENCE) as answer:
            while len(content) <= MOST_TEXT and (piece := answer.read1(_PIECE)):
                content += piece
                if time.monotonic() > end:
                    raise OSError("the server is too slow")
            if answer.length and len(content) <= MOST_TEXT:
                raise OSError("the connection broke off")
    except urllib.error.HTTPError as error:
        raise BackendError(f"cannot read {url}: {_answered(error)}") from None
    except _BROKEN as error:
        raise BackendError(f"cannot read {url}: {_why(error)}") from None
    if len(content) > MOST_TEXT:
        raise BackendError(f"{url} is too long to be a checksum file or a signature")
    return content


def download(url: str, folder: Path, progress: Progress, name: str = "image") -> Path:
    """Download the file into ``folder`` for the image ``name``, resuming an earlier try; others of that image are removed.

    BackendError if it cannot be downloaded now.  If the connection broke, what has come so far stays and the next call
    resumes; it also stays when all of it has come, until ``discard``.
    """
    part = folder / f".{name}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.part"
    for other in downloads(folder, name):
        if other != part:
            discard(other)
    progress.stage(f"downloading {file_name(url)}")
    idle = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _go_on(url, part, progress):
                return part
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 429):
                if error.code in (404, 410):
                    discard(part)
                raise BackendError(f"cannot download {url}: {_answered(error)}") from None
            why: Exception = error
        except _BROKEN as error:
            why = error
        else:
            why = OSError("the connection broke off")
        idle = 0 if part.exists() and part.stat().st_size >= before + _LEAST else idle + 1
        if idle >= _TRIES:
            if part.exists() and part.stat().st_size:
                raise BackendError(f"cannot download {url}: {_why(why)}; try again to resume")
            discard(part)
            raise BackendError(f"cannot download {url}: {_why(why)}; try again later")


def downloads(folder: Path, name: str) -> list[Path]:
    """What has been downloaded for that image and not been imported."""
    return list(folder.glob(f".{name}-{'[0-9a-f]' * 12}.part"))


def discard(part: Path) -> None:
    """Remove a download, whole or not."""
    part.unlink(missing_ok=True)
    part.with_suffix(".json").unlink(missing_ok=True)


def _go_on(url: str, part: Path, progress: Progress) -> bool:
    """Download over one connection; returns whether the file is complete."""
    have, tag = _kept(part)
    request = urllib.request.Request(url)  # noqa: S310  is_address lets only http and https through
    if have and tag:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", tag)
    with _answer(request, part) as answer:
        if answer is None:
            return True
        begun = answer.status == 206
        if begun and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            discard(part)
            raise OSError("the server sends another part than the one it was asked for")
        size = None if answer.length is None else (have if begun else 0) + answer.length
        _check(url, answer, size or 0, part.parent)
        part.with_suffix(".json").write_text(json.dumps(_tag(answer)), encoding="utf-8")
        with part.open("ab" if begun else "wb") as file:
            for piece in _pieces(answer):
                file.write(piece)
                _check_room(url, part, file.tell())
                progress.step(file.tell() >> 20, max(size or 0, file.tell()) >> 20 or 1)
    return size is None or part.stat().st_size == size


def _pieces(answer: Any) -> Iterator[bytes]:
    """What comes; OSError if it comes too slowly, so that no server holds us for ever."""
    end, came = time.monotonic() + _WINDOW, 0
    while piece := answer.read1(_PIECE):
        yield piece
        came += len(piece)
        if time.monotonic() > end:
            if came < _LEAST:
                raise OSError("the server is too slow")
            end, came = time.monotonic() + _WINDOW, 0


def _check_room(url: str, part: Path, size: int) -> None:
    """A server that does not say how much it sends may not fill the disk; nothing stays of what it sent."""
    full = shutil.disk_usage(part.parent).free < _SPARE
    if size <= MOST and not full:
        return
    discard(part)
    if full:
        raise BackendError(f"{part.parent} has too little space for {url}: {size >> 20} MiB have come, and it goes on")
    raise BackendError(f"{url} is too large for an image: over {MOST >> 30} GiB")


@contextlib.contextmanager
def _answer(request: urllib.request.Request, part: Path) -> Iterator[Any]:
    """The server's answer, or None if the file was already complete."""
    try:
        with _OPENER.open(request, timeout=_SILENCE) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        whole = str(error.headers.get("Content-Range", "")).rpartition("/")[2]
        if error.code == 416 and whole == str(part.stat().st_size):
            yield None
        elif error.code == 416:
            part.unlink(missing_ok=True)
            raise OSError("the file on the server has changed") from None
        else:
            raise


def _check(url: str, answer: Any, size: int, folder: Path) -> None:
    if answer.headers.get_content_type() == "text/html":
        raise BackendError(f"{url} is a web page, not a disk image: give the address of the download link")
    if size > MOST:
        raise BackendError(f"{url} is too large for an image: {size >> 30} GiB")
    free = shutil.disk_usage(folder).free
    if size + _SPARE > free:
        raise BackendError(f"the download needs {size >> 20} MiB in {folder}, but only {free >> 20} MiB are free there")


def _kept(part: Path) -> tuple[int, str]:
    """How much has been downloaded, and the server's tag for it."""
    try:
        return part.stat().st_size, str(json.loads(part.with_suffix(".json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return 0, ""


def _tag(answer: Any) -> str:
    """A strong ETag, otherwise the date, for If-Range."""
    tag = answer.headers.get("ETag") or ""
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified") or ""


def _answered(error: urllib.error.HTTPError) -> str:
    return f"the server answers {error.code} {one_line(str(error.reason), 100)}"


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return one_line(str(getattr(reason, "strerror", None) or reason)) or type(error).__name__
