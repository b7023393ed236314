"""The section of bot.ini about IRC."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from trainbot.config.irc_login import login_problems
from trainbot.config.section import Section, below
from trainbot.core.access import Rule
from trainbot.core.bridge import Relays, parse_relay
from trainbot.model.config import IrcConfig, Secret


def read_irc(s: Section) -> IrcConfig:
    d = IrcConfig()
    tls = s.yes("tls", d.tls)
    port = s.whole("port", d.port if tls else 6667, 1, 65535)
    (server, first), *more = s.take("server", lambda raw: _servers(raw, port), ()) or ((d.server, port),)
    config = IrcConfig(
        server=server,
        port=first,
        more_servers=tuple(more),
        tls=tls,
        tls_ca_file=s.file("tls_ca_file"),
        tls_fingerprint=s.take("tls_fingerprint", _fingerprint, ""),
        tls_client_cert=s.file("tls_client_cert"),
        tls_client_key=s.file("tls_client_key"),
        nick=s.take("nick", _nick, d.nick),
        user=s.text("user", d.user),
        realname=s.text("realname", d.realname),
        contact=s.text("contact"),
        login_help=s.text("login_help"),
        channels=s.take("channels", _channels, ()),
        keys=s.take("keys", _keys, ()),
        sasl=tuple(word.lower() for word in s.words("sasl")),
        account=s.text("account"),
        password=_password(s, "password"),
        server_password=_password(s, "server_password"),
        nickserv=s.yes("nickserv", d.nickserv),
        notice=s.yes("notice", d.notice),
        nick_back=s.take("nick_back", _nick_back, d.nick_back),
        allow_plaintext=s.yes("allow_plaintext", d.allow_plaintext),
        ecdsa_key_file=s.file("ecdsa_key_file"),
        flood_burst=s.whole("flood_burst", d.flood_burst, 1, 100),
        flood_interval=s.number("flood_interval", d.flood_interval, 0.0, 60.0),
        prefix=s.take("prefix", _prefix, d.prefix),
        relays=Relays(read_rules(s, "relays", parse_relay)),
    )
    if not config.channels and not s.values.get("channels"):
        s.fault("channels", "no channels: set at least one, for example #selinux-class")
    for option, what in login_problems(config):
        s.fault(option, what)
    if config.tls_client_key and not config.tls_client_cert:
        s.fault("tls_client_key", "needs tls_client_cert too")
    return config


def _servers(raw: str, port: int) -> tuple[tuple[str, int], ...]:
    """``irc.a.org irc.b.org:6697 [::1]:6667`` as (host, port); ``port`` is the default."""
    found = []
    for word in raw.split():
        parts = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\[\]:/@\s]+|[0-9A-Fa-f:]+))(?::([0-9]{1,5}))?", word)
        if parts is None or not 1 <= int(parts[3] or port) <= 65535:
            raise ValueError(f'"{word}" is not a server: use for example irc.libera.chat or irc.example.org:6697')
        found.append((parts[1] or parts[2], int(parts[3] or port)))
    return tuple(found)


def _password(s: Section, name: str) -> Secret:
    """The value of ``name``, or of the file ``name_file``, or of the environment variable ``name_env``."""
    given = {kind: s.text(f"{name}{kind}") for kind in ("", "_file", "_env")}
    if sum(map(bool, given.values())) > 1:
        s.fault(name, f"set only one of {name}, {name}_file, {name}_env")
        return Secret(next(filter(None, given.values())))
    if given["_file"]:
        try:
            return Secret(below(s.base, given["_file"]).read_text(encoding="utf-8").strip())
        except UnicodeDecodeError:
            s.fault(f"{name}_file", f"{given['_file']} is not UTF-8 text")
        except OSError as error:
            s.fault(f"{name}_file", f"cannot read {given['_file']} ({error.strerror})")
        except ValueError as error:
            s.fault(f"{name}_file", str(error))
    if given["_env"]:
        if given["_env"] not in os.environ:
            s.fault(f"{name}_env", f"environment variable {given['_env']} is not set")
        return Secret(os.environ.get(given["_env"], ""))
    return Secret(given[""])


def _fingerprint(raw: str) -> str:
    text = raw.replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError("not a SHA-256 fingerprint (64 hexadecimal digits, with or without colons)")
    return text


def _nick(raw: str) -> str:
    if not re.fullmatch(r"[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}-]{0,29}", raw):
        raise ValueError(f'"{raw}" is not a valid IRC nick: use for example trainbot')
    return raw


def _nick_back(raw: str) -> tuple[str, ...]:
    words = tuple(raw.lower().split())
    if words == ("no",):
        return ()
    for word in words:
        if word not in ("regain", "ghost", "recover", "release"):
            raise ValueError(
                f'unknown word "{word}": use regain, ghost, recover or release, or no to leave NickServ alone'
            )
    return words


def _channels(raw: str) -> tuple[str, ...]:
    names = tuple(raw.replace(",", " ").split())
    for name in names:
        if name[0] not in "#&+!" or len(name) < 2 or len(name) > 64 or "\x07" in name:
            raise ValueError(f'"{name}" is not a channel: use for example #{name.strip("#&+!") or "selinux-class"}')
    return names


def _keys(raw: str) -> tuple[tuple[str, Secret], ...]:
    """Parses ``#one=key #two=other``; error messages never contain the keys."""
    pairs = [word.partition("=") for word in raw.split()]
    if not all(name[:1] in "#&+!" and key and "," not in key for name, _, key in pairs):
        raise ValueError("not CHANNEL=KEY: use for example #selinux-class=THEKEY")
    return tuple((name, Secret(key)) for name, _, key in pairs)


def _prefix(raw: str) -> str:
    if len(raw) > 2 or raw.isalnum() or any(sign.isspace() for sign in raw):
        raise ValueError(f'"{raw}" is not a prefix: use one or two punctuation characters, such as !')
    return raw


def read_rules(s: Section, option: str, parse: Callable[[str], Rule]) -> tuple[Rule, ...]:
    """The rules of one option, separated by spaces; each that is wrong is a problem of its own."""
    found = []
    for word in s.words(option):
        try:
            found.append(parse(word))
        except ValueError as error:
            s.fault(option, str(error))
    return tuple(found)
