"""Splits bytes into lines and parses lines into messages (RFC 2812 2.3.1, IRCv3 message-tags).

jaraco's ``irc`` parses tags.  Its line reader and dispatcher are not used: they raise on bytes that are not UTF-8, on
``QUIT`` without a reason, on a bare ``PING``, on a short PRIVMSG and on a numeric without parameters, split parameters
at every Unicode space, and keep an endless line without limit; and ``irc.client`` loads 60 modules (4 MiB).  Nothing in
this module raises, whatever bytes arrive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from irc.message import Tag

LONGEST = 8191 + 512
"""Octets of the longest valid line: tags (8191) and the message itself (512)."""

MOST_PARAMS = 64
"""RFC 2812 allows 15; some servers send more, none sends this many."""


class Source(str):
    """Who a line is from: ``nick!user@host``, a server's name, or '' if the line does not say.  A missing part is ''."""

    __slots__ = ()

    @property
    def nick(self) -> str:
        return self.partition("!")[0]

    @property
    def parts(self) -> tuple[str, str, str]:
        """Nick, user and host."""
        nick, _, rest = self.partition("!")
        user, _, host = rest.partition("@")
        return nick, user, host


NOBODY = Source()


@dataclass(frozen=True, slots=True)
class Message:
    """One line from the server.  ``command`` is upper case or three digits."""

    command: str
    params: tuple[str, ...] = ()
    source: Source = NOBODY
    tags: Mapping[str, str | None] = field(default_factory=dict)

    def param(self, index: int) -> str:
        """Returns the parameter at ``index`` (-1: the last), or '' if the line is too short."""
        try:
            return self.params[index]
        except IndexError:
            return ""

    @property
    def nick(self) -> str:
        return self.source.nick


def decode(line: bytes) -> str:
    """Decodes UTF-8, else Windows-1252, else Latin-1, which accepts every byte."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")


class LineReader:
    """Splits what the socket receives into lines; keeps at most ``LONGEST`` octets of an unfinished one.

    A longer line is dropped as a whole: half a line could mean something else.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[str]:
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            skip, self._skipping = self._skipping, False
            line = line.strip(b"\r\0 ")
            if line and not skip and len(line) <= LONGEST:
                yield decode(line)
        if len(rest) > LONGEST:
            self._skipping, rest = True, b""
        self._rest = b"" if self._skipping else rest


def parse(line: str) -> Message | None:
    """Returns ``line`` parsed as a message, or None if it is not one.  Never raises."""
    line = line.strip("\r\n\0 ")
    tags: dict[str, str | None] = {}
    source = NOBODY
    if line.startswith("@"):
        group, _, line = line[1:].partition(" ")
        tags = {tag["key"]: tag["value"] for tag in map(Tag.parse, group.split(";")) if tag["key"]}
        line = line.lstrip(" ")
    if line.startswith(":"):
        prefix, _, line = line[1:].partition(" ")
        source = Source(prefix)
        line = line.lstrip(" ")
    command, params = _split(line)
    if not command or not command.isascii() or not command.isalnum():
        return None
    return Message(command.upper(), params, source, tags)


def _split(line: str) -> tuple[str, tuple[str, ...]]:
    middle, colon, trailing = f" {line}".partition(" :")
    words = [word for word in middle.split(" ") if word]
    if not words:
        return "", ()
    params = words[1 : MOST_PARAMS + 1]
    if colon:
        params.append(trailing)
    return words[0], tuple(params)
