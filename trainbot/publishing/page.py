"""The how-to of a published image: one HTML file that needs nothing else.  Pure; whatever comes in is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from trainbot.hosts.model import GuestType
from trainbot.imaging.image import Image
from trainbot.publishing import configurations as how
from trainbot.publishing.place import SUMS

_STYLE = """body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:1.5rem auto;padding:0 1rem}
pre{background:#f2f2f2;border:1px solid #ccc;padding:.6rem .8rem;overflow-x:auto}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}
@media(prefers-color-scheme:dark){body{background:#16181c;color:#e6e6e6}pre{background:#23262c;border-color:#444}
a{color:#8ab4f8}}
@media print{body{max-width:none;margin:0}pre{white-space:pre-wrap}}"""


def how_to(image: Image, guests: Sequence[GuestType], checks: Sequence[str], url: str) -> str:
    """``guests``: what its kernel can be on Xen; ``checks``: names of the check scripts; ``url``: where this page is,
    ending in /, or '' where that is not known."""
    name, there = image.name, how.home(image)
    base = url or "THE-ADDRESS-OF-THIS-PAGE/"
    small = [how.xl_name(image, guests[0]), f"{name}.xml", how.qemu_name(image)] if guests else [how.qemu_name(image)]
    files = [f"{name}.img.zst", "vmlinuz", "initrd", SUMS, *small]
    sections = [
        _head(name),
        _section("Get it", "<p>The disk is packed with zstd (Debian, Fedora: package <code>zstd</code>). Compare "
                 "what <code>sha256sum SHA256SUMS</code> says with the line that the bot gave you on IRC "
                 f"(<code>!lab home {_e(name)}</code>): the rest is checked against that file.</p>",
                 f"sudo install -d -o \"$USER\" {there} && cd {there}\n"
                 f"for f in {' '.join(files)}; do curl -fO --retry 3 -C - {base}$f; done\n"
                 f"sha256sum {SUMS}\nsha256sum -c --ignore-missing {SUMS} && zstd -d {name}.img.zst"),
        *([_xen(image, guests)] if guests else []),
        _section("On any Linux, with QEMU", "<p>Nothing to set up; with KVM it is fast, without it takes a minute or "
                 "two to boot. The files may lie in any folder. <kbd>Ctrl-A X</kbd> ends it.</p>",
                 f"cd {there} && sh {how.qemu_name(image)}"),
        _section("Get in", "<p>The console logs root in, without a password: whoever has the console has the machine. "
                 "ssh lets nobody in until you put a key of your own into it, at the console:</p>",
                 "echo 'ssh-ed25519 AAAA… you' > ~/.ssh/authorized_keys", f"<p>Then <code>ssh -p {how.SSH_PORT} "
                 "root@localhost</code> with QEMU, or <code>ssh root@ADDRESS</code> on Xen. It made its ssh host key "
                 "itself when it was first started. Nobody else has a key to it, the bot neither.</p>"),
        _taking_part(checks, base),
        _section("Begin anew", "<p>The disk keeps what you do. As it was:</p>",
                 f"cd {there} && zstd -df {name}.img.zst"),
    ]
    return ('<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{_e(name)} at home</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"{''.join(sections)}</main>\n</body>\n</html>\n")


def _head(name: str) -> str:
    return (f"<h1>The {_e(name)} lab on your own machine</h1>\n<p>The machine that the class works on, for a Xen host "
            "or for any Linux with QEMU. You are a full member of the class with it: <code>!done</code>, "
            "<code>!stuck</code> and <code>!ask</code> count as everybody's.</p>\n")


def _xen(image: Image, guests: Sequence[GuestType]) -> str:
    there, first = how.home(image), guests[0]
    lines = f"cd {there}\nsudo xl create -c {how.xl_name(image, first)}"
    text = (f"<p>As {_e(str(first).upper())}. The configuration has the bridge <code>xenbr0</code> in it: put yours "
            "there, or take the line out. <kbd>Ctrl-]</kbd> leaves the console, <code>xl console</code> goes back.</p>")
    after = f"<p>With libvirt: <code>virsh -c xen:///system create --console {_e(image.name)}.xml</code></p>"
    if len(guests) > 1:
        others = ", ".join(f"<a href=\"{_e(how.xl_name(image, guest))}\">{_e(how.xl_name(image, guest))}</a>"
                           for guest in guests[1:])
        after += f"<p>Where PVH is not possible (a CPU without hardware virtualisation): {others}.</p>"
    return _section("On Xen", text, lines, after)


def _taking_part(checks: Sequence[str], base: str) -> str:
    text = ("<p>Say <code>!lab home</code> to the bot, once. The bot never logs in to your machine: you check a step "
            "yourself, and say <code>!done</code>.</p>")
    if not checks:
        return _section("Take part", text)
    lines = "\n".join(f"curl -fO {base}{name}" for name in checks) + f"\nsh {checks[0]} 1"
    return _section("Take part", text + "<p>The checks are the class's own scripts, to be read before you run them; "
                    "the number is the step's. In your machine (the first lines of the script say whether a step has to be set "
                    "up, too):</p>", lines)


def _section(title: str, text: str, lines: str = "", after: str = "") -> str:
    shown = f"<pre><code>{_e(lines)}</code></pre>\n" if lines else ""
    return f"<section>\n<h2>{_e(title)}</h2>\n{text}\n{shown}{after}\n</section>\n"


def _e(text: str) -> str:
    return escape(text, quote=True)
