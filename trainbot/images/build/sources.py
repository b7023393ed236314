"""The package sources: the machine's own Debian sources, or mmdebstrap(1)'s defaults.

sources.list(5) describes both forms.  Every line we make names Debian's own keyring, so that whatever passes
the filter here still has to be signed by Debian.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# Archives signed by Debian end like this on every mirror; `mirror+file:` uses the form `.list`.
_ARCHIVE = re.compile(r"/(debian|debian-security)(\.list)?/?$")
_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)")


@dataclass(frozen=True)
class Source:
    """One archive and suite from a file under /etc/apt."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""


def debian_lines(etc_apt: Path, os_release: Path, suite: str, mirror: str = "") -> list[str]:
    """Lines for sources.list that build `suite` from this machine's own Debian mirrors; `mirror` takes their place, but for
    security updates, which are in another archive.

    Empty (let mmdebstrap choose) if there is no mirror, and this is not Debian or no source here has `suite` itself.
    """
    found = [source for source in read_sources(etc_apt) if _is_debians(source, suite)] if _is_debian(os_release) else []
    if mirror:
        security = [source for source in found if source.suite == f"{suite}-security"]
        found = [Source(mirror, name, ("main",)) for name in (suite, f"{suite}-updates")] + security
    elif not any(source.suite == suite for source in found):
        return []
    lines = [f"deb [signed-by={KEYRING}] {source.uri} {source.suite} main" for source in found]
    return list(dict.fromkeys(lines))


def read_sources(etc_apt: Path) -> Iterator[Source]:
    """Every enabled binary source that apt on this machine reads."""
    for path in [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if path.suffix == ".sources":
            yield from _stanzas(text)
        elif path.suffix == ".list":
            yield from _one_lines(text)


def _is_debians(source: Source, suite: str) -> bool:
    """Whether this is Debian's own archive, for this suite or its updates.  Addresses with a password are skipped."""
    return (
        source.suite in (suite, f"{suite}-updates", f"{suite}-security")
        and "main" in source.components
        and bool(_ARCHIVE.search(source.uri))
        and "@" not in source.uri
        and (not source.signed_by or "debian-archive" in source.signed_by)
    )


def _is_debian(os_release: Path) -> bool:
    try:
        return bool(re.search(r'^ID="?debian"?$', os_release.read_text(encoding="utf-8"), re.MULTILINE))
    except OSError:
        return False


def _one_lines(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        if match := _ONE_LINE.match(line.split("#")[0].strip()):
            signed_by = re.search(r"signed-by=(\S+)", match["options"] or "")
            yield Source(
                match["uri"], match["suite"], tuple(match["components"].split()), signed_by[1] if signed_by else ""
            )


def _stanzas(text: str) -> Iterator[Source]:
    for stanza in re.split(r"\n\s*\n", text):
        said = _fields(stanza)
        if said.get("enabled", "yes").lower() in ("no", "false", "0") or "deb" not in said.get("types", "").split():
            continue
        for uri in said.get("uris", "").split():
            for suite in said.get("suites", "").split():
                yield Source(uri, suite, tuple(said.get("components", "").split()), said.get("signed-by", ""))


def _fields(stanza: str) -> dict[str, str]:
    """A deb822(5) stanza; field names in lower case, continuation lines joined."""
    said: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and name:
            said[name] += " " + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            said[name] = value.strip()
    return said
