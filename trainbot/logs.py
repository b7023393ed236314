"""Log lines on stderr, as a person reads them."""

from __future__ import annotations

import logging
import sys

LEVELS = (logging.INFO, logging.DEBUG)


def log_to_stderr(verbose: int = 0) -> None:
    """Ours from INFO on (``verbose``: more); libraries only when something is wrong."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("trainbot").setLevel(LEVELS[min(verbose, len(LEVELS) - 1)])
