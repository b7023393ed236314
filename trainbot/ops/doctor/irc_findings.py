"""Findings about the bot's IRC connection.  Pure."""

from __future__ import annotations

import re

from trainbot.adapters.irc.connection_status import ChannelMembership, ConnectionStatus
from trainbot.config import Config, IrcConfig
from trainbot.core.wording import seconds
from trainbot.ops.doctor.addresses import is_here
from trainbot.ops.doctor.finding import Finding, Findings

IRC = Findings("irc")
OPERATORS = frozenset("qaoh")  # mode letters
EXPIRES = 14  # days before the expiry of a certificate at which it is reported
_DAY = 86400.0
_AWAY = "so nobody can reach the bot"

#: (pattern of the connection's error, what is wrong, how to fix it).  The first match counts.
_REASONS = (
    (
        "certificate has expired",
        "the server's certificate has expired",
        "tell the network's staff, or set another of its servers in [irc] server",
    ),
    (
        "self-signed|unable to get (local )?issuer|unable to get issuer",
        "the server's certificate is not signed by anyone that this machine trusts",
        "if it is right, set its CA as tls_ca_file, or the certificate as tls_fingerprint; apt install "
        "ca-certificates adds the usual CAs",
    ),
    (
        "[Hh]ostname mismatch|IP address mismatch|doesn't match|not valid for",
        "the server's certificate is for another name",
        "set [irc] server to the name in the certificate",
    ),
    (
        "another one than tls_fingerprint",
        "the server's certificate does not match tls_fingerprint",
        "ask the network's staff for the new fingerprint: either they changed it, or the connection is intercepted",
    ),
    (
        "does not speak TLS|record layer",
        "the server does not use TLS on that port",
        "set the TLS port (usually 6697), or tls = no for your own server",
    ),
    ("SASL login refused", "the login was refused", "check account and password in [irc] against NickServ"),
    ("SASL", "the login failed", "check what the network offers (CAP LS), or leave sasl empty"),
    ("connection refused", "nothing listens on that port", "check [irc] port, and that the server is running"),
    ("none of our nicks", "the server accepts none of our nicks", "set another in [irc] nick"),
    (
        "[Bb]anned|[KGZDkgzd]-?[Ll]ine",
        "the network bans us",
        "ask its staff to let the bot in: the bot tries again every 5 minutes",
    ),
    ("refuses us", "the server refuses us", "ask the network's staff: it may be a ban"),
    (
        "timed out|in time|TimeoutError",
        "the server does not answer in time",
        "check that it is up, that no firewall blocks it, and that [irc] port fits tls = yes or no",
    ),
    ("", "there is no connection", "see the bot's log and the network's status page"),
)

#: Channel modes: letter -> meaning, consequence for a class, what to do.  c and m are handled separately.
_HURTS = {
    "i": ("is invite-only (+i)", "so learners cannot join", "/mode {channel} -i"),
    "k": ("has a key (+k)", "so learners cannot join without it", "/mode {channel} -k, or tell them the key"),
    "u": ("is an auditorium (+u)", "so the bot may not see who is present", "/mode {channel} -u"),
    "D": ("hides who has joined (+D)", "so the bot sees people only once they speak", "/mode {channel} -D"),
}
_MAY_HURT = {
    "R": "lets only people with a services account join or speak (+R)",
    "r": "lets only people with a services account join (+r)",
    "M": "lets only people with a services account speak (+M)",
    "l": "has a limit of people (+l)",
}
#: Programs in 004 whose +r says no more than that services know the channel (and whose +R is what +r is elsewhere).
_REGISTERED = ("inspircd", "unreal", "hybrid", "plexus", "bahamut", "ngircd")
#: (program in 004, lines at once, seconds between further lines) that an ordinary client may send.
_PACES = (("inspircd", 10, 1.0), ("ngircd", 4, 0.35), ("solanum", 5, 0.5), ("charybdis", 5, 0.5))
_NETWORK_PACES = {"libera.chat": 2.0}  # from its documentation


