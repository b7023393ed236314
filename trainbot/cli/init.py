"""trainbot init: makes bot.ini by asking, or from options."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from trainbot.cli.shared import cli, config_option

STDIN = "-"


@cli.command()
@config_option
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: take the default of everything that is not given.")
@click.option("--server", metavar="HOST[:PORT]", help="The IRC server.")
@click.option(
    "--tls/--no-tls", default=None, help="Whether to connect with TLS (default: not to port 6667 or this machine)."
)
@click.option("--tls-fingerprint", metavar="SHA256", default="", help="Trust exactly this certificate of the server.")
@click.option("--nick", help="The bot's nick.")
@click.option("--channel", multiple=True, help="A channel for classes; repeatable.")
@click.option(
    "--organiser", multiple=True, help="Who may do everything: a services account, or NICK!USER@HOST; repeatable."
)
@click.option("--account", help="The bot's services account, or none.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="The file with that account's password, or - to read it from standard input.",
)
@click.option("--zone", multiple=True, help="A time zone or city in which sessions are announced; repeatable.")
@click.option(
    "--host", multiple=True, help="A lab host: root@XENHOST, qemu+ssh://root@KVMHOST/system, here, or none; repeatable."
)
@click.option("--address", metavar="HOST[:PORT]", help="Where learners reach this machine with ssh.")
@click.option("--offline", is_flag=True, help="Do not look at the network.")
def init(
    path: Path,
    yes: bool,
    tls: bool | None,
    tls_fingerprint: str,
    password_file: Path | None,
    offline: bool,
    **given: str | tuple[str, ...] | None,
) -> None:
    """Make a bot.ini: asks what it needs, looks at the network, and says what to type there.

    Nothing that exists is overwritten.  With --yes nothing is asked, for scripts.
    """
    from trainbot.core.errors import ConfigError
    from trainbot.images.build.progress_bar import for_terminal
    from trainbot.ops.init.init import Given
    from trainbot.ops.init.init import init as make

    options = {
        name: value if isinstance(value, str) else ",".join(value)
        for name, value in given.items()
        if value not in (None, ())
    }
    options |= {} if tls is None else {"tls": "yes" if tls else "no"}
    password = ""
    if password_file is not None and str(password_file) == STDIN:
        password, password_file = sys.stdin.readline().strip(), None
        if not password:
            raise ConfigError("--password-file: standard input has no password")
    wanted = Given(options, password, password_file, tls_fingerprint, offline)
    try:
        make(path, wanted, None if yes else _AtTerminal(), click.echo, for_terminal().stage)
    except click.Abort:
        raise ConfigError(
            "the answers ended too early, so nothing was written: to ask nothing, use --yes (trainbot init --help)"
        ) from None


class _AtTerminal:
    """Whoever sits there, or what is piped in."""

    def ask(self, question: str, default: str | None) -> str:
        return str(click.prompt(question, default=default, type=str))

    def secret(self, question: str) -> str:
        return str(click.prompt(question, default="", show_default=False, hide_input=sys.stdin.isatty(), type=str))

    def confirm(self, question: str, default: bool) -> bool:
        return click.confirm(question, default=default)

    def say(self, text: str) -> None:
        click.echo(text)
