"""What ``trainbot init`` has to know, read as people write it.  Pure; ValueError is one sentence that says what to type."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from trainbot.core.access import parse_rule
from trainbot.core.errors import UserError
from trainbot.core.text import one_line
from trainbot.core.zones import resolve_zone

TLS_PORT, PLAIN_PORT, SSH_PORT = 6697, 6667, 2222
NONE = ("none", "no", "-")
HERE = ("here", "demo")
XEN_LABS = 15
_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?")
_IPV6 = re.compile(r"[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")


@dataclass(frozen=True, slots=True)
class Host:
    """A [host.NAME] section.  ``here``: this machine, through libvirt's embedded QEMU driver."""

    name: str
    uri: str
    here: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """``server``, ``port``: of IRC; ``account``: the bot's, '' for none; ``organisers``: as rules of [roles];
    ``address``, ``ssh_port``: where learners reach the gateway."""

    server: str = "irc.libera.chat"
    port: int = TLS_PORT
    tls: bool = True
    fingerprint: str = ""
    nick: str = "trainbot"
    channels: tuple[str, ...] = ()
    organisers: tuple[str, ...] = ()
    account: str = ""
    zones: tuple[str, ...] = ("UTC",)
    hosts: tuple[Host, ...] = ()
    address: str = ""
    ssh_port: int = SSH_PORT


def plain(text: str) -> str:
    """A value that stands in bot.ini as it is: ``;`` begins a comment there."""
    text = text.strip()
    if not text.isprintable() or re.search(r"(^|\s);", text):
        raise ValueError(
            f'"{one_line(text, 40)}" contains a control character, or a ; that begins a comment: leave it out'
        )
    return text


def read_server(text: str) -> tuple[str, int | None]:
    """``irc.libera.chat``, ``irc.example.org:6697``, ``[2001:db8::1]:6667`` as (address, port or None)."""
    text = re.sub(r"^ircs?://", "", plain(text)).rstrip("/")
    name, port = _address(text)
    if not name:
        raise ValueError(
            f'"{text[:60]}" is not a server: type its name, such as irc.libera.chat or irc.example.org:6697'
        )
    return name, port


def read_address(text: str) -> tuple[str, int | None]:
    """``lab.example.org`` or ``lab.example.org:2222`` as (address, port or None)."""
    text = plain(text)
    name, port = _address(text)
    if not name:
        raise ValueError(
            f'"{text[:60]}" is not an address: type a host name, such as lab.example.org or lab.example.org:2222'
        )
    return name, port


def _address(text: str) -> tuple[str, int | None]:
    """('', None) if it is none."""
    parts = re.fullmatch(r"(?:\[([^\]]+)\]|([^\[\]:/@\s]+))(?::([0-9]{1,5}))?", text)
    if parts is None:
        return (text, None) if _IPV6.fullmatch(text) and text.count(":") > 1 else ("", None)
    name, port = parts[1] or parts[2], int(parts[3]) if parts[3] else None
    right = _IPV6.fullmatch(name) if parts[1] else _NAME.fullmatch(name)
    return (name, port) if right and (port is None or 1 <= port <= 65535) else ("", None)


def read_fingerprint(text: str) -> str:
    """A SHA-256 in hex, with or without colons."""
    found = text.replace(":", "").strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", found):
        raise ValueError("not a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons")
    return found


def read_nick(text: str) -> str:
    text = plain(text)
    if not re.fullmatch(r"[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}-]{0,29}", text):
        raise ValueError(f'"{text[:40]}" is not a valid nick: begin with a letter and use no spaces, as in trainbot')
    return text


def read_channels(text: str) -> tuple[str, ...]:
    """One or several; the # may be left out."""
    names = tuple(word if word[0] in "#&+!" else f"#{word}" for word in plain(text).replace(",", " ").split())
    if not names:
        raise ValueError("a channel is needed: type for example #selinux-class")
    for name in names:
        if not 2 <= len(name) <= 64:
            raise ValueError(f'"{name[:40]}" is not a channel: type for example #selinux-class')
    return names


def read_organisers(text: str) -> tuple[str, ...]:
    """Accounts, or masks, as rules of [roles]; ``account:`` and ``mask:`` may be left out."""
    rules = []
    for word in plain(text).replace(",", " ").split():
        rule = (
            word
            if word.partition(":")[0] in ("account", "mask")
            else f"{'mask' if '@' in word or '!' in word else 'account'}:{word}"
        )
        parse_rule(rule)
        rules.append(rule)
    if not rules:
        raise ValueError("an organiser is needed: type your services account, or a mask such as *!*@staff.example.org")
    return tuple(rules)


