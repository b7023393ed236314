"""Converts Markdown (CommonMark and tables, with Katacoda's suffixes) to lines, each of a known kind.  Pure.

``irc_lines`` documents what the lines guarantee, and shortens what is too long.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from trainbot.adapters.markdown.excerpt import MONO, Unit
from trainbot.adapters.markdown.fences import FenceKinds, units_of
from trainbot.adapters.markdown.lab_ports import LabPorts, Surroundings
from trainbot.core.text import visible

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

BOLD, ITALIC = "\x02", "\x1d"
_INDENT_MOST = 24

_WORD = r"(?:execute|exec|copy|open|interrupt|no-newline|T\d++|HOST\w*+)"
_WORDS = rf"\{{\{{[ \t]*(?:{_WORD}(?:[ \t|]+{_WORD})*)?[ \t]*\}}\}}"
_SUFFIX = re.compile(_WORDS, re.IGNORECASE)
_RUN = re.compile(r"\{\{[ \t]*exec", re.IGNORECASE)
_CLOSING = re.compile(rf"^([ \t]*(?:`{{3,}}|~{{3,}})[\w-]*)[ \t]*{_WORDS}[ \t]*$", re.MULTILINE | re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][\w-]*+)([^<>]*+)>|<[!?][^<>]*>")
_SOURCE = re.compile(r"\bhref=[\"']?(https?://[^\"'\s>]+)")
_BREAKS = ("br", "p", "div", "li", "tr", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6")
_NUMBERED = re.compile(r"^(?:step|task|part) ?\d{1,3} ?(?:[:.)\u2013\u2014-]+ ?)?")
_SECRET = re.compile(r"\b(tips?|hints?|solutions?|answers?)\b", re.IGNORECASE)


@functools.cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt  # not before there is a text to show

    return MarkdownIt("commonmark", {"html": True}).enable("table")


def without_suffixes(markdown: str) -> str:
    """``markdown`` without Katacoda's {{exec}}, {{copy}} and the like after code."""
    return re.sub(rf"(`){_WORDS}", r"\1", _CLOSING.sub(r"\1", markdown), flags=re.IGNORECASE)


class _LineWrap:
    """Wraps words into lines of at most ``width`` bytes.  A code span is one word, whatever it contains."""

    def __init__(self, width: int, plain: bool) -> None:
        self.width, self.plain = width, plain
        self.rows: list[list[str]] = [[]]
        self.glue = False

    def put(self, piece: str) -> None:
        row = self.rows[-1]
        if self.glue and row and len((row[-1] + piece).encode()) <= self.width:
            row[-1] += piece
        else:
            row.append(piece)
        self.glue = True

    def text(self, text: str, codes: str = "") -> None:
        codes = "" if self.plain else codes
        for n, word in enumerate(re.split(r"[ \t\n]+", visible(text))):
            self.glue = self.glue and n == 0
            while word:
                part = word.encode()[: self.width - 8].decode(errors="ignore")
                word = word[len(part) :]
                self.put(codes + part + codes[::-1])

    def code(self, text: str) -> None:
        text = visible(text).strip()
        if text:
            self.put(f"`{text}`" if self.plain else f"{MONO}{text}{MONO}")

    def line_break(self) -> None:
        self.rows.append([])
        self.glue = False

    def lines(self) -> list[str]:
        out = []
        for row in self.rows:
            line = ""
            for word in row:
                if line and len(line.encode()) + 1 + len(word.encode()) > self.width:
                    out.append(line)
                    line = ""
                line = f"{line} {word}" if line else word
            if line:
                out.append(line)
        return [line.replace(f"{BOLD} {BOLD}", " ").replace(f"{ITALIC} {ITALIC}", " ") for line in out]


