"""Video files: the endings that are accepted, opening, the choice of a stream, and whether the file is whole."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.stream import Disposition

from davsn.core.console import say
from davsn.core.errors import DataError
from davsn.data.images import PICTURE_SUFFIXES, PIXEL_LIMIT, natural
from davsn.data.video.moving import moves, webp_as_video

VIDEO_SUFFIXES = frozenset(
    """
    .3g2 .3gp .264 .265 .amv .apng .asf .av1 .avi .dav .divx .dv .f4v .flv .h264 .h265 .hevc .insv .ivf .lrv .m1v
    .m2t .m2ts .m2v .m4v .mjpeg .mjpg .mk3d .mkv .mod .mov .mp4 .mp4v .mpe .mpeg .mpg .mpv .mts .mxf .nut .obu .ogg
    .ogm .ogv .qt .rm .rmvb .tod .trp .ts .vob .vro .webm .wmv .wtv .xvid .y4m
    """.split()
)
"""Suffixes of the files that count as videos, in lower case. Every command accepts them. Images count if they move."""

USUAL_SUFFIXES = ".avi, .mkv, .mov, .mp4, .webm, or as other videos do"
"""The commonest suffixes, for messages."""

_NO_FOOTAGE = frozenset({"tty", "lrc", "srt", "ass"})
"""Formats of text that FFmpeg would draw or list."""
_ROUNDING = Fraction(1, 100)
_STRETCH = 4
"""Pixels are taken as square if their aspect is this near to 1, as after rounding, or this far from it, by damage."""
_REPAIR = "Copy the file again, or save the undamaged part with: ffmpeg -i {name} whole.mp4"


def is_video(path: Path) -> bool:
    """Whether a file is a video by its name, or an image that moves. Hidden files, such as ``._a.mp4``, are none."""
    return not path.name.startswith(".") and (path.suffix.lower() in VIDEO_SUFFIXES or moves(path))


def videos_in(folder: Path) -> list[Path]:
    """The videos directly in a folder, in the natural order of their names.

    Images that move are among them if the first image moves. Otherwise the images are frames, and no other is opened.
    """
    files = sorted((file for file in folder.iterdir() if file.is_file()), key=lambda file: natural(file.name))
    first = next((file for file in files if _is_image(file)), None)
    moving = first is not None and is_video(first)
    return [file for file in files if (moving or not _is_image(file)) and is_video(file)]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")


def local(path: Path) -> str:
    """The name of a file for FFmpeg, which would take ``cam:front.mp4`` for a network address."""
    return f"file:{path}"


def repair(path: Path) -> str:
    """A remedy for a damaged video."""
    return _REPAIR.format(name=path.name)


def opened(path: Path) -> Any:
    """Open a video to read it; the caller closes it.

    Raises:
        DataError: the file is missing, or is not a video.
    """
    try:
        container = av.open(webp_as_video(path) or local(path), metadata_errors="replace")
    except FileNotFoundError:
        raise DataError("no such file", str(path), "Give a video file or a folder of videos") from None
    except (av.FFmpegError, OSError) as error:
        raise DataError(f"cannot be opened as a video ({error.strerror})", str(path), repair(path)) from None
    if container.format.name in _NO_FOOTAGE:
        container.close()
        raise DataError("cannot be opened as a video (it is text)", str(path), "Give a video file")
    return container


def chosen_stream(container: Any, path: Path, number: int | None) -> Any:
    """Choose the video stream of an open file.

    Args:
        container: the open file.
        path: its path, for messages.
        number: the position among the file's video streams, from 0; None chooses as FFmpeg does: the default stream
            before others, then the most pixels. Cover art is never chosen.

    Raises:
        DataError: there is no such stream, no decoder for it, or its size exceeds :data:`PIXEL_LIMIT`.
    """
    streams = container.streams.video
    shown = [stream for stream in streams if stream.codec_context is not None and not _is_cover(stream)]
    if not shown and any(not _is_cover(stream) for stream in streams):
        raise DataError("holds video that cannot be decoded", str(path), repair(path))
    if not shown:
        raise DataError("holds no video", str(path), "Give a video file or a folder of videos")
    listed = ", ".join(f"{streams.index(stream)} ({stream.width}x{stream.height})" for stream in shown)
    if number is None:
        stream = max(shown, key=lambda each: (bool(each.disposition & Disposition.default), each.width * each.height))
        if len(shown) > 1:
            chosen = streams.index(stream)
            choose = "Choose with stream: NUMBER (--stream NUMBER)"
            say(f"{path.name}: holds the video streams {listed}; stream {chosen} is read. {choose}")
    elif number >= len(streams) or streams[number] not in shown:
        raise DataError(f"has no video stream {number}", str(path), f"Choose one of its video streams: {listed}")
    else:
        stream = streams[number]
    if stream.width * stream.height * max(pixel_aspect(stream), 1) > PIXEL_LIMIT:
        raise DataError(f"claims a size of {stream.width}x{stream.height} pixels", str(path), repair(path))
    if (aspect := pixel_aspect(stream)) != 1:
        shown_as = f"{round(stream.width * aspect)}x{stream.height}, as a player shows them"
        say(f"{path.name}: its pixels are not square; frames of {stream.width}x{stream.height} are read as {shown_as}")
    return stream


def pixel_aspect(stream: Any) -> Fraction:
    """The width of a stored pixel divided by its height, by which a player stretches the frames.

    1 if the file does not say, if the value is within 1% of 1, or if it is beyond a factor of 4.
    """
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    return aspect if _ROUNDING < abs(aspect - 1) and 1 / _STRETCH <= aspect <= _STRETCH else Fraction(1)


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def is_cut(path: Path) -> bool:
    """Whether an MP4, MOV, Matroska or WebM file is shorter than its own lengths say. False for all other files."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] == b"\x1a\x45\xdf\xa3":
            return _ends(file, 4, size)
        return head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip") and _box_is_cut(file, size)


def _ends(file: BinaryIO, position: int, size: int) -> bool:
    """Whether the segment of a Matroska file, which follows its header, ends after the file."""
    length, start = _matroska_length(file, position)
    if length is None or length + start > size:
        return length is not None
    length, start = _matroska_length(file, start + length + 4)  # past the segment's own identifier
    return length is not None and start + length > size


def _matroska_length(file: BinaryIO, position: int) -> tuple[int | None, int]:
    """The length of an element, None if it is unknown, and where its content begins."""
    file.seek(position)
    content = file.read(8).ljust(8, b"\0")
    count = 9 - content[0].bit_length()  # the first set bit tells the number of bytes
    value = int.from_bytes(content[:count], "big") & ((1 << 7 * count) - 1)
    unknown = value == (1 << 7 * count) - 1 or count > 8
    return None if unknown else value, position + count


def _box_is_cut(file: BinaryIO, size: int) -> bool:
    position = 0
    while position + 8 <= size:
        file.seek(position)
        content = file.read(16).ljust(16, b"\0")
        length: int = struct.unpack(">I", content[:4])[0]
        if length == 1:  # the length needs 64 bits
            length = struct.unpack(">Q", content[8:])[0]
        if length < 8:  # 0: up to the end of the file
            return False
        position += length
    return position > size