def unreached_findings(why: str) -> list[Finding]:
    return [IRC.wrong(why, _AWAY, "correct [irc] server, or this machine's DNS (/etc/resolv.conf)")]


def settings_findings(config: IrcConfig, records: bool) -> list[Finding]:
    """Findings from bot.ini alone that matter to networks or people."""
    found = []
    if not config.tls and not is_here(config.server):
        found.append(
            IRC.wrong(
                "connects to the network without TLS",
                "so anyone on the way can read lab passwords",
                "set tls = yes and the network's TLS port (usually 6697)",
            )
        )
    if "bot" not in config.realname.lower():
        found.append(
            IRC.note(
                f"the realname ({config.realname}) does not say that it is a bot",
                "and networks such as Libera.Chat require that",
                "set [irc] realname = trainbot: training bot",
            )
        )
    if not config.contact:
        found.append(
            IRC.note(
                "names no contact person",
                "and networks want an owner they can reach",
                "set [irc] contact to a nick or an address",
            )
        )
    if records:
        found.append(
            IRC.note(
                "classes are logged ([records] log = yes)",
                "and networks want the channel's owners to agree and the topic to say so",
                "ask them, and put it in the topic; lines starting with [nolog] are not logged",
            )
        )
    return found


def irc_findings(config: IrcConfig, connection_status: ConnectionStatus, now: float) -> list[Finding]:
    """``now``: epoch seconds."""
    if not connection_status.connected:
        return [_no_connection(config, connection_status.trouble)]
    found = [_certificate(config, connection_status, now), _nick(config, connection_status)]
    if config.sasl:
        found.append(
            IRC.ok(f"logged in as {connection_status.account}")
            if connection_status.account
            else IRC.wrong(
                "is not logged in to services",
                "so the network may not show its account",
                "check account and password in [irc] against NickServ",
            )
        )
    for channel, membership in connection_status.channels.items():
        found += _channel(channel, membership, connection_status.server)
        found += _topic(channel, membership, connection_status.account)
    return [*found, *_pace(config, connection_status)]


def account_findings(config: Config, connection_status: ConnectionStatus) -> list[Finding]:
    """Whether people can have the accounts that bot.ini wants."""
    known = connection_status.accounts or connection_status.account or config.irc.login_help
    if not connection_status.connected or not config.require_account or known:
        return []
    return [
        IRC.wrong(
            "the network seems to have no accounts, and require_account is yes",
            "so nobody can get a lab or a seat",
            "set require_account = no in [roles], or login_help in [irc] if people do have accounts there",
        )
    ]


def _no_connection(config: IrcConfig, trouble: str) -> Finding:
    what, mend = next((what, mend) for words, what, mend in _REASONS if re.search(words, trouble))
    return IRC.wrong(f"{config.server} port {config.port}: {what} ({trouble or 'reason unknown'})", _AWAY, mend)


def _certificate(config: IrcConfig, connection_status: ConnectionStatus, now: float) -> Finding:
    where = f"connected to {config.server} port {config.port} ({connection_status.server or 'unknown program'})"
    if not config.tls:
        return IRC.ok(f"{where}, no TLS")
    if connection_status.certificate_ends is None:
        return IRC.ok(f"{where}, TLS with the certificate pinned in bot.ini")
    days = (connection_status.certificate_ends - now) / _DAY
    if days < EXPIRES:
        return IRC.wrong(
            f"the certificate of {config.server} expires in {max(days, 0):.0f} days",
            "and the bot does not connect with an expired certificate",
            "tell the network's staff",
        )
    return IRC.ok(f"{where}, TLS verified, certificate valid for {days:.0f} days")


def _nick(config: IrcConfig, connection_status: ConnectionStatus) -> Finding:
    if connection_status.nick == config.nick:
        return IRC.ok(f"the nick {config.nick} is ours")
    mend = (
        f"/msg NickServ REGAIN {config.nick}"
        if config.sasl
        else "ask the person who has it, or set another in [irc] nick"
    )
    return IRC.wrong(
        f"somebody else has the nick {config.nick}, the bot is {connection_status.nick}",
        "so learners may talk to the wrong one",
        mend,
    )


