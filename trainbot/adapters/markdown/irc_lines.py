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

from trainbot.adapters.markdown.excerpt import MONO, Excerpt
from trainbot.adapters.markdown.lab_ports import Surroundings
from trainbot.adapters.markdown.renderer import BOLD, Renderer
from trainbot.core.text import visible

__all__ = ["BOLD", "MONO", "NARROWEST", "render", "render_step"]

NOWHERE = Surroundings()
NARROWEST = 100  # bytes; a smaller width counts as this


def render_step(
    title_line: str,
    markdown: str,
    limit: int = 6,
    more: str = "…",
    width_bytes: int = 380,
    plain: bool = False,
    around: Surroundings = NOWHERE,
) -> list[str]:
    """``title_line`` in bold and the text below it, in at most ``limit`` lines (at least 2; 0 means no limit).

    If it is too long, short paragraphs share lines; then the commands are shown first, each of them as a whole, then the
    sentences that say what to do, then the others, then output.  The last line is then ``more``, with ``{n}`` (or
    ``{lines}``: "12 more lines") replaced by the number of lines of the whole text that are left out.  ``around``: how the
    learner reaches the lab's ports, and where pictures are.
    ``plain``: no formatting codes, code spans in backticks, fences indented by four spaces.
    """
    width = max(width_bytes, NARROWEST)
    title = _fit(" ".join(visible(title_line).split()), width - 2)
    units = Renderer(width, plain, around).page(markdown, title)
    head = [title if plain else f"{BOLD}{title}{BOLD}"] if title else []
    whole = [*head, *(line for unit in units for line in unit.lines)]
    if limit <= 0 or len(whole) <= limit:
        return whole
    text, room = Excerpt(units, width), max(limit, 2) - len(head)
    if (joined := text.whole(room)) is not None:
        return head + joined
    shown, left = text.choice(room - 1)
    lines = "1 more line" if left == 1 else f"{left} more lines"
    last = " ".join(visible(more.replace("{n}", str(left)).replace("{lines}", lines)).split())
    return head + shown + ([_fit(last, width)] if last else [])


def render(markdown: str, width_bytes: int = 380, plain: bool = False) -> list[str]:
    """All of ``markdown``, without a title: for hints, solutions, minutes, the terminal."""
    return render_step("", markdown, 0, "", width_bytes, plain)


def _fit(text: str, width: int) -> str:
    """``text`` cut to ``width`` bytes, never within a character."""
    data = text.encode()
    return text if len(data) <= width else data[: width - 3].decode(errors="ignore") + "…"
