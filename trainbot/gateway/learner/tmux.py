"""tmux in a lab, so that a dropped link loses nothing: what the gateway runs there.  Pure.

One session a lab: whoever logs in with a terminal comes back to the screen that is there.  Where there is no tmux, or it
cannot run, a plain login shell is started instead.  What is shown comes from us, yet never as anything but text: tmux
expands # (tmux(1), FORMATS) and % (strftime(3)), and takes a ; at the end of a word for its own.
"""

from __future__ import annotations

import shlex

from trainbot.core.text import one_line

SESSION = "lab"
PLAIN = "plain"  # the user name that asks for a shell without tmux; plain+IMAGE where it says the image as well
SHOWN = 10_000  # milliseconds that a sentence stays on the screen
LONGEST = 300  # signs of a line

_START = """\
if command -v tmux >/dev/null 2>&1; then
infocmp "$TERM" >/dev/null 2>&1 || { TERM=xterm-256color; export TERM; }
tmux -u new-session -A -s %s%s && exit 0
fi
exec "${SHELL:-/bin/sh}" -l"""
_SET = r" \; ".join(
    (
        "set-option -q status on",
        "set-option -q status-position top",
        "set-option -q status-left-length 300",
        "set-option -q status-right ''",
        "set-option -q status-left %s",
    )
)
_TELL = (
    "tmux list-clients -t =%s -F '#{client_name}' | while read -r c; do tmux display-message -d %d -c \"$c\" %s; done"
)


def read_user(name: str) -> tuple[str, bool]:
    """(what the user name says besides, whether it asks for a shell without tmux)."""
    wanted, _, rest = name.strip().partition("+")
    return (rest, True) if wanted.casefold() == PLAIN else (name, False)


def start(line: str) -> str:
    """The command of a login with a terminal, ``line`` standing above the screen ('': as tmux has it)."""
    above = r" \; " + _SET % _word(line) if line else ""
    return "exec /bin/sh -c " + shlex.quote(_START % (SESSION, above))


def change(line: str) -> str:
    """``line`` stands above the screen from now on."""
    return "exec /bin/sh -c " + shlex.quote(
        f"tmux set-option -q -t ={SESSION}: status-left {_word(line)} >/dev/null 2>&1"
    )


def tell(sentence: str) -> str:
    """``sentence`` is seen for a while by everybody who is at the screen."""
    return "exec /bin/sh -c " + shlex.quote(_TELL % (SESSION, SHOWN, _word(sentence)))


def _word(text: str) -> str:
    """As one word of a shell command that tmux shows as it is."""
    return shlex.quote(" " + one_line(text, LONGEST, "").replace("#", "##").replace("%", "%%") + " ")
