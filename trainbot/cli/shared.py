"""What shell commands share: the root command, -c, --json, and requests to the running bot."""

from __future__ import annotations

import json as json_module
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainbot import __version__

if TYPE_CHECKING:
    from trainbot.config import Config

config_option = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=lambda: Path(os.environ.get("TRAINBOT_CONFIG", "bot.ini")),
    help="The bot.ini to use [default: $TRAINBOT_CONFIG, or ./bot.ini if it is not set].",
)
number_type = click.IntRange(1, 2**31 - 1)  # the range of a row number
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def read(path: Path) -> Config:
    from trainbot.config import load

    return load(path)


def show(value: Any, lines: list[str], as_json: bool) -> None:
    click.echo(json_module.dumps(value, ensure_ascii=False) if as_json else "\n".join(lines))


def ask_bot(config: Config, request: dict[str, Any], timeout: float = 10.0) -> dict[str, Any]:
    from trainbot.adapters.control.client import ask
    from trainbot.adapters.state_folder import CONTROL
    from trainbot.core.errors import BackendError

    answer = ask(config.store.state / CONTROL, request, timeout)
    if "error" in answer:
        raise BackendError(str(answer["error"]))
    return answer


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trainbot")
def cli() -> None:
    """Remote hands-on training on IRC: sessions, labs, exercises, questions."""
