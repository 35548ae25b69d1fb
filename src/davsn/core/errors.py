"""The errors a user can meet. Each message says what is wrong, where, and what to do instead.

The command line prints the message alone and ends with exit code 2; a traceback is for our own mistakes.
"""

import difflib
from collections.abc import Iterable, Sequence


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The sentence that names the nearest known name, with a blank in front; empty where none is near.

    Every message about an unknown name ends with it.
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


class DavsnError(Exception):
    """The root of all errors that are the caller's to mend."""


class ConfigError(DavsnError, ValueError):
    """Settings that cannot be run. Holds every mistake found, not only the first.

    It is a ValueError too, so that one raised for a nested part is collected with the others.

    Args:
        where: the file or command the settings came from.
        mistakes: one line each: the key if there is one, two spaces, what is wrong and what to do.
    """

    def __init__(self, where: str, mistakes: Sequence[str]) -> None:
        self.where = where
        self.mistakes = tuple(mistakes)
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__("\n".join([f"{where} has {count}:", *(f"  {mistake}" for mistake in mistakes)]))


class FileError(DavsnError):
    """Something read that cannot be used as it is; the message is "where: what. remedy".

    Args:
        what: what is wrong; the whole message where the other two are not given.
        where: the file, and the frame if there is one.
        remedy: what to do instead.
    """

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where, remedy)
        self.what, self.where, self.remedy = what, where, remedy

    def __str__(self) -> str:
        return (f"{self.where}: " if self.where else "") + self.what + (f". {self.remedy}" if self.remedy else "")


class DataError(FileError):
    """A file or folder of a data set that cannot be used as it is."""


class FlowError(FileError):
    """An optical-flow file or estimator that cannot be used as it is."""


class CheckpointError(DavsnError):
    """A checkpoint or weights file that does not fit or cannot be read safely."""


class TrainingError(DavsnError):
    """A training run that cannot go on, such as a loss that is not a number."""
