"""The base of all layouts: a frame, and how its parts are written to files."""

import io
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from davsn.core.errors import DataError
from davsn.core.files.writing import replacing
from davsn.data.labels.class_tables import RawIds, raw_ids
from davsn.data.sets.streets import Streets
from davsn.flow.files.io import write_flow
from davsn.streets.categories import Category

LABELLED = 19
"""The labelled frame in layouts with one label map a clip. In Cityscapes it is the twentieth frame of thirty."""


@dataclass(frozen=True)
class Place:
    """A frame of ``streets``, and the folder that it is written to."""

    dataset: Streets
    folder: Path
    clip: int
    position: int

    @property
    def split(self) -> str:
        """The split: 'train' or 'val'."""
        return self.dataset.config.split

    @property
    def length(self) -> int:
        """Number of frames of the clip."""
        return len(self.dataset.clips[self.clip].frames)

    @property
    def sparsely_labelled(self) -> bool:
        """Whether the frame is the only labelled one of its clip: frame 19, or the last frame of a shorter clip."""
        return self.position == min(LABELLED, self.length - 1)

    def picture(self) -> NDArray[np.uint8]:
        """Draw the frame: (H, W, 3) RGB."""
        return self.dataset.read_frame(self.clip, self.position)

    def ids(self, raw: RawIds) -> NDArray[np.uint8]:
        """The raw ids (H, W) of the frame, as the label maps of a published data set have them."""
        return np.asarray(published_ids(raw)[self.dataset.read_categories(self.clip, self.position)])

    def limit(self, clips: int, layout: str) -> None:
        """Check the number of clips against the largest number that the names of a layout can hold."""
        if len(self.dataset.clips) > clips:
            found = f"has names for {clips} clips, not for {len(self.dataset.clips)}"
            raise DataError(found, f"the layout of {layout}", f"Set clips to {clips} or fewer")

    def save_picture(self, name: str, picture: NDArray[np.uint8] | None = None) -> None:
        """Write the frame, or another 8-bit image: (H, W, 3) colours or (H, W) values."""
        with replacing(self.folder / name) as path:
            Image.fromarray(self.picture() if picture is None else picture).save(path, quality=95)

    def save_bytes(self, name: str, content: bytes) -> None:
        """Write a file with the given content."""
        with replacing(self.folder / name) as path:
            path.write_bytes(content)

    def save_flow(self, name: str, end: str = "_int16_x10") -> None:
        """Write the flow to the frame before, in the public code's format, if there is a frame before.

        Args:
            name: the path below the folder, without the end.
            end: the end of the public code's names.
        """
        if self.position:
            flow, _ = self.dataset.read_flow(self.clip, self.position, self.position - 1)
            write_flow(self.folder / f"{name}{end}.npy", flow)


def published_ids(raw: RawIds) -> NDArray[np.uint8]:
    """(17,) lookup from :class:`Category` to the raw ids of a data set; 0 for categories that it does not have."""
    known = raw_ids(raw)
    return np.array([known.get(category.name.lower(), 0) for category in Category], np.uint8)


def png(values: NDArray[np.generic]) -> bytes:
    """Encode values as a PNG. OpenCV's order of the channels applies: blue, green, red."""
    return bytes(cv2.imencode(".png", values)[1])


def palette_png(ids: NDArray[np.uint8]) -> bytes:
    """Encode ids as the indices of a PNG with an arbitrary palette."""
    content = io.BytesIO()
    image = Image.fromarray(ids)
    image.putpalette(np.random.default_rng(0).integers(0, 256, 768, np.uint8).tobytes())
    image.save(content, "PNG")
    return content.getvalue()
