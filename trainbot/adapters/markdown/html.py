"""Converts Markdown (read as ``markdown`` reads it) to harmless HTML: no scripts, nothing loaded, no attributes except
links.

HTML in an exercise is kept if it is harmless (a short list of tags, without their attributes); the rest of it becomes
text or is removed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from trainbot.adapters.markdown.lab_ports import LabPorts, Surroundings
from trainbot.adapters.markdown.renderer import without_suffixes

_KEPT = {
    "br",
    "hr",
    "p",
    "b",
    "i",
    "em",
    "strong",
    "code",
    "pre",
    "kbd",
    "ul",
    "ol",
    "li",
    "details",
    "summary",
    "blockquote",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "sub",
    "sup",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
}
NOWHERE = Surroundings()
_HIDDEN = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)\b[^<>]*>")


class _Renderer(RendererHTML):
    def link_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Marks links whose text is their address, so that print does not show the address twice."""
        if tokens[idx + 1].content == tokens[idx].attrGet("href"):
            tokens[idx].attrSet("class", "bare")
        return self.renderToken(tokens, idx, options, env)

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Puts each line in a span, so that in print a wrapped line can be told from two lines."""
        lines = html.escape(tokens[idx].content, quote=False).splitlines(keepends=True)
        return f"<pre><code>{''.join(f'<span>{line}</span>' for line in lines)}</code></pre>\n"

    code_block = fence

    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """A link instead of the image, because the page loads nothing."""
        source, name = str(tokens[idx].attrGet("src") or ""), html.escape(tokens[idx].content or "picture")
        return f'<a href="{html.escape(source)}">[{name}]</a>' if "://" in source else f"[{name}]"

    def html_block(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return _harmless(tokens[idx].content)

    html_inline = html_block


_markdown = MarkdownIt("commonmark", {"html": True}, renderer_cls=_Renderer).enable("table")


def to_html(markdown: str, around: Surroundings = NOWHERE) -> str:
    """The text as part of a page.  Katacoda's suffixes are removed; headings become h3 and below.  ``around``: how the
    learner reaches the lab's ports."""
    env: dict[str, Any] = {}
    tokens = _markdown.parse(without_suffixes(markdown), env)
    LabPorts(around).resolve(tokens)
    page: str = _markdown.renderer.render(tokens, _markdown.options, env)
    return re.sub(r"<(/?)h([1-6])>", lambda found: f"<{found[1]}h{min(int(found[2]) + 2, 6)}>", page)


def _harmless(source: str) -> str:
    source, out, at = _HIDDEN.sub("", source), [], 0
    for found in _TAG.finditer(source):
        out.append(html.escape(source[at : found.start()], quote=False))
        name = found[2].lower()
        out.append(f"<{found[1]}{name}>" if name in _KEPT else "")
        at = found.end()
    return "".join(out) + html.escape(source[at:], quote=False)
