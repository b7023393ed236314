"""What the bot's standing on IRC means for a class.  Pure."""

from __future__ import annotations

import re

from trainbot.adapters.irc.connection_status import ChannelMembership, ConnectionStatus
from trainbot.config import IrcConfig
from trainbot.ops.doctor.addresses import is_here
from trainbot.ops.doctor.finding import Finding, Findings

IRC = Findings("irc")
EXPIRES = 14  # days before the end of a certificate from which on it is told
_DAY = 86400.0
_AWAY = "so nobody hears or reaches the bot"

#: Words of the reason why there is no connection -> (what is wrong, what mends it).  The first that fits counts.
_REASONS = (
    (
        "certificate has expired",
        "the server's certificate has expired",
        "tell the network's staff, or name another server of theirs in [irc] server",
    ),
    (
        "self-signed|unable to get (local )?issuer|unable to get issuer",
        "the server's certificate is signed by nobody that this machine trusts",
        "if it is right, name its CA with tls_ca_file, or the certificate with tls_fingerprint; apt install "
        "ca-certificates brings the usual ones",
    ),
    (
        "[Hh]ostname mismatch|IP address mismatch|doesn't match|not valid for",
        "the server's certificate is another name's",
        "write [irc] server as the certificate names it",
    ),
    (
        "another one than tls_fingerprint",
        "the server's certificate is another one than tls_fingerprint",
        "ask the network's staff for the new one: either they changed it, or somebody stands in between",
    ),
    (
        "does not speak TLS|record layer",
        "no TLS is spoken at that port",
        "say the TLS port (6697 most times), or tls = no for a server of your own",
    ),
    ("SASL login refused", "the login is refused", "compare account and password in [irc] with what NickServ knows"),
    ("SASL", "the login does not work", "see what the network offers (CAP LS), or leave sasl empty"),
    ("connection refused", "nobody listens at that port", "is [irc] port right, and does the server run"),
    ("none of our nicks", "the server takes none of our nicks", "say another in [irc] nick"),
    (
        "[Bb]anned|[KGZDkgzd]-?[Ll]ine",
        "the network bans us",
        "ask its staff to let the bot in: the bot tries again every 5 minutes",
    ),
    ("refuses us", "the server refuses us", "ask the network's staff: it may be a ban"),
    (
        "timed out|in time|TimeoutError",
        "the server does not answer in time",
        "is it up, is there a firewall in between, and is [irc] port the one for tls = yes or no",
    ),
    ("", "there is no connection", "look at the bot's log, and at the network's status page"),
)

#: Modes that need no word of ours: letter -> what it means, what it does to a class, what to do.  c, m have their own.
_HURTS = {
    "i": ("is invite-only (+i)", "so learners cannot come in", "/mode {channel} -i"),
    "k": ("has a key (+k)", "so learners cannot come in without it", "/mode {channel} -k, or tell them the key"),
    "u": ("is an auditorium (+u)", "so the bot may not see who is there", "/mode {channel} -u"),
    "D": ("hides who has joined (+D)", "so the bot sees people only when they speak", "/mode {channel} -D"),
}
_MAY_HURT = {
    "R": "lets in, or lets speak, only people with a services account (+R)",
    "r": "lets in only people with a services account (+r)",
    "M": "lets speak only people with a services account (+M)",
    "l": "has a limit of people (+l)",
}
#: Program (004) -> what an ordinary client may do: (lines at once, seconds between further ones).  facts.md, "Servers".
_PACES = (("inspircd", 10, 1.0), ("ngircd", 4, 0.35), ("solanum", 5, 0.5), ("charybdis", 5, 0.5))
_NETWORK_PACES = {"libera.chat": 2.0}  # their own words


def unreached_findings(why: str) -> list[Finding]:
    return [IRC.wrong(why, _AWAY, "correct [irc] server, or this machine's DNS (/etc/resolv.conf)")]


