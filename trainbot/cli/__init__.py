"""Shell commands: only parsing of arguments and printing; heavy imports stay inside the commands."""

from trainbot.cli import classes, copies, courses, database, images, init, labs, records, running
from trainbot.cli.shared import cli

__all__ = ["classes", "cli", "copies", "courses", "database", "images", "init", "labs", "records", "running"]
