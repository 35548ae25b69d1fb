"""Whole files or none: what is written takes its name only once it is complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from davsn.core.errors import DataError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path``, with its suffix; it takes the place of ``path`` when the block ends well.

    A block that fails or is interrupted leaves neither the temporary file nor any change to ``path``.
    Missing parent folders are made.

    Raises:
        DataError: the disk is full or the folder cannot be written to.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.writing{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        cause = error.strerror or error
        raise DataError(
            f"could not be written ({cause})", str(path), "Free some space or choose another place"
        ) from error
    finally:
        with suppress(OSError):  # the folder itself may be what is wrong
            temporary.unlink(missing_ok=True)