def settings_findings(config: IrcConfig, records: bool) -> list[Finding]:
    """What bot.ini alone shows that networks or people mind."""
    found = []
    if not config.tls and not is_here(config.server):
        found.append(
            IRC.wrong(
                "goes to the network without TLS",
                "so whoever listens on the way reads lab passwords",
                "tls = yes, with the network's TLS port (6697 most times)",
            )
        )
    if "bot" not in config.realname.lower():
        found.append(
            IRC.note(
                f"the realname ({config.realname}) does not say that it is a bot",
                "and networks such as Libera.Chat want that",
                "[irc] realname = trainbot: training bot",
            )
        )
    if not config.contact:
        found.append(
            IRC.note(
                "names nobody to be asked about it",
                "and networks want an owner who can be reached",
                "[irc] contact = a nick or an address",
            )
        )
    if records:
        found.append(
            IRC.note(
                "what is said in classes is kept ([records] log = yes)",
                "and networks want the channel's owners to agree and the topic to say so",
                "ask them, and put it into the topic; lines that begin with [nolog] are left out",
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
                "so the network may not show our account",
                "compare account and password in [irc] with what NickServ knows",
            )
        )
    for channel, membership in connection_status.channels.items():
        found += _channel(channel, membership, connection_status.server)
    return [*found, *_pace(config, connection_status)]


def _no_connection(config: IrcConfig, trouble: str) -> Finding:
    what, mend = next((what, mend) for words, what, mend in _REASONS if re.search(words, trouble))
    return IRC.wrong(f"{config.server} port {config.port}: {what} ({trouble or 'no reason is known yet'})", _AWAY, mend)


def _certificate(config: IrcConfig, connection_status: ConnectionStatus, now: float) -> Finding:
    where = f"connected to {config.server} port {config.port} ({connection_status.server or 'unknown program'})"
    if not config.tls:
        return IRC.ok(f"{where}, no TLS")
    if connection_status.certificate_ends is None:
        return IRC.ok(f"{where}, TLS with the certificate that bot.ini pins")
    days = (connection_status.certificate_ends - now) / _DAY
    if days < EXPIRES:
        return IRC.wrong(
            f"the certificate of {config.server} ends in {max(days, 0):.0f} days",
            "and the bot does not connect to one that has ended",
            "tell the network's staff",
        )
    return IRC.ok(f"{where}, TLS verified, its certificate is good for {days:.0f} days")


def _nick(config: IrcConfig, connection_status: ConnectionStatus) -> Finding:
    if connection_status.nick == config.nick:
        return IRC.ok(f"the nick {config.nick} is ours")
    mend = f"/msg NickServ REGAIN {config.nick}" if config.sasl else "ask who has it, or say another in [irc] nick"
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
                "so there is no class there",
                "ask the channel's operators to let the bot in (/invite, /mode +I)",
            )
        ]
    modes, found = membership.modes or "", []
    rank = "opped" if set(membership.status) - {"v"} else "voiced" if membership.status else ""
    voice = f"/msg ChanServ FLAGS {channel} THE-BOTS-ACCOUNT +V, or /mode {channel} +v"
    if "m" in modes and not rank:
        found.append(IRC.wrong(f"{channel} is moderated (+m) and the bot is not voiced", "so nobody hears it", voice))
    elif not rank and _limits_new_people(server):
        found.append(
            IRC.wrong(
                f"is not voiced in {channel}",
                "so the network lets it open a conversation with about "
                "ten new people, then one a minute, and a full class waits",
                voice,
            )
        )
    elif not rank:
        found.append(
            IRC.note(
                f"is neither voiced nor opped in {channel}",
                "which networks with limits against spam want, and !quiet (+m)",
                voice,
            )
        )
    else:
        found.append(IRC.ok(f"in {channel}, {rank}" + (f", modes +{modes}" if modes else "")))
    for letter, (what, why, mend) in _HURTS.items():
        if letter in modes:
            found.append(IRC.wrong(f"{channel} {what}", why, mend.format(channel=channel)))
    for letter, what in _MAY_HURT.items():
        if letter in modes:
            found.append(IRC.note(f"{channel} {what}", "so some learners may be kept out", "tell them beforehand"))
    if "c" in modes:
        found.append(
            IRC.note(
                f"{channel} takes no formatting (+c)",
                "so code is not told from words by its looks",
                f"/mode {channel} -c",
            )
        )
    return found


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
                f"speaks as slowly as {connection_status.network or connection_status.server} wants "
                f"({config.flood_burst} lines, then one in {config.flood_interval:g} s)"
            )
        ]
    return [
        IRC.wrong(
            f"speaks faster ({config.flood_burst} lines, then one in {config.flood_interval:g} s) than "
            f"{connection_status.network or connection_status.server} lets ordinary clients by default ({burst}, then one in "
            f"{pause:g} s)",
            "so it may be thrown out in the middle of a class",
            f"flood_burst = {min(config.flood_burst, burst)} and flood_interval = "
            f"{max(config.flood_interval, pause):g} in [irc], unless the bot is exempt",
        )
    ]