def read_account(text: str) -> str:
    """'' for none."""
    text = plain(text)
    if text.lower() in NONE:
        return ""
    if not text or any(sign in text for sign in " ,*?!@:"):
        raise ValueError(f'"{text[:40]}" is not an account: type its name, such as trainbot, or none')
    return text


def read_zones(text: str, now: datetime) -> tuple[str, ...]:
    """Zones or cities: with commas between them, or single words."""
    text = plain(text)
    words = [part.strip() for part in text.split(",")] if "," in text else [text]
    found: list[str] = []
    for word in filter(None, words):
        try:
            found.append(resolve_zone(word, now))
        except UserError as error:
            if " " not in word:
                raise ValueError(str(error).replace("!tz ", "")) from None
            try:
                found += [resolve_zone(part, now) for part in word.split()]
            except UserError as second:
                raise ValueError(str(second).replace("!tz ", "")) from None
    if not found:
        raise ValueError("a time zone is needed: type a city, such as Melbourne, or UTC")
    return tuple(dict.fromkeys(found))


def read_hosts(text: str) -> tuple[Host, ...]:
    """``none``; ``here`` (or ``demo``) for this machine; USER@HOST or a host's name for a Xen host; libvirt URIs."""
    text = plain(text)
    words = text.replace(",", " ").split()
    if not words or (len(words) == 1 and words[0].lower() in NONE):
        return ()
    hosts: list[Host] = []
    for word in words:
        host = _host(word)
        names = [other.name for other in hosts]
        if host.uri in [other.uri for other in hosts]:
            raise ValueError(f'"{word}" is there twice: name each host once')
        name = next(name for name in (host.name, *(f"{host.name}-{n}" for n in range(2, 999))) if name not in names)
        hosts.append(Host(name, host.uri, host.here))
    return tuple(hosts)


def _host(word: str) -> Host:
    if word.lower() in HERE:
        return Host("here", "qemu:///embed?root=libvirt", True)
    if "://" in word:
        parts = re.fullmatch(r"[a-z]+(?:\+[a-z]+)?://(?:[^@/]+@)?(\[[^\]]+\]|[^/:?]*)(?::[0-9]+)?(?:[/?].*)?", word)
        if parts is None:
            raise ValueError(
                f'"{word[:60]}" is not a libvirt address: type for example qemu+ssh://root@kvm1.example.org/system'
            )
        return Host(_host_name(parts[1]), word, "/embed" in word)
    user, at, address = word.rpartition("@")
    name, port = _address(address)
    if not name or (at and not re.fullmatch(r"[a-z_][a-z0-9_.-]*", user)):
        raise ValueError(f'"{word[:60]}" is not a host: type root@xen1.example.org, a libvirt address, here, or none')
    place = (f"[{name}]" if ":" in name else name) + (f":{port}" if port is not None else "")
    return Host(_host_name(name), f"xen+ssh://{user or 'root'}@{place}/system")


def _host_name(address: str) -> str:
    """A name for the section: the first part of a DNS name."""
    first = address.partition(".")[0].lower()
    return first if re.fullmatch(r"[a-z][a-z0-9-]{0,30}", first) else "xen1"


def values_of(
    answers: Answers, login: dict[str, str], *, accounts: bool, labs_here: int, kvm: bool
) -> dict[str, dict[str, str]]:
    """The answers as sections and options of bot.ini.  ``login``: options of [irc] about the bot's account; ``accounts``:
    people have accounts on this network; ``labs_here``, ``kvm``: what this machine can do if it is a host."""
    a = answers
    contact = next((rule.partition(":")[2] for rule in a.organisers if rule.startswith("account:")), "")
    server = f"[{a.server}]" if ":" in a.server else a.server
    irc = {
        "server": server,
        "port": str(a.port),
        "tls": _yes(a.tls),
        "nick": a.nick,
        "channels": " ".join(a.channels),
        **({"contact": contact} if contact else {}),
        **({"tls_fingerprint": a.fingerprint} if a.fingerprint else {}),
        **login,
    }
    hosts = {
        f"host.{host.name}": {"uri": host.uri, "labs": str(labs_here), "kvm": _yes(kvm)}
        if host.here
        else {"uri": host.uri, "labs": str(XEN_LABS)}
        for host in a.hosts
    }
    return {
        "irc": irc,
        "roles": {"organiser": " ".join(a.organisers), "require_account": _yes(accounts)},
        "schedule": {"zones": " ".join(a.zones)},
        "labs": {"public_address": a.address},
        "gateway": {"listen": f"0.0.0.0:{a.ssh_port}"},
        **hosts,
        **({"image.debian": {}} if a.hosts else {}),
    }


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def accounts_in(organisers: Iterable[str]) -> list[str]:
    """The names of those that are accounts."""
    return [rule.partition(":")[2] for rule in organisers if rule.startswith("account:")]
