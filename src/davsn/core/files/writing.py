"""Files that are complete or absent: a file gets its final name only when all of it is written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from davsn.core.errors import DataError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, with its suffix; it replaces ``path`` when the block ends without an error.

    A block that fails or is interrupted leaves no temporary file and does not change ``path``. Missing parent folders
    are created.

    Raises:
        DataError: the disk is full, or the folder cannot be written to.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.writing{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        cause = error.strerror or error
        raise DataError(
            f"could not be written ({cause})", str(path), "Free some space or choose another folder"
        ) from error
    finally:
        with suppress(OSError):  # the folder itself may be the cause of the error
            temporary.unlink(missing_ok=True)
