"""The errors that modules raise for each other.

Any other exception is a bug: the user gets a reference, the log gets the traceback.
"""


class UserError(Exception):
    """Something the user can correct.  Its text is shown to them unchanged:
    lower case, one sentence, says what to type next.  Never contains a secret."""


class Denied(UserError):
    """The user is not allowed to do this, here or at all."""


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
