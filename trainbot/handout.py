"""An exercise as one page to print or to follow alone: nothing is loaded, nothing runs, every value is escaped."""

from __future__ import annotations

import html
from pathlib import Path

from trainbot.chat.html import to_html
from trainbot.config.model import RecordsConfig
from trainbot.exercises.model import Exercise, Page, Step
from trainbot.publishing.place import published
from trainbot.records.archive import write_whole

FOLDER = "handouts"  # below the folder of [records]

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #111; background: #fff }}
pre, code {{ font-family: ui-monospace, monospace; font-size: .92em; background: #f2f2f2 }}
pre {{ padding: .6rem .8rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid #888 }}
h2 {{ margin-top: 2.2rem; border-bottom: 1px solid #bbb }}
table {{ border-collapse: collapse }} th, td {{ border: 1px solid #bbb; padding: .2rem .5rem; text-align: left }}
details {{ margin: .6rem 0 }} summary {{ cursor: pointer }}
@media print {{ body {{ margin: 0; max-width: none; font-size: 10.5pt }} pre, table, details {{ break-inside: avoid }}
  h2, h3 {{ break-after: avoid }} a {{ color: inherit }} }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def page(exercise: Exercise, run_yourself: list[str]) -> str:
    """``run_yourself``: lines that say how to have the machine on which it is done."""
    parts = [f"<p>{html.escape(exercise.description)}</p>"] if exercise.description else []
    if run_yourself:
        parts.append("<h2>Your machine</h2>\n<ul>\n" + "\n".join(f"<li>{_linked(line)}</li>" for line in run_yourself) + "\n</ul>")
    parts += [_page(exercise.intro)] if exercise.intro else []
    parts += [_step(step, len(exercise.steps)) for step in exercise.steps]
    parts += [_page(exercise.finish)] if exercise.finish else []
    helped = [_help(step) for step in exercise.steps if step.hints or step.solution]
    parts += ["<h2>Hints and solutions</h2>", *helped] if helped else []
    return _PAGE.format(title=html.escape(exercise.title), body="\n".join(parts))


def run_yourself(records: RecordsConfig, image: str) -> list[str]:
    """How to have a machine of that image, as far as that is known here."""
    if not image:
        return []
    lines = [f"In a class: !lab {image} on IRC gives you one, !lab home {image} says where the image is."]
    offer = published(records.folder, records.public_url, image)
    if offer is not None and offer.url:
        lines.append(f"On a machine of your own: {offer.url} says how, and has the image (sha256 of its SHA256SUMS: {offer.sums}).")
    return lines


def write(exercise: Exercise, folder: Path, run_yourself: list[str]) -> Path:
    """NAME.html in ``folder``, whole or as it was; OSError where it cannot be written."""
    path = folder / f"{exercise.slug}.html"
    write_whole(path, page(exercise, run_yourself))
    return path


def _page(part: Page) -> str:
    return f"<h2>{html.escape(part.title)}</h2>\n{to_html(part.text)}"


def _step(step: Step, steps: int) -> str:
    return f"<h2>Step {step.number} of {steps}: {html.escape(step.title)}</h2>\n{to_html(step.text)}"


def _help(step: Step) -> str:
    """At the end of the page, so that nobody reads it by accident, and paper has it."""
    parts = [f"<h3>Step {step.number}: {html.escape(step.title)}</h3>"]
    parts += ["<ol>", *(f"<li>{to_html(hint)}</li>" for hint in step.hints), "</ol>"] if step.hints else []
    return "\n".join([*parts, f"<p><strong>Solution</strong></p>\n{to_html(step.solution)}" if step.solution else ""])


def _linked(line: str) -> str:
    """A line of text; what begins with https:// is a link."""
    return " ".join(f'<a href="{html.escape(word)}">{html.escape(word)}</a>' if word.startswith(("https://", "http://"))
                    else html.escape(word) for word in line.split())
