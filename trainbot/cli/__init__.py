"""Commands in a shell.  Arguments are read here and nothing else is done; heavy imports stay inside the commands."""

from trainbot.cli import classes, database, images, labs, records, running
from trainbot.cli.shared import cli

__all__ = ["classes", "cli", "database", "images", "labs", "records", "running"]
