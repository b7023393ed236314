"""Markdown on IRC: what learners see, and what a line may never hold."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trainbot.adapters.markdown.irc_lines import MONO, NARROWEST, render, render_step
from trainbot.adapters.markdown.lab_ports import Surroundings
from trainbot.adapters.markdown.renderer import Renderer

OURS = {"\x02", "\x11", "\x1d"}

TABLE = [
    ("# A *big* thing", ["\x02A \x1dbig\x1d thing\x02"]),
    ("two\nlines **bold words** here", ["two lines \x02bold words\x02 here"]),
    ("run `id -Z`{{exec}} now", ["run \x11id -Z\x11 now"]),
    ("`ls`{{execute T1 HOST1}}", ["\x11ls\x11"]),
    ("`ls`{{}} `x`{{copy}}.", ["\x11ls\x11 \x11x\x11."]),
    ("```cmd one```{{execute}}", ["\x11cmd one\x11"]),
    ("```\na  b\n  c\n```{{exec interrupt}}\nafter", ["\x11a  b\x11", "\x11  c\x11", "after"]),
    ("~~~bash\nx\n~~~{{copy}}", ["\x11x\x11"]),
    ("`{{ .Values.x }}`", ["\x11{{ .Values.x }}\x11"]),
    ("```\n{{ exec }}\n```", ["\x11{{ exec }}\x11"]),
    ("```\na\n\n\tb\n```", ["\x11a\x11", "\x11    b\x11"]),
    ("- a\n- b\n  - c", ["• a", "• b", "  • c"]),
    ("3. a\n3. b\n\n   more", ["3. a", "4. b", "  more"]),
    ("0. a", ["0. a"]),
    ("| a | b |\n|---|---|\n| 1 | `x y` |", ["\x02a\x02 | \x02b\x02", "1 | \x11x y\x11"]),
    (
        "[text](https://x.y/z) <https://x.y> [https://x.y](https://x.y)",
        ["text (https://x.y/z) https://x.y https://x.y"],
    ),
    ("![shot](https://x.y/a.png) ![local](a.png)", ["[shot] (https://x.y/a.png) [local]"]),
    ("a<br>b<br/>c", ["a", "b", "c"]),
    ("a &amp; b &lt;c&gt; &#13;&#10;&#2;d", ["a & b <c> \ufffdd"]),
    ("<b>fat</b> <script>no()</script>", ["fat no()"]),
    ("<script>no()</script>\n\nyes", ["yes"]),
    ("<!-- no -->\n<div><p>one</p><p>two &amp; three</div>", ["one", "two & three"]),
    ("<details><summary>Tip</summary>\n\nsecret `x`\n\n```\ny\n```\n\n</details>\n\nafter", ["▸ Tip: !hint", "after"]),
    ("<details>\n<summary>The Solution</summary>\nsecret\n</details>\n\nafter", ["▸ The Solution: !solution", "after"]),
    ("<details><summary>Info</summary>\n\nopen\n\n</details>", ["▸ Info", "open"]),
    ("> quoted", ["> quoted"]),
    ("a\x00b\x03\x07c\u202ed\u2028e", ["a\ufffdbcd e"]),
    ("a\r\nb\rc", ["a b c"]),
    ("---", []),
    (
        "`a b`{{execute}}  \n`c d`{{execute HOST1}} \n`e`{{exec}}\n`f`{{copy}}",
        ["\x11a b\x11", "\x11c d\x11", "\x11e\x11", "\x11f\x11"],
    ),
    ("Run `a`{{exec}} first,\nthen rest", ["Run \x11a\x11 first, then rest"]),
    ("`a`{{exec}} `b`{{exec}}`c`{{exec}}", ["\x11a\x11 \x11b\x11\x11c\x11"]),
    (
        '<pre class="file" data-target="x">kind: Pod\n\n  a: &lt;b&gt;\n</pre>',
        ["\x11kind: Pod\x11", "\x11  a: <b>\x11"],
    ),
    (
        '<p>see <a href="https://x.y/z">this</a> and <img src="https://x.y/a.png"></p>',
        ["see this (https://x.y/z) and [picture] (https://x.y/a.png)"],
    ),
    ("```\ncat <<<x\ny\n```", ["\x11cat <<<x\x11", "\x11y\x11"]),
    ("`a`{{execute|T1}} b", ["\x11a\x11 b"]),
    ("", []),
]


@pytest.mark.parametrize(("markdown", "lines"), TABLE)
def test_markdown_becomes_these_lines(markdown: str, lines: list[str]) -> None:
    """Each kind of markdown has one look on IRC."""
    assert render(markdown) == lines


def test_plain_has_no_codes() -> None:
    """The terminal and the minutes get the same without control codes, code still marked."""
    assert render("**a** `b c`\n```\nd  e\n```", plain=True) == ["a `b c`", "    d  e"]


def test_prose_wraps_between_words_and_commands_do_not() -> None:
    """A long paragraph becomes several lines; a long command stays one."""
    command = "echo " + "x y " * 200 + "end"
    lines = render(f"{'word ' * 100}\n\n`{command}`\n\n```\n{command}\n```", 100)
    assert lines.count(f"{MONO}{command}{MONO}") == 2
    assert all(len(line) <= 100 for line in lines[:-2])
    assert " ".join(lines[:-2]).split() == ["word"] * 100


TALL = "one\n\ntwo\n\n```\nc1\nc2 \\\n  more\ncat <<EOF\nx\nEOF\n```\n\nthree\n\n```text\nout\n```"
REST = ["    c1", "    c2 \\", "      more", "    cat <<EOF", "    x", "    EOF", "three", "    out"]


@pytest.mark.parametrize(
    ("limit", "lines"),
    [
        (0, ["T", "one", "two", *REST]),
        (11, ["T", "one", "two", *REST]),
        (10, ["T", "one two", *REST]),
        (8, ["T", "    c1", "    c2 \\", "      more", "    cat <<EOF", "    x", "    EOF", "(4 more)"]),
        (7, ["T", "one", "two", "    c1", "    c2 \\", "      more", "(5 more)"]),
        (6, ["T", "one two", "    c1", "    c2 \\", "      more", "(5 more)"]),
        (4, ["T", "one two", "    c1", "(7 more)"]),
        (3, ["T", "    c1", "(9 more)"]),
        (1, ["T", "(10 more)"]),
    ],
)
def test_a_long_step_joins_paragraphs_and_never_shows_half_a_command(limit: int, lines: list[str]) -> None:
    """Short paragraphs share a line before anything goes; commands go last, from the end, each as a whole."""
    assert render_step("T", TALL, limit, "({n} more)", plain=True) == lines


MARKED = [
    ("an unmarked block beside a marked one", "```\nls\n```{{exec}}\n\n```\nout\n```", ["ls"], ["out"]),
    ("beside bash", "```bash\nls\n```\n\n```\nout\n```", ["ls"], ["out"]),
    ("beside inline code", "`ls`{{execute T1}}\n\n```\nout\n```", ["ls"], ["out"]),
    ("indented", "`ls`{{exec}}\n\n    out", ["ls"], ["out"]),
    ("marked as no command", "```\nout\n```{{}}", [], ["out"]),
    ("to be copied", "```yaml\na: b\n```{{copy}}", ["a: b"], []),
    ("a file", "```yaml\na: b\n```", [], ["a: b"]),
    ("a file in HTML", '<pre class="file" data-target="x">a: b</pre>', [], ["a: b"]),
    ("HTML that says nothing", "<pre>ls</pre>", ["ls"], []),
    ("nothing is marked", "```\nls\n```", ["ls"], []),
    ("another shell", "```sh\nls\n```\n~~~zsh\npwd\n~~~", ["ls", "pwd"], []),
    ("code alone in a paragraph", "`ls`{{exec}}\n\n`/etc/x`", ["ls"], []),
    ("a session", "```console\n$ ls \\\n  -l\ntotal 3\n# id\n```", ["ls \\", "  -l", "id"], ["total 3"]),
    ("prompts", "```\n$ ls\nout\n[root@lab ~]# id\nuid=0\n```", ["ls", "id"], ["out", "uid=0"]),
    ("a comment is no prompt", "```\n# say it\nls\n```", ["# say it", "ls"], []),
]


@pytest.mark.parametrize(("what", "markdown", "commands", "output"), MARKED, ids=[row[0] for row in MARKED])
def test_output_is_no_command(what: str, markdown: str, commands: list[str], output: list[str]) -> None:
    """Who marks commands means the other blocks to be looked at; prompts are not typed."""
    units = Renderer(380, True, Surroundings()).page(markdown, "")
    for kind, lines in (("command", commands), ("output", output)):
        found = [line for unit in units if unit.kind == kind for line in unit.lines]
        assert [line[4:] if line.startswith("    ") else line.strip("`") for line in found] == lines


LONG = (
    "## Filters\n\nFilters were made long ago by somebody who liked them. They are everywhere.\n\n"
    "You need to be root. Nobody else may.\n\nFirst, list them:\n\n```\nnft list ruleset\n```\n\nor:\n\n"
    "```\niptables -S\n```\n\nThe list is long. " + "It has many words. " * 60 + "Compare both lists."
)


def test_what_to_do_comes_before_explanations() -> None:
    """Commands with the "or" between them, then the sentences that ask for something, wherever they stand."""
    assert render_step("T", LONG, 6, "({n} more)", 100, plain=True) == [
        "T",
        "You need to be root. … First, list them:",
        "    nft list ruleset",
        "or:",
        "    iptables -S",
        "(19 more)",
    ]
    shown = render_step("T", LONG, 8, "({n} more)", 100, plain=True)
    assert shown[-2].endswith("… Compare both lists.")


def test_short_items_share_a_line() -> None:
    """Nothing is left out for want of lines that could be filled."""
    items = "".join(f"- item {n}\n" for n in range(12))
    assert render_step("T", f"Look at:\n\n{items}\n```\nls\n```", 3, "({n} more)", plain=True) == [
        "T",
        "Look at: " + " ".join(f"• item {n}" for n in range(12)),
        "    ls",
    ]


def test_a_cut_paragraph_says_so() -> None:
    """A paragraph of which only the beginning is shown ends in an ellipsis."""
    lines = render_step("T", "word " * 60, 3, "({n} more)", 100)
    assert lines[1].endswith("word …") and lines[2] == "(3 more)"


def test_a_heading_that_repeats_the_title_is_not_said_twice() -> None:
    """Public scenarios begin each text with the step's title."""
    assert render_step("Step 1 of 3: Start", "# Start\n\ngo") == ["\x02Step 1 of 3: Start\x02", "go"]


