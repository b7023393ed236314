"""Which session somebody means: by its number in ``!sessions``, or by words of its title, presenter or UID."""

from __future__ import annotations

from trainbot.core.errors import UserError
from trainbot.model.session import Session

_NO_QUOTES = str.maketrans("", "", '"«»“”„‟')


def find(words: str, sessions: list[Session]) -> tuple[int, Session, str]:
    """The number and session that ``words`` start with, and the word after it ('' if there is none)."""
    first, _, rest = words.partition(" ")
    if first.isascii() and first.isdigit():
        number = int(first[:9])
        if not 1 <= number <= len(sessions):
            raise UserError(f"there is no session {number}; !sessions lists them")
        return number, sessions[number - 1], rest.strip().lower()
    said = words.casefold().translate(_NO_QUOTES).split()
    for length in (len(said), len(said) - 1):  # the last one may be an image
        found = [
            (number, session)
            for number, session in enumerate(sessions, 1)
            if length and _is_called(session, said[:length])
        ]
        if len(found) == 1:
            return *found[0], " ".join(said[length:])
        if found:
            numbers = ", ".join(str(number) for number, _session in found[:8])
            raise UserError(f"which one of {numbers}? !sessions lists them; for example !signup {found[0][0]}")
    raise UserError(f'no session called "{words[:40]}"; !sessions lists them with their numbers')


def _is_called(session: Session, words: list[str]) -> bool:
    names = f"{session.title} {session.uid} {session.presenter or ''}".casefold().translate(_NO_QUOTES)
    return all(word in names for word in words)
