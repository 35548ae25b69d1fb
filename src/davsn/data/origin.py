"""What the pixels of a frame or label depend on: a kept copy is used only where all of that is as it was."""

import os
import sys
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import PIL

from davsn import streets
from davsn.core.cache import identity

Origin = tuple[object, ...]
"""Plain data, as :func:`davsn.core.cache.identity` takes it."""


def origin(owner: object, *parts: object) -> Origin | None:
    """What pixels depend on that a data set reads from files or draws.

    Args:
        owner: the data set. Its class counts, the code of that class's file and of davsn's reading, and the versions
            of the libraries that decode: whoever changes code has no number to count up.
        parts: the files, as paths, and all settings that change pixels, as plain data. Of a file count its place,
            size and times, not its content, which would take as long as decoding.

    Returns:
        None where a file is not there: reading it will say so.
    """
    try:
        plain = tuple(_file(part) if isinstance(part, Path) else part for part in parts)
    except OSError:
        return None
    modules = tuple(kind.__module__ for kind in type(owner).__mro__)
    return (_code(type(owner).__qualname__, modules), *plain)


def _file(path: Path) -> Origin:
    """The last of the times is the system's own, which no tool that copies or writes files can set."""
    status = path.stat()
    return os.path.abspath(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns


@cache
def _code(name: str, modules: tuple[str, ...]) -> str:
    """The code that reads and draws: all of data and streets, and the files of a user's own class."""
    files = {*Path(__file__).parent.rglob("*.py"), *Path(streets.__file__).parent.rglob("*.py")}
    files |= {Path(file) for file in (getattr(sys.modules[module], "__file__", None) for module in modules) if file}
    texts = [file.read_text(encoding="utf-8") for file in sorted(files)]
    return identity(name, modules, [library.__version__ for library in (av, cv2, np, PIL)], texts)
