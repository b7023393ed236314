"""Converts Markdown (CommonMark and tables) to IRC lines.  Pure: no time, no network.

No line contains CR, LF, NUL or any control character except the formatting ones added here
(modern.ircdocs.horse/formatting: bold 0x02, italics 0x1d, monospace 0x11).  No line is longer than ``width_bytes`` of
UTF-8 unless it contains a single command that is: a line of a fence, or a code span, is shown exactly as it is to be
typed, so it is never cut, wrapped or joined here (the outbox splits it if it must).  Blank lines in a fence are left
out, because IRC has none, and tabs become four spaces.

Katacoda's suffixes (``{{exec}}``, ``{{execute T1}}``, ``{{copy}}`` …) are removed.  A hint or solution that an exercise
hides in <details> is only mentioned, not shown; other <details> are opened.
"""

from __future__ import annotations

from trainbot.adapters.markdown.renderer import BOLD, MONO, RenderedLine, Renderer
from trainbot.core.text import visible

__all__ = ["BOLD", "MONO", "NARROWEST", "render", "render_step"]

NARROWEST = 100  # bytes; a smaller width counts as this


def render_step(
    title_line: str, markdown: str, limit: int = 6, more: str = "…", width_bytes: int = 380, plain: bool = False
) -> list[str]:
    """``title_line`` in bold and the text below it, in at most ``limit`` lines (at least 2; 0 means no limit).

    If it is too long, prose is left out first (from its end), then output, then commands, each of them as a whole;
    the last line is then ``more`` with ``{n}`` replaced by the number of lines left out.
    ``plain``: no formatting codes, code spans in backticks, fences indented by four spaces.
    """
    width = max(width_bytes, NARROWEST)
    title = _fit(" ".join(visible(title_line).split()), width - 2)
    lines = Renderer(width, plain).page(markdown, title)
    if title:
        lines.insert(0, RenderedLine(title if plain else f"{BOLD}{title}{BOLD}", "title", 0))
    return _shorten(lines, limit, more, width)


def render(markdown: str, width_bytes: int = 380, plain: bool = False) -> list[str]:
    """All of ``markdown``, without a title: for hints, solutions, minutes, the terminal."""
    return render_step("", markdown, 0, "", width_bytes, plain)


def _fit(text: str, width: int) -> str:
    """``text`` cut to ``width`` bytes, never within a character."""
    data = text.encode()
    return text if len(data) <= width else data[: width - 3].decode(errors="ignore") + "…"


def _shorten(lines: list[RenderedLine], limit: int, more: str, width: int) -> list[str]:
    if limit <= 0 or len(lines) <= limit:
        return [line.text for line in lines]
    keep: set[int] = set()
    room, end = max(limit, 2) - 1, len(lines)
    for kinds in (("title",), ("command",), ("prose",), ("output",)):
        for unit in dict.fromkeys(line.unit for line in lines if line.kind in kinds):
            indexes = [n for n, line in enumerate(lines) if line.unit == unit and n < end]
            free = room - len(keep)
            if len(indexes) > free and kinds == ("command",):
                end = indexes[0]  # leave out all later commands too, and the text about them
                break
            if len(indexes) <= free or kinds == ("prose",):
                keep.update(indexes[: max(free, 0)])
    shown = []
    for n in sorted(keep):
        text, after = lines[n].text, lines[n + 1 : n + 2]
        cut = after and after[0].unit == lines[n].unit and n + 1 not in keep
        shown.append(text + " …" if cut and len(text.encode()) + 4 <= width else text)
    last = " ".join(visible(more.replace("{n}", str(len(lines) - len(keep)))).split())
    return shown + ([_fit(last, width)] if last else [])
