"""The commands that run tmux in a lab, so that a dropped connection loses nothing.  Pure.

There is one session per lab: a login with a terminal returns to the existing screen.  If tmux is missing or fails, a
plain login shell is started instead.  sshd shows the lab's /etc/motd only where it starts the shell itself, so it is shown
here.  Our text is always shown literally: tmux expands # (tmux(1), FORMATS) and %
(strftime(3)), and treats a ; at the end of a word as a separator.
"""

from __future__ import annotations

import shlex

from trainbot.core.text import one_line

SESSION = "lab"
PLAIN = "plain"  # the user name for a shell without tmux; plain+IMAGE to choose the image as well
VISIT = "desk"  # the user name for a visit, desk+WORD
SHOWN = 10_000  # milliseconds that a message stays on the screen
LONGEST = 300  # characters of a line

_SHELL = 'cat /etc/motd 2>/dev/null; exec "${SHELL:-/bin/sh}" -l'
_START = f"""\
if command -v tmux >/dev/null 2>&1; then
infocmp "$TERM" >/dev/null 2>&1 || {{ TERM=xterm-256color; export TERM; }}
tmux -u new-session -A -s %s '{_SHELL}'%s && exit 0
else
echo 'This lab has no tmux: what runs in this shell ends when the connection drops.'
fi
{_SHELL}"""
_VISIT = """\
command -v tmux >/dev/null 2>&1 || { echo 'This lab has no tmux, so its terminal cannot be shared.'; exit 1; }
infocmp "$TERM" >/dev/null 2>&1 || { TERM=xterm-256color; export TERM; }
case "$(tmux -V)" in
*\\ 3.[2-9]*|*\\ 3.1[0-9]*|*\\ [4-9].*) exec tmux -u new-session -A -s %s -f ignore-size%s ;;
esac
exec tmux -u new-session -A -s %s%s"""
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
    """(the rest of the user name, whether it asks for a shell without tmux)."""
    wanted, _, rest = name.strip().partition("+")
    return (rest, True) if wanted.casefold() == PLAIN else (name, False)


def visit_word(name: str) -> str | None:
    """The word of a visit, with which somebody comes to a lab that is not theirs; None if that is no name of a visit."""
    wanted, _, word = name.strip().partition("+")
    return word.casefold() if wanted.casefold() == VISIT else None


def visit(line: str) -> str:
    """The command for a guest: the same screen, whose size stays that of the person who has the lab, while they are there
    (tmux 3.2 or newer), and never a shell beside it."""
    above = r" \; " + _SET % _word(line) if line else ""
    return "exec /bin/sh -c " + shlex.quote(_VISIT % (SESSION, above, SESSION, above))


def start(line: str) -> str:
    """The command for a login with a terminal; ``line`` is the status line ('': tmux's own)."""
    above = r" \; " + _SET % _word(line) if line else ""
    return "exec /bin/sh -c " + shlex.quote(_START % (SESSION, above))


def change(line: str) -> str:
    """The command that changes the status line to ``line``."""
    return "exec /bin/sh -c " + shlex.quote(
        f"tmux set-option -q -t ={SESSION}: status-left {_word(line)} >/dev/null 2>&1"
    )


def tell(sentence: str) -> str:
    """The command that shows ``sentence`` on all screens for a while."""
    return "exec /bin/sh -c " + shlex.quote(_TELL % (SESSION, SHOWN, _word(sentence)))


def _word(text: str) -> str:
    """As one word of a shell command that tmux shows as it is."""
    return shlex.quote(" " + one_line(text, LONGEST, "").replace("#", "##").replace("%", "%%") + " ")
