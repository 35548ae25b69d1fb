"""The errors that a user can meet. Each message says what is wrong, where, and what to do instead.

The command line prints the message alone and exits with code 2. A traceback means a mistake in davsn itself.
"""

import difflib
import re
from collections.abc import Iterable, Sequence


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known name, after a space; empty if no known name is near.

    Every message about an unknown name ends with it.
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def with_full_keys(text: str, part: str, settings: Iterable[str], quoted_alone: bool = False) -> str:
    """Replace the names of settings in a message by full keys: ``'size'`` and ``size: 8`` by ``target.size``.

    Code that reads a part of a recipe does not know which part it is, so its messages name settings alone.

    Args:
        text: names a setting in quotes, or before a colon and a value.
        part: the part's key in the recipe, such as 'target'.
        settings: the names of the part's settings.
        quoted_alone: leave names before a colon as they are, since a text on files may have such words.
    """
    full = {name: f"{part}.{name}" for name in settings} | {"batch_size": "training.batch_size"}
    names = "|".join(map(re.escape, full))
    pattern = rf"'({names})'" if quoted_alone else rf"'({names})'|(?<![\w.'{{])({names})(?=: \S)"
    return re.sub(pattern, lambda found: full[found[1] or found[2]], text)


class DavsnError(Exception):
    """The base class of all errors that the user can fix."""


class ConfigError(DavsnError, ValueError):
    """Settings that cannot be run. Holds every mistake found, not only the first.

    It is a ValueError too, so that pydantic collects an error of nested settings with the others.

    Args:
        where: the file or command that the settings came from.
        mistakes: one line for each: the key if there is one, two spaces, what is wrong and what to do.
    """

    def __init__(self, where: str, mistakes: Sequence[str]) -> None:
        self.where = where
        self.mistakes = tuple(mistakes)
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__("\n".join([f"{where} has {count}:", *(f"  {mistake}" for mistake in mistakes)]))


class FileError(DavsnError):
    """A file or other input that cannot be used as it is; the message is "where: what. remedy".

    Args:
        what: what is wrong; it is the whole message if the other two are empty.
        where: the file, and the frame if there is one.
        remedy: what to do instead.
    """

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where, remedy)
        self.what, self.where, self.remedy = what, where, remedy

    def or_skip(self, part: str) -> "FileError":
        """Copy the error; the remedy also names the policy that leaves out what cannot be read.

        Args:
            part: the data set that has the setting, such as "the target".
        """
        policy = f"set bad_files: skip for {part} to leave out what cannot be read"
        remedy = f"{self.remedy}, or {policy}" if self.remedy else policy[0].upper() + policy[1:]
        return self if "bad_files" in self.remedy else type(self)(self.what, self.where, remedy)

    def __str__(self) -> str:
        return (f"{self.where}: " if self.where else "") + self.what + (f". {self.remedy}" if self.remedy else "")

    def within(self, part: str, settings: Iterable[str]) -> "FileError":
        """Give the error full keys for the settings of one part of a recipe; see :func:`with_full_keys`."""
        names = list(settings)
        what = with_full_keys(self.what, part, names, quoted_alone=True)
        return type(self)(what, self.where, with_full_keys(self.remedy, part, names))


class DataError(FileError):
    """A file or folder of a data set that cannot be used as it is."""


class FlowError(FileError):
    """An optical-flow file or estimator that cannot be used as it is."""


class CheckpointError(DavsnError):
    """A checkpoint or weights file that does not fit, or that cannot be read safely."""


class WorkerError(DavsnError):
    """A process that loads data and was killed."""


class RankError(DavsnError):
    """Another process that shared this run has ended, without a message of its own."""


class ElsewhereError(DavsnError):
    """Another process that shares this run has failed and has told why; the command line prints nothing more."""


class TrainingError(DavsnError):
    """A run that cannot continue, for example because a loss is not a number."""
