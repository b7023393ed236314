import io

from trainbot.images.build.log_progress import LogProgress
from trainbot.images.build.progress_bar import Bar, Lines, for_terminal

MMDEBSTRAP = """\
I: running apt-get update...
Get:1 http://mirror.test/debian bookworm InRelease [151 kB]
I: installing remaining packages inside the chroot...
0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.
Get:1 http://mirror.test/debian bookworm/main amd64 curl amd64 7.88 [316 kB]
Unpacking curl (7.88) ...
Setting up curl (7.88) ...
I: running --customize-hook in shell: sh -c 'one'
I: running --customize-hook in shell: sh -c 'two'
"""


def test_apts_words_become_progress(heard):
    """Stages in words for people; within them three steps a package: fetched, unpacked, set up."""
    follow = LogProgress(heard)
    for line in MMDEBSTRAP.splitlines():
        follow(line)
    assert heard.said == [
        "reading package lists",
        "installing packages",
        "1/6 curl",
        "2/6 curl",
        "3/6 curl",
        "setting up the lab",
    ]


def test_more_lines_than_packages_never_pass_the_end(heard):
    """apt fetches things it did not count; the bar stays at its end."""
    follow = LogProgress(heard)
    for line in ["1 newly installed", *["Setting up curl (7.88) ..."] * 5]:
        follow(line)
    assert heard.said[-1] == "3/3 curl"


def test_a_pipe_gets_plain_lines():
    """In a log a stage is one line and its quarters three, without control characters."""
    out = io.StringIO()
    shown = for_terminal(out)
    assert isinstance(shown, Lines)
    shown.stage("installing packages")
    for at in range(1, 101):
        shown.step(at, 100)
    shown.done("ready")
    assert out.getvalue().splitlines() == [
        "installing packages",
        *(f"installing packages: {at} of 100" for at in (25, 50, 75)),
        "ready",
    ]


def test_a_terminal_gets_a_bar():
    """A terminal sees a bar that reaches its end, and each stage begins a new one."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    shown = for_terminal(out)
    assert isinstance(shown, Bar)
    shown.stage("downloading")
    shown.step(4, 4, "curl")
    shown.stage("installing")
    shown.step(9, 9, "curl")
    shown.done("ready")
    assert "4/4" in out.getvalue() and "9/9" in out.getvalue() and out.getvalue().endswith("ready\n")
