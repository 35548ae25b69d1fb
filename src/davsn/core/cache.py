"""Results kept on disk between epochs and runs, such as decoded frames: lossless, checked, bounded, safe to delete.

An entry is a file, named by its key, in one of 256 folders. Files are all there is: no index that several processes
would have to lock, or that a kill could leave wrong. So ``rm -r`` of the folder is always allowed, also during a run.

Entries are stored as they are. A frame of 1024×512, 1.6 MB, is written in 1.2 ms and read and checked in 0.5 ms. zlib
at its fastest would halve the space, and take 20 ms to write and 6 ms more to read; PNG, at 0.4 of it, 29 ms and 11 ms.

``diskcache`` was considered. Its index is an SQLite file, whose writers wait for one another and which network drives
do not lock well; it unpickles what the index says is pickled, which makes the folder a way to run code; and it does not
notice damage.
"""

import hashlib
import json
import logging
import os
import re
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from davsn.core.errors import DataError
from davsn.core.files.writing import replacing

GIGABYTE = 10**9
SPARE = 2 * GIGABYTE
"""Bytes of the disk that a cache leaves free, whatever its limit: a run has checkpoints to save."""

_log = logging.getLogger(__name__)
_CHECKSUM = 4
_SHARE = 32
_ABANDONED = 3600.0
_FOLDER = re.compile("[0-9a-f]{2}")


def default_folder() -> Path:
    """The environment's DAVSN_CACHE; else ``davsn`` in XDG_CACHE_HOME, or in ``~/.cache`` where that is not set."""
    own = os.environ.get("DAVSN_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "davsn"


def identity(*parts: object) -> str:
    """A key for :class:`Store`: equal for equal parts, different for different ones.

    Args:
        parts: plain data (numbers, text, paths, None, and lists, tuples and mappings of them). Name everything that
            the content depends on, and a version that is counted up when the code that makes it changes.
    """
    plain = json.dumps(parts, sort_keys=True, default=os.fspath)
    return hashlib.blake2b(plain.encode(), digest_size=20).hexdigest()


class Store:
    """Contents by key in a folder that several processes and runs may share.

    Nothing is evicted. Training reads its frames in an order that is new in every epoch: where they do not all fit, a
    store that throws old entries away keeps writing, and one that stops when it is full goes on serving what it has.

    The limit is kept without a lock. A writer takes stock of the folder, adds up to 1/32 of what was free then, and
    takes stock again: 32 writers at once keep the limit up to one entry each, however many entries there are.

    Args:
        folder: where; it is made when something is put there.
        limit: bytes that its entries may take.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit
        self._allowed = 0  # bytes to add before taking stock again
        self._closed = False

    def get(self, key: str) -> bytes | None:
        """The content of an entry.

        Returns:
            None where there is none. A damaged entry is deleted and is none.
        """
        path = self._path(key)
        try:
            with path.open("rb") as file:
                checksum, content = file.read(_CHECKSUM), file.read()
        except OSError:  # most often there is no such file; one that cannot be read is of no more use
            return None
        if checksum == _checksum(key, content):
            return content
        with suppress(OSError):
            path.unlink()
        return None

    def put(self, key: str, content: bytes) -> bool:
        """Keep a content; one that was kept under this key is replaced.

        Returns:
            False where it was not kept: the limit is reached, or the folder cannot be written to. The first time a
            warning says so; it is no error, since whatever is missing can be made again.
        """
        if self._closed or not self._fits(_CHECKSUM + len(content)):
            return False
        try:
            with replacing(self._path(key)) as temporary, temporary.open("wb") as file:
                file.write(_checksum(key, content))
                file.write(content)
        except DataError as error:
            if not isinstance(error.__cause__, FileNotFoundError):  # or somebody deletes the folder just now
                self._close(str(error))
            return False
        return True

    def used(self) -> int:
        """Bytes that the entries take now, from a look at every file; deletes what killed writers left behind."""
        total, now = 0, time.time()
        for file in self._files():
            with suppress(OSError):  # it may vanish meanwhile
                status = file.stat()
                if file.name.endswith(".writing") and now - status.st_mtime > _ABANDONED:
                    os.unlink(file.path)
                else:
                    total += status.st_size
        return total

    def _fits(self, size: int) -> bool:
        if self._allowed < size:
            left = self.limit - self.used()
            with suppress(OSError):
                self.folder.mkdir(parents=True, exist_ok=True)
                left = min(left, shutil.disk_usage(self.folder).free - SPARE)
            if left < size:
                self._close(f"{self.folder}: the cache is full")
                return False
            self._allowed = max(left // _SHARE, size)
        self._allowed -= size
        return True

    def _close(self, why: str) -> None:
        self._closed = True
        _log.warning(
            "%s. What it holds is used, the rest is made anew every time. Set cache_limit (now %.3g GB) higher, "
            "cache_folder to a disk with more room, or delete the folder if it holds what you no longer use",
            why,
            self.limit / GIGABYTE,
        )

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key[2:]

    def _files(self) -> Iterator[os.DirEntry[str]]:
        """Every file in the folders that :meth:`_path` makes, and in no other."""
        with suppress(OSError), os.scandir(self.folder) as folders:
            for folder in folders:
                if _FOLDER.fullmatch(folder.name):
                    with suppress(OSError), os.scandir(folder.path) as files:
                        yield from files


def _checksum(key: str, content: bytes) -> bytes:
    """CRC-32 of both, so that an entry under another's name is damaged as well."""
    return zlib.crc32(content, zlib.crc32(key.encode())).to_bytes(_CHECKSUM, "little")
