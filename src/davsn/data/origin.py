"""What the pixels of a frame or label map depend on. A cached copy is used only while none of it has changed."""

import os
import sys
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import PIL

from davsn import streets
from davsn.core.cache import identity

Origin = tuple[object, ...]
"""Everything that pixels depend on, as plain data that :func:`davsn.core.cache.identity` takes."""


def origin(owner: object, *parts: object) -> Origin | None:
    """Describe everything that the pixels of a frame or label map depend on, whether they are read or drawn.

    The code itself is part of the description. So nobody has to increase a version number after a change of code.

    Args:
        owner: the data set. The description contains its class, the code of the class's file, davsn's own code for
            reading, and the versions of the libraries that decode.
        parts: the files, as paths, and all settings that change pixels, as plain data. A file is described by its
            path, size and times. Its content is not read, because that would take as long as decoding.

    Returns:
        The description, or None if a file does not exist. Reading that file will raise the error.
    """
    try:
        plain = tuple(_file(part) if isinstance(part, Path) else part for part in parts)
    except OSError:
        return None
    modules = tuple(kind.__module__ for kind in type(owner).__mro__)
    return (_code(type(owner).__qualname__, modules), *plain)


def _file(path: Path) -> Origin:
    """Describe a file: its path, its size and two times.

    The second time (ctime) is set by the system. No tool that copies or writes files can set it.
    """
    status = path.stat()
    return os.path.abspath(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns


@cache
def _code(name: str, modules: tuple[str, ...]) -> str:
    """Hash the code that reads and draws: all of data and streets, and the files of a user's own class."""
    files = {*Path(__file__).parent.rglob("*.py"), *Path(streets.__file__).parent.rglob("*.py")}
    files |= {Path(file) for file in (getattr(sys.modules[module], "__file__", None) for module in modules) if file}
    texts = [file.read_text(encoding="utf-8") for file in sorted(files)]
    versions = [_pyav(), *(library.__version__ for library in (cv2, np, PIL))]
    return identity(name, modules, versions, texts)


def _pyav() -> str:
    """The version of PyAV, which decodes most frames; an empty text where it is missing, and Pillow decodes them."""
    try:
        import av
    except ImportError:
        return ""
    return str(av.__version__)
