"""Texts of exercises for IRC, and their pages (trainbot.model.ports.Pages)."""

from __future__ import annotations

import logging

from trainbot.adapters.markdown.irc_lines import render_step
from trainbot.adapters.markdown.lab_ports import Surroundings
from trainbot.bot.pages import handout
from trainbot.images.publishing.published import published
from trainbot.model.config import RecordsConfig
from trainbot.model.exercise import Exercise
from trainbot.model.lab_image import ImageOffer
from trainbot.model.ports import Access

log = logging.getLogger(__name__)


class WrittenPages:
    """``access``: how people log in to labs; None if nobody does."""

    def __init__(self, config: RecordsConfig, access: Access | None = None) -> None:
        self.config, self.access = config, access

    def step_lines(self, exercise: Exercise, title_line: str, markdown: str, limit: int, more: str) -> list[str]:
        return render_step(title_line, markdown, limit=limit, more=more, around=self._around(exercise))

    def _around(self, exercise: Exercise) -> Surroundings:
        handout_url = self.handout_url(exercise)
        if self.access is None or not exercise.image:
            return Surroundings(handout_url)
        return Surroundings(handout_url, f"{exercise.image}@{self.access.public_address}", self.access.port)

    def handout_url(self, exercise: Exercise) -> str:
        url = self.config.public_url
        return f"{url.rstrip('/')}/{handout.FOLDER}/{exercise.slug}.html" if url else ""

    def write_handout(self, exercise: Exercise) -> str:
        """Writes the handout again, so that it matches what the class does; returns its address, or the command that
        writes it."""
        command = f"trainbot exercise handout {exercise.slug}"
        try:
            handout.write(
                exercise,
                self.config.folder / handout.FOLDER,
                handout.run_yourself(self.config, exercise),
                self._around(exercise),
            )
        except OSError as error:
            log.error("cannot write the handout of %s: %s", exercise.slug, error)
            return command
        return self.handout_url(exercise) or command

    def offer(self, image: str) -> ImageOffer | None:
        return published(self.config.folder, self.config.public_url, image)
