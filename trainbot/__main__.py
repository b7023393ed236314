"""``trainbot`` and ``python -m trainbot``."""

from __future__ import annotations

import errno
import os
import resource  # now: it may not load any more when memory is short
import sys

#: How libraries and the system put that there is no memory, or none for another thread.
REFUSALS = ("failed to map", "annot allocate memory", "can't start new thread")
#: Nearer than this to the limit on its address space, in bytes, a process has met it: the largest library is smaller.
NEAR = 24 << 20
#: Given back to say that there is no memory.  Address space alone: nobody writes to it, and bytes are not cleared one by one.
reserve = [bytes(4 << 20)]


def complain(text: str) -> None:
    """On stderr.  What it quotes may come from anywhere, and a terminal obeys escape sequences."""
    from trainbot.core.text import many_lines

    print(many_lines(text), file=sys.stderr)


def main() -> int:
    """Exit code 0; 1 with one sentence on stderr; 2 for wrong usage or configuration; 3 if another machine has taken over."""
    try:
        return _run()
    except Exception as error:
        reserve.clear()
        if not _memory_is_short(error):
            raise
        sys.stderr.write(f"trainbot: not enough memory{_limit()}\n")
        sys.stderr.flush()
        os._exit(1)  # the interpreter's own end needs memory, and would say that it has none


def _memory_is_short(error: BaseException | None) -> bool:
    """Whether ``error`` is the system's refusal of memory or of a thread, or comes of one that went lost.

    A refusal in the middle of an import may surface as anything: an ImportError, a SystemError, even a SyntaxError.
    """
    while error is not None:
        if isinstance(error, MemoryError) or any(words in str(error) for words in REFUSALS):
            return True
        error = error.__cause__ or error.__context__
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return limit != resource.RLIM_INFINITY and _peak() > limit - NEAR


def _peak() -> int:
    """The most address space that this process had, in bytes: VmPeak of proc_pid_status(5)."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmPeak:"))


def _limit() -> str:
    """The limit on this process's address space (setrlimit(2), RLIMIT_AS), as the end of a sentence."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return ": end other programs, or add memory"
    return f" within the limit of {limit >> 20} MiB: raise it (ulimit -v unlimited, or LimitAS= in systemd's unit)"


def _run() -> int:
    from trainbot.cli import cli
    from trainbot.core.errors import BackendError, ConfigError, Superseded, UserError

    try:
        return cli(standalone_mode=False, prog_name="trainbot") or 0
    except ConfigError as error:
        for problem in error.problems:
            complain(f"trainbot: {problem}")
        return 2
    except (BackendError, UserError) as error:
        complain(f"trainbot: {error}")
        return 3 if isinstance(error, Superseded) else 1
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
        if isinstance(error, OSError) and error.errno != errno.ENOMEM:  # a full disk under what we print
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
