"""Shell commands: only parsing of arguments and printing; heavy imports stay inside the commands."""

from trainbot.cli.shared import cli

__all__ = ["cli"]
