"""``trainbot`` and ``python -m trainbot``."""

from __future__ import annotations

import sys


def complain(text: str) -> None:
    """On stderr.  What it quotes may come from anywhere, and a terminal obeys escape sequences."""
    from trainbot.core.text import many_lines

    print(many_lines(text), file=sys.stderr)


def main() -> int:
    """Exit code 0; 1 with one sentence on stderr; 2 for wrong usage or configuration."""
    from trainbot.cli import cli
    from trainbot.core.errors import BackendError, ConfigError, UserError

    try:
        return cli(standalone_mode=False, prog_name="trainbot") or 0
    except ConfigError as error:
        for problem in error.problems:
            complain(f"trainbot: {problem}")
        return 2
    except (BackendError, UserError) as error:
        complain(f"trainbot: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:
        import click

        if isinstance(error, click.ClickException):
            if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
                error.show()
                return error.exit_code
            where = getattr(getattr(error, "ctx", None), "command_path", "trainbot")
            what = error.format_message().rstrip(".")
            complain(f"{where}: {what} (see {where} --help)")
            return error.exit_code
        if isinstance(error, OSError):  # a full disk under what we print, a folder that is not ours
            named = f"{error.filename}: " if error.filename else ""
            complain(f"trainbot: {named}{error.strerror or error}")
            return 1
        if isinstance(error, click.exceptions.Exit):
            return error.exit_code
        if isinstance(error, click.Abort):
            return 130
        raise


if __name__ == "__main__":
    sys.exit(main())
