"""Which changes of bot.ini a running bot applies, and which need a restart.  Pure."""

from __future__ import annotations

from dataclasses import fields, replace

from trainbot.config import Config

IRC = (
    "server",
    "port",
    "more_servers",
    "tls",
    "tls_ca_file",
    "tls_fingerprint",
    "tls_client_cert",
    "tls_client_key",
    "sasl",
    "keys",
    "account",
    "password",
    "server_password",
    "nickserv",
    "nick_back",
    "allow_plaintext",
    "ecdsa_key_file",
    "flood_burst",
    "flood_interval",
    "notice",
)
"""Options of [irc] for connecting and sending speed.  The rest describe the bot itself: channels, nick, prefix."""


def taken_up(old: Config, new: Config) -> tuple[Config, list[str], list[str]]:
    """(the configuration from now on, what is new in it, what stays unchanged until a restart).  Roles and the
    connection to the network change at once."""
    irc = replace(old.irc, **{name: getattr(new.irc, name) for name in IRC})
    config = replace(old, irc=irc, roles=new.roles)
    taken = [f"[irc] {name}" for name in IRC if getattr(irc, name) != getattr(old.irc, name)]
    if new.roles != old.roles:
        taken.append("[roles]")
    waiting = [
        f"[irc] {field.name}" for field in fields(irc) if getattr(irc, field.name) != getattr(new.irc, field.name)
    ]
    waiting += [
        _SECTIONS.get(field.name, f"[{field.name}]")
        for field in fields(config)
        if field.name not in ("irc", "roles") and getattr(config, field.name) != getattr(new, field.name)
    ]
    return config, taken, waiting


_SECTIONS = {"hosts": "[host.NAME]", "images": "[image.NAME]", "require_account": "[roles] require_account"}