markdowns = st.text(
    st.one_of(
        st.sampled_from("`*_#>-|\n\n  []()<>!{}~\\&;:.1\"'\r\t\0\x02\x11é漢"), st.characters(max_codepoint=0x2FFF)
    ),
    max_size=300,
) | st.lists(
    st.sampled_from(
        [
            "```",
            "~~~",
            "`a b`",
            "{{exec}}",
            "{{execute T1}}",
            "<details>",
            "</details>",
            "<summary>",
            "</summary>",
            "Tip",
            "\n",
            "\n\n",
            "<br>",
            "| a | b |",
            "|---|---|",
            "- ",
            "1. ",
            "> ",
            "**",
            "_",
            "[x](y)",
            "![x](y)",
            "&#10;",
            "&#13;",
            "&#0;",
            "<!--",
            "-->",
            "# ",
            "x" * 200,
            "漢字" * 80,
            "    ",
            "<script>",
            "<a href='x'>",
        ]
    ),
    max_size=40,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(markdowns, st.text(max_size=300), st.integers(0, 12), st.integers(0, 500), st.booleans())
@example("`" + "漢" * 300 + "`", "t", 6, 100, False)
@example("\ud800", "\ud800", 6, 100, False)
def test_no_markdown_makes_a_bad_line(markdown: str, title: str, limit: int, width: int, plain: bool) -> None:
    """Never a control character that is not ours, never empty, never too wide but for a command, never too many."""
    lines = render_step(title, markdown, limit, "({n} more)", width, plain)
    for line in lines:
        assert line.strip()
        assert {c for c in line if unicodedata.category(c) in ("Cc", "Cs")} <= (set() if plain else OURS)
        if len(line.encode()) > max(width, NARROWEST):
            assert MONO in line or plain
    assert limit == 0 or len(lines) <= max(limit, 2)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=500).filter(
            lambda s: "`" not in s and "~" not in s
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(100, 400),
)
def test_every_fence_line_comes_out_as_it_went_in(commands: list[str], width: int) -> None:
    """What a learner copies is what the author wrote, byte for byte."""
    assert render("```\n" + "\n".join(commands) + "\n```{{exec}}", width) == [f"{MONO}{c}{MONO}" for c in commands]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20000,
        "*a " * 20000,
        "<!--" * 16000,
        "<a " * 20000,
        "> " * 20000,
        "`" * 40001,
        "- " * 20000,
        "<details><summary>" * 3000,
        "`x`{{" + "HOST" * 16000,
        "```\nx\n```{{" + "HOST" * 16000,
        "<div " + "a" * 65000,
        "<div>" + "<p " * 20000,
        "<div>" + "&#" * 30000,
        "```\n" + "<< " * 20000,
        "**a**b" * 10000,
        "<div" + "a" * 65000,
        "<!" * 30000,
        "<div>\n" + "<!" * 30000,
        "[x](y) " * 9000,
        "|a" * 16000 + "\n" + "|-" * 16000,
        "| a |\n|---|\n" + "| x |\n" * 9000,
        "1. " * 20000,
        "a\n" * 30000,
    ],
)
def test_hostile_text_takes_no_time(text: str) -> None:
    """64 KiB, the most a text may have, of what parsers hate is shown within seconds, without a traceback."""
    began = time.process_time()
    render_step("T", text, 6, "{n}")
    assert time.process_time() - began < 10
