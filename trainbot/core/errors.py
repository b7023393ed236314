"""The errors that modules raise for each other.

Any other exception is a bug: the user gets a reference, the log gets the traceback.
"""

from __future__ import annotations


class UserError(Exception):
    """Something the user can correct.  Its text is shown to them unchanged:
    lower case, one sentence, says what to type next.  Never contains a secret."""


class Denied(UserError):
    """The user is not allowed to do this, here or at all."""


class AccountNeeded(Denied):
    """Somebody without a services account asked for something that needs one.  The text says what, as in "to get a lab";
    whoever answers adds how to log in on this network."""


class ConfigError(Exception):
    """bot.ini (or a file it names) has errors; ``problems`` lists them all, one sentence each."""

    def __init__(self, problems: list[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class BackendError(Exception):
    """A host, an image, the store or another external system failed; the text says what failed and what to try."""


class NoSuchThing(BackendError):
    """The external system answered that something does not exist (a domain, an image file)."""


class HostDown(BackendError):
    """The host does not answer, or the connection was lost; the work may or may not have been done."""


class Superseded(BackendError):
    """Another machine has taken over from this one: this trainbot must not act any more."""

    @classmethod
    def by(cls, epoch: object, at: object = "", address: object = "") -> Superseded:
        """``epoch``, ``at`` (a time) and ``address`` of the machine that took over, as it said."""
        when = f" at {str(at)[:40]}" if at else ""
        where = f", and people reach it at {str(address)[:100]}" if address else ""
        return cls(
            f"another machine has taken over from this one{when} (number {str(epoch)[:10]}){where}: nothing is done here; to make "
            "this one the standby, run trainbot standby FOLDER"
        )
