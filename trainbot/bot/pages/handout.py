"""An exercise as one page, to print or to follow alone.  The page loads and runs nothing."""

from __future__ import annotations

from pathlib import Path

from trainbot.adapters.html import render
from trainbot.adapters.markdown.lab_ports import Surroundings
from trainbot.core.files import write_whole
from trainbot.images.publishing.checks import file_name, prepared
from trainbot.images.publishing.published import published
from trainbot.model.config import RecordsConfig
from trainbot.model.exercise import Exercise

NOWHERE = Surroundings()
FOLDER = "handouts"  # inside the folder of [records]


def page(exercise: Exercise, run_yourself: list[str], around: Surroundings = NOWHERE) -> str:
    """The page.  ``run_yourself``: lines that say how to get a machine for the exercise; ``around``: how to reach the
    ports of a lab."""
    from trainbot.adapters.markdown.html import to_html  # not before somebody wants a page

    return render(
        "handout.html", exercise=exercise, run_yourself=run_yourself, to_html=lambda text: to_html(text, around)
    )


def run_yourself(records: RecordsConfig, exercise: Exercise) -> list[str]:
    """How to get a machine for the exercise, as far as it is known here, and what to do on your own machine."""
    image = exercise.image
    if not image:
        return []
    offer = published(records.folder, records.public_url, image)
    home = f", !lab home {image} tells you where the image is" if offer is not None else ""
    lines = [f"In a class: !lab {image} on IRC gives you a machine{home}."]
    if offer is not None and offer.url:
        lines.append(
            f"On your own machine: {offer.url} says how, and has the image (SHA-256 of its SHA256SUMS: {offer.sums})."
        )
    places = [f"step {number}" if number else "the first step" for number in prepared(exercise)]
    if places:
        name = file_name(exercise)
        lines.append(
            f"Before {' and '.join(places)} the class prepares something in its labs. On your own machine, {name} "
            f"does that; it is next to the image. As root, run sh {name} setup N (N is the step's number, 0 before the first)."
        )
    return lines


def write(exercise: Exercise, folder: Path, run_yourself: list[str], around: Surroundings = NOWHERE) -> Path:
    """Writes NAME.html in ``folder``, completely or not at all; OSError if it cannot be written."""
    path = folder / f"{exercise.slug}.html"
    write_whole(path, page(exercise, run_yourself, around))
    return path
