"""What has to be typed on the network, once: accounts and the bot's rights in its channel.  Pure."""

from __future__ import annotations

from trainbot.adapters.irc.network_look import NetworkFacts
from trainbot.ops.init.answers import Answers, accounts_in

ATHEME, ANOPE = "Atheme", "Anope"


def services_lines(answers: Answers, facts: NetworkFacts | None, new_password: str) -> list[str]:
    """For each person who has to type something a line that says who, then the commands, each alone on a line.

    ``facts``: None if the network was not looked at; then the commands are for Atheme, which most networks have.
    ``new_password``: the file with the bot's new password, '' if it has an old one.  Accounts and channels that exist
    already are left out.
    """
    known = facts.registered if facts is not None else {}
    if facts is not None and not facts.services:
        return _typed(
            "as an operator of the channel, each time the bot joins:",
            [f"/mode {channel} +v {answers.nick}" for channel in answers.channels],
        )
    lines: list[str] = []
    if answers.account and new_password and not known.get(answers.account):
        lines += _typed(
            f"as the bot (PASSWORD is in {new_password}; the network may send a mail to confirm the address):",
            [f"/nick {answers.account}", "/msg NickServ REGISTER PASSWORD MAIL-ADDRESS"],
        )
    for name in accounts_in(answers.organisers):
        if known.get(name) is False:
            lines += _typed(f"as {name}, the organiser:", ["/msg NickServ REGISTER PASSWORD MAIL-ADDRESS"])
    for channel in answers.channels:
        new = [] if known.get(channel) else [f"/join {channel}", f"/msg ChanServ REGISTER {channel}"]
        unless = " (REGISTER only if it has no owner yet)" if new and channel not in known else ""
        rights = [_rights(channel, answers.account, facts)] if answers.account else []
        if new or rights:
            lines += _typed(f"as the owner of {channel}{unless}:", [*new, *rights])
    return lines


def _typed(who: str, commands: list[str]) -> list[str]:
    return [who, *(f"  {command}" for command in commands)]


def _rights(channel: str, account: str, facts: NetworkFacts | None) -> str:
    """Voice, invitation, unban, op for !quiet, topic; docs/operating.md says why, and that the letters differ."""
    if facts is not None and facts.services == ANOPE:
        return f"/msg ChanServ FLAGS {channel} {account} +Viuot"
    if facts is not None and facts.services not in ("", ATHEME):
        return f"(give {account} voice, op, topic, invite and unban in {channel}: /msg ChanServ HELP says how)"
    return f"/msg ChanServ FLAGS {channel} {account} +VirotA"
