"""What shell commands share: the root command, -c, --json, and requests to the running bot."""

from __future__ import annotations

import json as json_module
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainbot import __version__
from trainbot.core.errors import UserError

if TYPE_CHECKING:
    from trainbot.config import Config

#: Where the commands are; that of ``trainbot run`` is the first.
MODULES = tuple(
    f"trainbot.cli.{name}"
    for name in ("running", "classes", "copies", "courses", "database", "images", "init", "labs", "records")
)
PACKAGED = Path("/etc/trainbot/bot.ini")  # where Debian's administrators look for it


def _usual_config() -> Path:
    """The bot.ini of a command without -c."""
    if named := os.environ.get("TRAINBOT_CONFIG"):
        return Path(named)
    here = Path("bot.ini")
    return PACKAGED if PACKAGED.exists() and not here.exists() else here


config_option = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=_usual_config,
    help=f"The bot.ini to use [default: $TRAINBOT_CONFIG, or ./bot.ini, or {PACKAGED}].",
)
number_type = click.IntRange(1, 2**31 - 1)  # the range of a row number
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def read(path: Path) -> Config:
    """ConfigError, or UserError for root on somebody else's installation: the bot could not write what root makes there."""
    from trainbot.config import load

    config = load(path)
    there = next((folder for folder in (config.store.state, config.store.state.parent) if folder.exists()), None)
    if os.geteuid() == 0 and there is not None and (owner := there.stat().st_uid) != 0:
        raise UserError(
            f"{there} belongs to {_name(owner)}: run this as that user (runuser -u {_name(owner)} -- trainbot …)"
        )
    return config


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def show(value: Any, lines: list[str], as_json: bool) -> None:
    click.echo(json_module.dumps(value, ensure_ascii=False) if as_json else "\n".join(lines))


def ask_bot(config: Config, request: dict[str, Any], timeout: float = 10.0) -> dict[str, Any]:
    """The running bot's answer.  BackendError if it answers with an error; a bot of another version is named then."""
    from trainbot.adapters.control.client import ask
    from trainbot.adapters.state_folder import CONTROL
    from trainbot.core.errors import BackendError

    answer = ask(config.store.state / CONTROL, request, timeout)
    if "error" in answer:
        raise BackendError("; ".join(filter(None, (str(answer["error"]), other_version(config)))))
    return answer


@contextmanager
def understood(config: Config) -> Iterator[None]:
    """Around what reads an answer: if a bot of another version left something out, one sentence says what to restart."""
    from trainbot.core.errors import BackendError

    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        other = other_version(config)
        if not other:
            raise
        raise BackendError(f"the bot's answer has another form than expected: {other}") from error


def other_version(config: Config) -> str:
    """What to do if the running bot is of another version than this program; '' if it is not, or does not answer."""
    from trainbot.adapters.control.client import ask
    from trainbot.adapters.state_folder import CONTROL
    from trainbot.core.errors import BackendError

    try:
        report = ask(config.store.state / CONTROL, {"op": "status"})
    except BackendError:
        return ""
    running = report.get("version", "0.1.0")  # which did not name itself
    if "error" in report or running == __version__:
        return ""
    return f"the running bot is trainbot {running} and this program is {__version__}: restart the bot"


def _show_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from trainbot.shipped import commit

        made_from = commit()  # in a checkout this runs git
        click.echo(f"trainbot {__version__}" + (f" (commit {made_from})" if made_from else ""))
        ctx.exit()


class CommandModules(click.Group):
    """The commands of ``MODULES``, each loaded when one of its commands, or the list of all, is asked for: a bot that runs
    for weeks holds none but its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        for module in MODULES:
            import_module(module)
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for module in MODULES:
            if cmd_name in self.commands:
                break
            import_module(module)
        return super().get_command(ctx, cmd_name)


@click.group(cls=CommandModules, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and the commit, and exit.",
)
def cli() -> None:
    """Remote hands-on training on IRC: sessions, labs, exercises, questions."""
