"""A cache of results on disk, such as decoded frames: lossless, checked, bounded, and safe to delete.

It serves several epochs and several runs. An entry is one file, named by its key, in one of 256 folders. There is no
index: several processes would have to lock it, and a killed process could leave it wrong. So ``rm -r`` of the folder is
always allowed, also during a run.

Entries are not compressed. A frame of 1024×512 takes 1.6 MB. It is written in 1.2 ms, and read and checked in 0.5 ms.
The fastest level of zlib would halve the space, but take 20 ms to write and 6 ms more to read. PNG would need 0.4 of
the space, but take 29 ms to write and 11 ms more to read.

``diskcache`` was considered. Its index is an SQLite file: its writers wait for one another, and network drives do not
lock it well. It unpickles every entry that the index marks as pickled, so anybody who can write the folder can run
code. It does not notice damage.
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
"""Bytes of the disk that a cache leaves free, whatever its limit, so that runs can save their checkpoints."""

_log = logging.getLogger(__name__)
_CHECKSUM = 4
_SHARE = 32
_ABANDONED = 3600.0
_FOLDER = re.compile("[0-9a-f]{2}")


def default_folder() -> Path:
    """The folder of the cache where no setting names one.

    It is the environment's DAVSN_CACHE. Without that, it is ``davsn`` in XDG_CACHE_HOME, or in ``~/.cache`` if that is
    not set either.
    """
    own = os.environ.get("DAVSN_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "davsn"


def identity(*parts: object) -> str:
    """A key for :class:`Store`: equal parts give equal keys, and different parts give different keys.

    Args:
        parts: plain data: numbers, text, paths, None, and lists, tuples and mappings of them. Name everything that the
            content depends on. Include a version, and increase it when the code that makes the content changes.
    """
    plain = json.dumps(parts, sort_keys=True, default=os.fspath)
    return hashlib.blake2b(plain.encode(), digest_size=20).hexdigest()


class Store:
    """Contents by key, in a folder that several processes and runs may share.

    Nothing is evicted. Training reads its frames in a new order in every epoch. If they do not all fit, a store that
    evicts old entries keeps writing. A store that stops when it is full keeps serving the entries that it has.

    The limit is kept without a lock. A writer measures the folder, adds up to 1/32 of the free space that it found, and
    measures again. So 32 writers at once exceed the limit by at most one entry each, however many entries there are.

    Args:
        folder: the folder of the entries; it is created with the first entry.
        limit: bytes that all entries may take.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit
        self._allowed = 0  # bytes to add before the folder is measured again
        self._closed = False

    def get(self, key: str) -> bytes | None:
        """The content of an entry.

        Returns:
            the content, or None if there is no such entry. A damaged entry is deleted, and counts as missing.
        """
        path = self._path(key)
        try:
            with path.open("rb") as file:
                checksum, content = file.read(_CHECKSUM), file.read()
        except OSError:  # usually there is no such file; an unreadable file counts as missing too
            return None
        if checksum == _checksum(key, content):
            return content
        with suppress(OSError):
            path.unlink()
        return None

    def put(self, key: str, content: bytes) -> bool:
        """Store a content; it replaces an older content of the same key.

        Returns:
            False if it was not stored, because the limit is reached or the folder cannot be written to. The first time,
            a warning says so. It is no error, since everything in the cache can be computed again.
        """
        if self._closed or not self._fits(_CHECKSUM + len(content)):
            return False
        try:
            with replacing(self._path(key)) as temporary, temporary.open("wb") as file:
                file.write(_checksum(key, content))
                file.write(content)
        except DataError as error:
            if not isinstance(error.__cause__, FileNotFoundError):  # else: somebody is deleting the folder
                self._close(str(error))
            return False
        return True

    def used(self) -> int:
        """Bytes that the entries take now, measured file by file; deletes the files that killed writers left behind."""
        total, now = 0, time.time()
        for file in self._files():
            with suppress(OSError):  # another process may have deleted it
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
            "%s. Cached entries are still used; everything else is computed again each time. Raise cache_limit (now "
            "%.3g GB), set cache_folder to a disk with more space, or delete the folder if its entries are old",
            why,
            self.limit / GIGABYTE,
        )

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key[2:]

    def _files(self) -> Iterator[os.DirEntry[str]]:
        """Every file in the folders that :meth:`_path` makes, and in no other folder."""
        with suppress(OSError), os.scandir(self.folder) as folders:
            for folder in folders:
                if _FOLDER.fullmatch(folder.name):
                    with suppress(OSError), os.scandir(folder.path) as files:
                        yield from files


def _checksum(key: str, content: bytes) -> bytes:
    """CRC-32 of key and content, so that an entry under the name of another one counts as damaged."""
    return zlib.crc32(content, zlib.crc32(key.encode())).to_bytes(_CHECKSUM, "little")
