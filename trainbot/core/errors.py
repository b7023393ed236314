"""The errors that cross module borders.

Anything else that is raised is a bug: the asker gets a reference, the log gets the traceback.
"""


class UserError(Exception):
    """Something the asker can mend.  Its text is shown to them as it is:
    lower case, one sentence, says what to type next.  Never holds a secret."""


class Denied(UserError):
    """The asker may not do this, here or at all."""


class ConfigError(Exception):
    """bot.ini (or a file it names) is wrong; ``problems`` holds every fault found, one sentence each."""

    def __init__(self, problems: list[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class BackendError(Exception):
    """A host, an image, the store or another outside thing failed; the text says what and what to try."""


class NoSuchThing(BackendError):
    """The outside thing answered that what was asked for is not there (a domain, an image file)."""


class HostDown(BackendError):
    """The host does not answer, or its connection is gone; the work may or may not have been done."""
