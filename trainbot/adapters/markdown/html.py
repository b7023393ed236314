"""Markdown (as ``markdown`` reads it) as HTML that does nothing: no scripts, nothing loaded, no attributes but links.

What an exercise wrote as HTML stays where it is harmless (a short list of tags, without their attributes); all else of
it becomes text, or nothing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

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
_HIDDEN = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)\b[^<>]*>")


class _Renderer(RendererHTML):
    def link_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Paper shows where a link leads, but not twice."""
        if tokens[idx + 1].content == tokens[idx].attrGet("href"):
            tokens[idx].attrSet("class", "bare")
        return self.renderToken(tokens, idx, options, env)

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Each line in a span, so that paper can tell a line that is folded from two."""
        lines = html.escape(tokens[idx].content, quote=False).splitlines(keepends=True)
        return f"<pre><code>{''.join(f'<span>{line}</span>' for line in lines)}</code></pre>\n"

    code_block = fence

    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """A page that loads nothing has a link instead."""
        source, name = str(tokens[idx].attrGet("src") or ""), html.escape(tokens[idx].content or "picture")
        return f'<a href="{html.escape(source)}">[{name}]</a>' if "://" in source else f"[{name}]"

    def html_block(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return _harmless(tokens[idx].content)

    html_inline = html_block


_markdown = MarkdownIt("commonmark", {"html": True}, renderer_cls=_Renderer).enable("table")


def to_html(markdown: str) -> str:
    """The text as a piece of a page.  Katacoda's suffixes are taken away, headings are h3 and below."""
    page: str = _markdown.render(without_suffixes(markdown))
    return re.sub(r"<(/?)h([1-6])>", lambda found: f"<{found[1]}h{min(int(found[2]) + 2, 6)}>", page)


def _harmless(source: str) -> str:
    source, out, at = _HIDDEN.sub("", source), [], 0
    for found in _TAG.finditer(source):
        out.append(html.escape(source[at : found.start()], quote=False))
        name = found[2].lower()
        out.append(f"<{found[1]}{name}>" if name in _KEPT else "")
        at = found.end()
    return "".join(out) + html.escape(source[at:], quote=False)