class Renderer:
    """Renders one text in a single pass over its tokens."""

    def __init__(self, width: int, plain: bool, around: Surroundings) -> None:
        self.width, self.plain, self.around = width, plain, around
        self.out: list[Unit] = []
        self.fences = FenceKinds("")
        self.lists: list[int | None] = []  # the next number, None in a bulleted list
        self.bullet = ""  # put before the next line
        self.quotes = 0
        self.folds: list[bool] = []  # for each open <details>: is it a hint or solution?
        self.row: list[_LineWrap] | None = None
        self.summary: str | None = None
        self.link = self.link_text = self.pre = self.pre_tag = ""

    def page(self, markdown: str, title: str) -> list[Unit]:
        self.fences = FenceKinds(markdown)
        tokens = _markdown().parse(_CLOSING.sub(r"\1", markdown))
        LabPorts(self.around).resolve(tokens)
        if title and len(tokens) > 2 and tokens[0].type == "heading_open":
            heading = " ".join(visible(tokens[1].content).split()).casefold()
            heading = _NUMBERED.sub("", heading) or heading
            if heading and heading in title.casefold():
                tokens = tokens[3:]
        bold = ""
        for token in tokens:
            match token.type:
                case "heading_open" | "th_open":
                    bold = BOLD
                case "heading_close" | "th_close":
                    bold = ""
                case "inline":
                    self.inline(token.children or [], bold)
                case "fence" | "code_block":
                    self.fence(token.content, self.fences.of(token))
                case "html_block":
                    self.html(token.content)
                case "hr":
                    pass
                case kind:
                    self.structure(kind, token)
        return self.out

    def structure(self, kind: str, token: Token) -> None:
        match kind:
            case "bullet_list_open":
                self.lists.append(None)
            case "ordered_list_open":
                start = token.attrGet("start")  # a list may start at 0
                self.lists.append(1 if start is None else int(start))
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
            case "list_item_open":
                number = self.lists[-1]
                self.bullet = "• " if number is None else f"{number}. "
                if number is not None:
                    self.lists[-1] = number + 1
            case "list_item_close":
                self.bullet = ""
            case "blockquote_open":
                self.quotes += 1
            case "blockquote_close":
                self.quotes -= 1
            case "tr_open":
                self.row = []
            case "tr_close":
                row, self.row = self.row or [], None
                if not any(words for cell in row for words in cell.rows):
                    return
                flow = self.flow()
                for n, cell in enumerate(row):
                    if n:
                        flow.glue = False
                        flow.put("|")
                    flow.glue = False
                    for word in [word for words in cell.rows for word in words]:
                        flow.put(word)
                        flow.glue = False
                self.emit(flow, "prose")
                self.out[-1].words = []  # a row stays a line

    # -- what makes lines ------------------------------------------------------------------

    def indent(self) -> str:
        return (("> " * self.quotes) + "  " * (len(self.lists) - 1))[: _INDENT_MOST - 12]

    def flow(self) -> _LineWrap:
        return _LineWrap(self.width - _INDENT_MOST, self.plain)

    def emit(self, flow: _LineWrap, kind: str, *, heading: bool = False, runs: bool = False) -> None:
        if any(self.folds):
            return
        unit = Unit(kind, [], heading=heading, runs=runs, numbered=self.bullet[:1].isdigit())
        if kind == "prose":
            unit.words = [mark for mark in (">" * bool(self.quotes), self.bullet.strip()) if mark]
            unit.words += [word for row in flow.rows for word in row]
        for line in flow.lines():
            hang = "  " if self.lists and not self.bullet else ""
            unit.lines.append(self.indent() + (self.bullet or hang) + line)
            self.bullet = ""
        if unit.lines:
            self.out.append(unit)

    def fence(self, content: str, kind: str) -> None:
        """Each line becomes one line."""
        if any(self.folds):
            return
        self.bullet = ""
        for unit in units_of(content, kind):
            unit.lines = [f"    {line}" if self.plain else f"{MONO}{line}{MONO}" for line in unit.lines]
            self.out.append(unit)

    def inline(self, children: list[Token], bold: str) -> None:
        """A paragraph, heading or table cell.  It is a command if a suffix says so, or if it is a single code span in a
        text that marks no commands.  After a command at the end of a line, the next one begins a new line."""
        flow, codes, run, before, marks = self.flow(), [bold] if bold else [], False, "", ""
        children = [child for child in children if child.type != "text" or child.content]
        for child in children:
            content = child.content
            if before == "code_inline" and child.type == "text" and (suffix := _SUFFIX.match(content)):
                run, marks = run or bool(_RUN.match(content)), suffix[0]
                content = content[suffix.end() :]
                if not content.strip():
                    flow.glue = flow.glue and not content
                    continue
            elif child.type in ("softbreak", "hardbreak") and run and before == "code_inline" and self.row is None:
                self.emit(flow, "command")
                flow, run, before = self.flow(), False, ""
                continue
            before = child.type
            self.piece(child, content, flow, codes)
        if self.row is not None:
            self.row.append(flow)
            return
        words = [word for row in flow.rows for word in row]
        alone = len(words) == 1 and [c.type for c in children if c.content.strip()][:1] == ["code_inline"]
        command = run or (alone and (bool(marks.strip("{} \t")) or not (marks or self.fences.marked)))
        self._paragraph(flow, command and not bold, heading=bool(bold))

    def _paragraph(self, flow: _LineWrap, command: bool, heading: bool) -> None:
        """A command with text around it is a command only if it fits into one line; on lines of its own it always is."""
        is_code = ("`" if self.plain else MONO).__eq__
        if not command:
            self.emit(flow, "prose", heading=heading)
        elif len(flow.rows) > 1:
            for row in flow.rows:
                part = self.flow()
                part.rows = [row]
                self.emit(part, "command" if any(is_code(word[:1]) for word in row) else "prose")
        elif len(flow.lines()) > 1 and not all(is_code(word[:1]) for word in flow.rows[0]):
            self.emit(flow, "prose", runs=True)
        else:
            self.emit(flow, "command")

    def piece(self, token: Token, content: str, flow: _LineWrap, codes: list[str]) -> None:
        match token.type:
            case "text":
                flow.text(content, "".join(dict.fromkeys(codes)))
                self.link_text += content
            case "code_inline":
                flow.code(content)
            case "softbreak":
                flow.glue = False
            case "hardbreak":
                flow.line_break()
            case "strong_open" | "em_open":
                codes.append(BOLD if token.type == "strong_open" else ITALIC)
            case "strong_close" | "em_close" if codes:
                codes.pop()
            case "link_open":
                self.link, self.link_text = str(token.attrGet("href") or ""), ""
            case "link_close":
                if self.link and self.link.removeprefix("mailto:") != self.link_text:
                    flow.text(f" ({self.link})")
            case "image":
                flow.text(self.picture(content, str(token.attrGet("src") or "")))
            case "html_inline":
                self.inline_tag(content, flow)

    def picture(self, name: str, source: str) -> str:
        """Its name, and where it can be seen: one of the exercise's own is in the handout."""
        where = source if "://" in source else self.around.handout
        return f"[{name or 'picture'}]" + (f" ({where})" if where else "")

    # -- html ------------------------------------------------------------------------------

    def inline_tag(self, tag: str, flow: _LineWrap) -> None:
        found = _TAG.match(tag)
        name = (found[2] or "").lower() if found else ""
        if name == "br":
            flow.line_break()
        elif name in ("details", "summary"):
            self.html(tag)
        elif name == "img" and found:
            flow.text(self.picture(_attribute(found[3], "alt"), _attribute(found[3], "src")))

    def html(self, content: str) -> None:
        """A block of HTML: its text without tags, comments, scripts and styles.  <pre> becomes a fence."""
        flow, at, skip, link = self.flow(), 0, "", ""
        content = _without_comments(content)
        for found in [*_TAG.finditer(content), None]:
            text = _unescaped(content[at : found.start() if found else len(content)])
            if skip == "pre":
                self.pre += text
            elif self.summary is not None:
                self.summary += text
            elif not skip and text.strip():
                flow.text(text)
            if found is None:
                break
            at, name, closing, rest = found.end(), (found[2] or "").lower(), bool(found[1]), found[3] or ""
            if name in ("script", "style", "pre", "details", "summary"):
                self.emit(flow, "prose")
                flow = self.flow()
            if name == "pre" and closing and skip == "pre":
                self.fence(self.pre, self.fences.of_html(self.pre_tag))
            if name in ("script", "style", "pre"):
                skip, self.pre, self.pre_tag = "" if closing else name, "", rest
            elif name in ("details", "summary"):
                self.fold(name, closing)
            elif name in _BREAKS:
                flow.line_break()
            elif name == "a" and closing and link:
                flow.text(f" ({link})")
                link = ""
            elif name == "img":
                flow.text(f" {self.picture(_attribute(rest, 'alt'), _attribute(rest, 'src'))}")
            elif source := _SOURCE.search(rest):
                link = _unescaped(source[1])
        self.emit(flow, "prose")

    def fold(self, name: str, closing: bool) -> None:
        if name == "details":
            if not closing:
                self.folds.append(False)
            elif self.folds:
                self.folds.pop()
            self.summary = None
        elif not closing:
            self.summary = ""
        elif self.summary is not None:
            title, self.summary = " ".join(visible(self.summary).split()), None
            secret = bool(_SECRET.search(title))
            flow = self.flow()
            asks = "!solution" if re.search("solution|answer", title, re.IGNORECASE) else "!hint"
            flow.text("▸ " + (f"{title}: {asks}" if secret else title))
            self.emit(flow, "prose")
            if self.folds:
                self.folds[-1] = secret


def _attribute(attributes: str, name: str) -> str:
    found = re.search(rf"\b{name}=(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", attributes)
    return _unescaped(found[1] or found[2] or found[3] or "") if found else ""


def _without_comments(text: str) -> str:
    out, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        end = text.find("-->", start + 4)
        out.append(text[at:start])
        at = end + 3 if end >= 0 else len(text)
    return "".join(out) + text[at:]


def _unescaped(text: str) -> str:
    from html import unescape  # its table of entities takes half a MiB

    return unescape(text)