def _channel(channel: str, membership: ChannelMembership, server: str) -> list[Finding]:
    if not membership.joined:
        reason = f" ({membership.refused})" if membership.refused else ""
        return [
            IRC.wrong(
                f"is not in {channel}{reason}",
                "so no class can be held there",
                "ask the channel's operators to let the bot in (/invite, /mode +I)",
            )
        ]
    modes, found = membership.modes or "", []
    rank = "opped" if set(membership.status) - {"v"} else "voiced" if membership.status else ""
    voice = f"/msg ChanServ FLAGS {channel} THE-BOTS-ACCOUNT +V, or /mode {channel} +v"
    if "m" in modes and not rank:
        found.append(
            IRC.wrong(f"{channel} is moderated (+m) and the bot is not voiced", "so nobody sees what it says", voice)
        )
    elif not rank and _limits_new_people(server):
        found.append(
            IRC.wrong(
                f"is not voiced in {channel}",
                "so the network lets it message only about ten new people, "
                "then one a minute, and a full class has to wait",
                voice,
            )
        )
    elif not rank:
        found.append(
            IRC.note(
                f"is neither voiced nor opped in {channel}",
                "which networks with spam limits require, and !quiet (+m) needs",
                voice,
            )
        )
    else:
        found.append(IRC.ok(f"in {channel}, {rank}" + (f", modes +{modes}" if modes else "")))
    for letter, (what, why, mend) in _HURTS.items():
        if letter in modes:
            found.append(IRC.wrong(f"{channel} {what}", why, mend.format(channel=channel)))
    registered = any(name in server.lower() for name in _REGISTERED)
    for letter, what in _MAY_HURT.items():
        if letter in modes and not (letter == "r" and registered):
            found.append(IRC.note(f"{channel} {what}", "so some learners may be kept out", "tell them in advance"))
    if "c" in modes:
        found.append(
            IRC.note(
                f"{channel} strips formatting (+c)",
                "so code does not stand out from text",
                f"/mode {channel} -c",
            )
        )
    return found


def _topic(channel: str, membership: ChannelMembership, account: str | None) -> list[Finding]:
    """A running bot knows whether ChanServ sets the topic for it; one that has no account has nobody to ask."""
    modes, operator = membership.modes or "", set(membership.status) & OPERATORS
    fix = membership.topic_fix
    if membership.joined and "t" in modes and not operator and account is None:
        fix = fix or f"/mode {channel} +o, or /mode {channel} -t"
    what = f"only operators set the topic of {channel} (+t), and the bot is none"
    return [IRC.note(what, "so the topic does not show what is next", fix)] if fix else []


def _limits_new_people(server: str) -> bool:
    return any(name in server.lower() for name in ("solanum", "charybdis"))


def _pace(config: IrcConfig, connection_status: ConnectionStatus) -> list[Finding]:
    found = next(((burst, pause) for name, burst, pause in _PACES if name in connection_status.server.lower()), None)
    slowest = _NETWORK_PACES.get(connection_status.network.lower())
    if found is None and slowest is None:
        return []
    burst, pause = found or (config.flood_burst, 0.0)
    pause = max(pause, slowest or 0.0)
    if config.flood_burst <= burst and config.flood_interval >= pause:
        return [
            IRC.ok(
                f"sends as slowly as {connection_status.network or connection_status.server} requires "
                f"({config.flood_burst} lines, then one in {seconds(config.flood_interval)})"
            )
        ]
    return [
        IRC.wrong(
            f"sends faster ({config.flood_burst} lines, then one in {seconds(config.flood_interval)}) than "
            f"{connection_status.network or connection_status.server} allows ordinary clients by default ({burst}, then one in "
            f"{seconds(pause)})",
            "so it may be disconnected during a class",
            f"set flood_burst = {min(config.flood_burst, burst)} and flood_interval = "
            f"{max(config.flood_interval, pause):g} in [irc], unless the bot is exempt",
        )
    ]
