"""Downloads a large file and resumes interrupted downloads (RFC 9110, section 14: Range, If-Range)."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from trainbot.core.errors import BackendError, UserError
from trainbot.images.build.progress_bar import Progress

_PIECE = 1 << 20
_SILENCE = 60.0  # seconds without a byte
_TRIES = 5  # consecutive tries without any data
_MOST_TEXT = 1 << 20
MOST = 64 << 30  # bytes of an image as it is downloaded
_SPARE = 1 << 30  # bytes that stay free on our disk
_BROKEN = (OSError, http.client.HTTPException)


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Refuses redirects from https to http: a checksum fetched over http proves nothing."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise BackendError(f"{req.full_url} redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_NoDowngrade)
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
    if not file_name(source):
        raise UserError(f"{source[:200]} is the address of a folder: give the address of the image in it")
    return True


def text(url: str) -> str:
    """Fetch a small text; BackendError if that fails or it is too long."""
    try:
        with _OPENER.open(url, timeout=_SILENCE) as answer:
            content: bytes = answer.read(_MOST_TEXT + 1)
    except _BROKEN as error:
        raise BackendError(f"cannot read {url}: {_why(error)}") from None
    if len(content) > _MOST_TEXT:
        raise BackendError(f"{url} is too long to be a checksum file")
    return content.decode(errors="replace")


def download(url: str, folder: Path, progress: Progress) -> Path:
    """Download the file into ``folder``, resuming an earlier try.

    BackendError if it cannot be downloaded now; the next call resumes.
    """
    part = folder / f".{hashlib.sha256(url.encode()).hexdigest()[:16]}.part"
    progress.stage(f"downloading {file_name(url)}")
    idle = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _go_on(url, part, progress):
                part.with_suffix(".json").unlink(missing_ok=True)
                return part
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 429):
                raise BackendError(f"cannot download {url}: the server answers {error.code} {error.reason}") from None
            why: Exception = error
        except _BROKEN as error:
            why = error
        else:
            why = OSError("the connection broke off")
        idle = 0 if part.exists() and part.stat().st_size > before else idle + 1
        if idle >= _TRIES:
            raise BackendError(f"cannot download {url}: {_why(why)}; try again to resume")


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
        size = (have if begun else 0) + int(answer.headers.get("Content-Length") or 0)
        _check(url, answer, size, part.parent)
        part.with_suffix(".json").write_text(json.dumps(_tag(answer)), encoding="utf-8")
        with part.open("ab" if begun else "wb") as file:
            while piece := answer.read(_PIECE):
                file.write(piece)
                if file.tell() > MOST:
                    raise BackendError(f"{url} is too large for an image: over {MOST >> 30} GiB")
                progress.step(file.tell() >> 20, max(size, file.tell()) >> 20 or 1)
    return not size or part.stat().st_size == size


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


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return str(reason)[:200] or type(error).__name__
