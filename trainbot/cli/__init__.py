"""Commands in a shell.  Arguments are read here and nothing else is done; heavy imports stay inside the commands."""

from trainbot.cli import classes, images, labs, records, running
from trainbot.cli.shared import cli

__all__ = ["classes", "cli", "images", "labs", "records", "running"]
