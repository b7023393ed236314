"""Ports of the learner's lab in a text: ``lab-port:80/path`` becomes the way to it.  Pure.

In code, which runs in the lab, it is the lab's own address; elsewhere the words say how to reach it from outside: the
gateway forwards to localhost of one's own lab (ssh -L).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

_PORT = re.compile(r"lab-port:(\d{1,5}|PORT)((?:/[\w/.~%?=&#+:@,;-]*)?)")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a text is shown with.  ``handout``: the address of the exercise's page, '' if there is none; ``login``:
    ``debian@lab.example.org``, '' if that is not known; ``ssh_port``: the gateway's."""

    handout: str = ""
    login: str = ""
    ssh_port: int = 22


class LabPorts:
    """Of one text: the first mention of a port says how to reach it, the others only where it is then."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._told: set[str] = set()

    def resolve(self, tokens: list[Token]) -> None:
        """Replaces them in the tokens of a text."""
        for token in tokens:
            if token.type in ("fence", "code_block"):
                token.content = in_lab(token.content)
            elif token.type == "html_block":
                token.content = _PORT.sub(
                    lambda found: "".join(words for words, _code in self._words(found)), token.content
                )
            elif token.children is not None and (
                "lab-port:" in token.content
                or any("lab-port:" in str(child.attrGet("href")) for child in token.children)
            ):
                token.children = list(self._children(token.children))

    def _children(self, children: list[Token]) -> Iterator[Token]:
        link: re.Match[str] | None = None
        for child in children:
            if child.type == "link_open" and (found := _PORT.match(str(child.attrGet("href") or ""))):
                link = found
            elif child.type == "link_close" and link is not None:
                yield from self._tokens([(" (", False), *self._words(link, inside=True), (")", False)])
                link = None
            elif child.type == "code_inline":
                child.content = in_lab(child.content)
                yield child
            elif child.type == "text":
                yield from self._text(child.content)
            else:
                yield child

    def _text(self, text: str) -> Iterator[Token]:
        at = 0
        for found in _PORT.finditer(text):
            end = found.end() - (
                found[2][-1:] in (".", ",", ";", ":", "?")
            )  # the end of the sentence, not of the address
            yield from self._tokens([(text[at : found.start()], False), *self._words(found)])
            at = end
        yield from self._tokens([(text[at:], False)])

    def _tokens(self, parts: list[tuple[str, bool]]) -> Iterator[Token]:
        from markdown_it.token import Token  # loaded by now

        for words, code in parts:
            if words:
                yield Token("code_inline" if code else "text", "code" if code else "", 0, content=words)

    def _words(self, found: re.Match[str], inside: bool = False) -> list[tuple[str, bool]]:
        """(words, whether they are code).  ``inside``: they stand in brackets already."""
        port, path = found[1], found[2].rstrip(".,;:?")
        local = "8080" if port == "PORT" else port if int(port) >= 1024 else str(8000 + int(port))
        url = f"{'https' if port == '443' else 'http'}://localhost:{local}{path or '/'}"
        name = "a port of your lab" if port == "PORT" else f"port {port} of your lab"
        if port in self._told:
            return [(url if inside else f"{url} ({name})", False)]
        self._told.add(port)
        forward = f"-L {local}:localhost:{port}"
        if self._around.login:
            way = [(f"ssh -p {self._around.ssh_port} {forward} {self._around.login}", True), (f", then {url}", False)]
        else:
            way = [("add ", False), (forward, True), (f" to your lab's ssh command, then {url}", False)]
        return [(f"{name}: ", False), *way] if inside else [(f"{name} (", False), *way, (")", False)]


def in_lab(code: str) -> str:
    """``code`` with the lab's own address for each port."""
    return _PORT.sub(
        lambda found: (
            f"http{'s' * (found[1] == '443')}://localhost"
            + (f":{found[1]}" if found[1] not in ("80", "443") else "")
            + found[2]
        ),
        code,
    )
