"""Writers of predictions: videos and images of them, masks as palette PNGs, the shares of the classes as CSV."""

import csv
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

import numpy as np
from PIL import Image

from davsn.core.errors import DataError
from davsn.core.files.writing import replacing
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.video.footage import Frame, Shot
from davsn.data.video.labelled import Labelled, Mask
from davsn.data.video.soundtrack import Soundtrack
from davsn.data.video.writer import PictureVideo

Paint = Callable[[Frame, Labelled], Frame]
"""Makes the picture (H, W, 3) of a frame and its prediction."""


class Writer(Protocol):
    """Writes frames and their predictions, given in order."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, shot: Shot, labelled: Labelled) -> None:
        """Add one frame."""

    def kept(self, done: int) -> str:
        """After a failure: a sentence that says where the ``done`` finished frames are."""


class Several:
    """Writes to several writers, frame by frame.

    Args:
        writers: the writers. After a failure of one, each keeps what it has finished.
    """

    def __init__(self, writers: Sequence[Writer]) -> None:
        self._writers = writers
        self._open = ExitStack()

    def __enter__(self) -> "Several":
        with ExitStack() as opening:
            for writer in self._writers:
                opening.enter_context(writer)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def write(self, shot: Shot, labelled: Labelled) -> None:
        """Add one frame to each."""
        for writer in self._writers:
            writer.write(shot, labelled)

    def kept(self, done: int) -> str:
        """The sentences of all writers."""
        return ". ".join(writer.kept(done) for writer in self._writers)


class PaintedVideo(PictureVideo):
    """Writes pictures of predictions as a video with the input's times and audio.

    Args:
        path: the video; its folder is created.
        paint: makes the pictures.
        rate: frames a second, where frames have no time; None: 10.
        soundtrack: the input's audio; None: no audio.
    """

    def __init__(self, path: Path, paint: Paint, rate: Fraction | None, soundtrack: Soundtrack | None = None) -> None:
        super().__init__(path, rate, soundtrack)
        self._paint = paint

    def write(self, shot: Shot, labelled: Labelled) -> None:
        """Add one frame; see :meth:`PictureVideo.add`."""
        self.add(shot.name, self._paint(shot.frame, labelled), shot.time, shot.duration)


class PaintedImage:
    """Writes the picture of a single image's prediction.

    Args:
        path: the image; its suffix chooses the format.
        paint: makes the picture.
    """

    def __init__(self, path: Path, paint: Paint) -> None:
        self.path = path
        self._paint = paint

    def __enter__(self) -> "PaintedImage":
        return self

    def __exit__(self, *failure: object) -> None:
        """Do nothing: no file is open."""

    def write(self, shot: Shot, labelled: Labelled) -> None:
        """Write the picture."""
        with replacing(self.path) as temporary:
            Image.fromarray(self._paint(shot.frame, labelled)).save(temporary, quality=95)

    def kept(self, done: int) -> str:
        """A sentence that says where the picture is."""
        return f"The picture is in {self.path}"


def save_mask(path: Path, mask: Mask, taxonomy: Taxonomy) -> None:
    """Write a mask as a palette PNG. Its pixels are train ids; its palette has the classes' colours.

    Raises:
        DataError: the file cannot be written.
    """
    picture = Image.fromarray(mask)
    picture.putpalette(taxonomy.palette.tobytes())
    with replacing(path) as temporary:
        picture.save(temporary)


class PaletteFolder:
    """Writes masks as palette PNGs, ``<name>.png``. A file that exists is complete.

    Args:
        path: the folder; it is created.
        taxonomy: the class table, whose colours become the palette.
    """

    def __init__(self, path: Path, taxonomy: Taxonomy) -> None:
        self.path = path
        self._taxonomy = taxonomy

    def __enter__(self) -> "PaletteFolder":
        return self

    def __exit__(self, *failure: object) -> None:
        """Do nothing: no file is open between two masks."""

    def write(self, shot: Shot, labelled: Labelled) -> None:
        """Write one mask; its pixel values are train ids."""
        save_mask(self.path / f"{shot.name}.png", labelled.mask, self._taxonomy)

    def kept(self, done: int) -> str:
        """A sentence that says where the finished masks are."""
        return f"The {done} masks written so far are in {self.path}"


class PaletteFile(PaletteFolder):
    """Writes the mask of a single image as a palette PNG, under the name ``path``."""

    def write(self, shot: Shot, labelled: Labelled) -> None:
        """Write the mask; its pixel values are train ids."""
        save_mask(self.path, labelled.mask, self._taxonomy)

    def kept(self, done: int) -> str:
        """A sentence that says where the mask is."""
        return f"The mask is in {self.path}"


class ShareTable:
    """Writes the shares of the classes as CSV, a line for each frame.

    The columns are ``frame``, ``time`` (seconds; empty for images) and one for each class. A share is a fraction of
    the frame's pixels, in [0, 1]. The file is named ``<stem>.partial.csv`` until it is complete.

    Args:
        path: the file; its folder is created.
        taxonomy: the whole class table.
        shown: names of the classes that get a column.
    """

    def __init__(self, path: Path, taxonomy: Taxonomy, shown: Sequence[str]) -> None:
        self.path = path
        self.partial = path.with_name(f"{path.stem}.partial{path.suffix}")
        self._names, self._shown = taxonomy.names, shown
        self._file: IO[str] | None = None
        self._empty = True

    def __enter__(self) -> "ShareTable":
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.partial.open("w", newline="", encoding="utf-8")
        except OSError as error:
            raise DataError(f"cannot be written ({error.strerror})", str(self.path), "Choose another place") from error
        self._line(["frame", "time", *self._shown])
        return self

    def write(self, shot: Shot, labelled: Labelled) -> None:
        """Add the line of one frame."""
        counts = dict(zip(self._names, np.bincount(labelled.mask.ravel(), minlength=256).tolist(), strict=False))
        shares = [f"{counts[name] / labelled.mask.size:.6f}" for name in self._shown]
        self._line([shot.name, "" if shot.time is None else f"{shot.time:.6f}", *shares])
        self._empty = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        with suppress(OSError):  # each line has reached the file already
            self._file.close()
        if self._empty:
            self.partial.unlink(missing_ok=True)
        elif error is None:
            os.replace(self.partial, self.path)

    def kept(self, done: int) -> str:
        """A sentence that says where the finished lines are."""
        return f"The {done} lines written so far are in {self.partial}"

    def _line(self, values: Sequence[str]) -> None:
        assert self._file is not None
        try:
            csv.writer(self._file).writerow(values)
            self._file.flush()
        except OSError as error:
            raise DataError(f"cannot be written ({error.strerror})", str(self.partial), "Free some space") from error
