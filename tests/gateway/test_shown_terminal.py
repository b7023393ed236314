"""A console or a screen as the terminal of somebody whose lab it is not gets it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.gateway.learner.shown_terminal import ShownTerminal

ESCAPE = re.compile(  # all that is let through
    rb"\x1b(?:[78DEM]|\[(?:[0-9]{0,8};)?[0-9]{0,8}[Hfr]|\[[0-9]{0,8}[@A-GJ-MPSTXZ`adegsu]|\[[0-9;:]{0,64}m"
    rb"|\[\?(?:25|47|1047|1048|1049)[hl])"
)
PIECES = st.sampled_from(
    [
        b"\x1b",
        b"[",
        b"]",
        b"P",
        b"52;c;",
        b"\x07",
        b"\\",
        b"\x9c",
        b"\xc2\x9b",
        b"?",
        b"25",
        b"h",
        b"m",
        b"c",
        b"0",
        b" ",
        b"q",
        b"T",
        b";",
        b"\xc2\x9d",
        b"\xc2\x90",
        b"\x18",
        b"1" * 70,
        b"2" * 300,
        b" " * 300,
    ]
) | st.binary(max_size=4)


@pytest.mark.parametrize(
    "hostile",
    [
        b"\x1b]52;c;cm0gLXJmIC8=\x07",  # fills the clipboard
        b"\x1b]52;c;cm0gLXJmIC8=\x1b\\",
        b"\x1b]0;title\x07",
        b"\x1bP1;1|17/72656d\x1b\\",  # redefines keys
        b"\x1bP$qm\x1b\\",
        b"\x1b_hidden\x1b\\",
        b"\x1b^hidden\x1b\\",
        b"\x1bXhidden\x1b\\",
        b"\x1b[c",  # asks the terminal who it is
        b"\x1b[>c",
        b"\x1b[6n",
        b"\x1b[21t",
        b"\x1b[5i",  # prints
        b"\x1b[?1000h",
        b"\x1b[?2004l",
        b"\x1b[!p",
        b"\x1b[2 q",
        b"\x1bc",
        b"\x1b(0",
        b"\x1bZ",
        b"\x05",  # asks for the answerback
        b"\x0e",
        b"\x07",
        b"\xc2\x9b6n",  # C1 in UTF-8
        b"\xc2\x9d52;c;cm0gLXJmIC8=\xc2\x9c",
        b"\xc2\x90$qm\x07",
        b"\xc2\x9fhidden\x1b\\",
        b"\x1b[1;2;3;4;5T",  # follows the mouse
        b"\x1b[" + b"1" * 70 + b"m",
        b"\x1b[999999999C",
        b"\x1b[3\x18",  # given up
        b"\x1b\x1b\x1b[c",
        "\u202e".encode(),
    ],
)
def test_what_commands_a_terminal_is_dropped(hostile: bytes) -> None:
    """Whole, also if it comes byte by byte; what stands around it is shown."""
    assert re.fullmatch(rb"beforeafter", ShownTerminal()(b"before" + hostile + b"after"))
    piecewise = ShownTerminal()
    assert re.fullmatch(rb"beforeafter", b"".join(piecewise(bytes([byte])) for byte in b"before" + hostile + b"after"))


def test_what_people_see_stays() -> None:
    """Letters of any script, colours, the cursor, erasing, scrolling, another screen: as they came."""
    seen = (
        "lab login: \x1b[1;31mröt\x1b[0m\r\n\t日本\x1b[2J\x1b[H\x1b[10;5Hx\x1b[K\b\x1b7\x1b8\x1b[?25l\x1b[?1049h\x1b[2;23r"
        "\x1b[38:2::10:20:30me\u0301 \u0645\u06cc\u200c\u062e \U0001f469\u200d\U0001f52c\ufe0f"  # combined, and joined
    ).encode()
    assert ShownTerminal()(seen) == seen
    piecewise = ShownTerminal()
    assert b"".join(piecewise(bytes([byte])) for byte in seen) == seen


@given(st.lists(PIECES, max_size=40))
def test_no_other_sequence_ever_leaves(pieces: list[bytes]) -> None:
    """However it is cut; and the same comes out, however it is cut."""
    shown = ShownTerminal()
    out = b"".join(map(shown, pieces))
    assert ShownTerminal()(b"".join(pieces)) == out
    rest = ESCAPE.sub(b"", out).decode()
    assert all(c in "\t\n\r\b" or not (ord(c) < 32 or 127 <= ord(c) < 160) for c in rest)


@pytest.mark.parametrize("byte", range(0x80, 0xA0))
def test_an_8_bit_control_is_no_control_in_utf_8(byte: int) -> None:
    """Alone it is no character; what comes out is UTF-8, in which no control of 8 bits is."""
    out = ShownTerminal()(b"before" + bytes([byte]) + b"6nafter").decode()
    assert out == "before\ufffd6nafter"


def test_a_string_without_an_end_is_not_kept() -> None:
    """Nor does it hold anything up: the last of a hundred pieces takes no longer than the first."""
    shown = ShownTerminal()
    assert shown(b"\x1b]52;c;") == b""
    for _ in range(100):
        assert shown(b"A" * 65536) == b""
    assert len(shown._begun) < 300
    assert shown(b"\x1b") + shown(b"\\in") == b"in"
