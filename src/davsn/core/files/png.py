"""The header and chunks of a PNG, read before decoding: decoders silently fill in or read past damaged data."""

import struct
import zlib
from pathlib import Path
from typing import NamedTuple

_BEGINS = b"\x89PNG\r\n\x1a\n"


class Chunk(NamedTuple):
    """A chunk of a PNG.

    Attributes:
        kind: four letters.
        start: the position in the file where its content begins.
        length: the length of its content in bytes.
    """

    kind: bytes
    start: int
    length: int


def png_header(path: Path) -> tuple[int, int, int, int] | None:
    """(width, height, bits a channel, colour type) of a PNG, read from its first bytes; None for any other file."""
    with path.open("rb") as file:
        head = file.read(26)
    if len(head) < 26 or head[:8] != _BEGINS:
        return None
    width, height, depth, colour = struct.unpack(">IIBB", head[16:26])
    return width, height, depth, colour


def png_chunks(content: bytes) -> list[Chunk] | None:
    """The chunks of a PNG up to its end; None if a checksum is wrong, the end is missing, or it is no PNG.

    Args:
        content: the file's content; bytes after the last chunk are ignored.
    """
    if content[:8] != _BEGINS:
        return None
    view, place, found = memoryview(content), 8, []
    while place + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        end = place + 12 + length
        kind = content[place + 4 : place + 8]
        if end > len(content) or zlib.crc32(view[place + 4 : end - 4]) != int.from_bytes(content[end - 4 : end], "big"):
            return None
        found.append(Chunk(kind, place + 8, length))
        if kind == b"IEND":
            return found
        place = end
    return None
