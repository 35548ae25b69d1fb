"""What the layouts have in common: a frame, and how its parts become files."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from davsn.core.errors import DataError
from davsn.core.files.writing import replacing
from davsn.data.class_tables import RawIds, raw_ids
from davsn.data.sets.streets import Streets
from davsn.flow.files.io import write_flow
from davsn.streets.categories import Category

LABELLED = 19
"""The frame that has a label where only one of a clip has: Cityscapes' is the twentieth of thirty."""


@dataclass(frozen=True)
class Place:
    """A frame of the streets, and the folder that its layout is written to."""

    dataset: Streets
    folder: Path
    clip: int
    position: int

    @property
    def split(self) -> str:
        """'train' or 'val'."""
        return self.dataset.config.split

    @property
    def length(self) -> int:
        """Frames of the clip."""
        return len(self.dataset.clips[self.clip].frames)

    @property
    def sparsely_labelled(self) -> bool:
        """Whether this is the one frame of its clip that has a label: frame 19, or the last of a shorter clip."""
        return self.position == min(LABELLED, self.length - 1)

    def picture(self) -> NDArray[np.uint8]:
        """(H, W, 3) RGB."""
        return self.dataset.read_frame(self.clip, self.position)

    def ids(self, raw: RawIds) -> NDArray[np.uint8]:
        """(H, W) ids as a data set's labels have them."""
        return np.asarray(published_ids(raw)[self.dataset.read_categories(self.clip, self.position)])

    def limit(self, clips: int, layout: str) -> None:
        """Refuse what the names of a layout have no digits for."""
        if len(self.dataset.clips) > clips:
            found = f"has names for {clips} clips, not for {len(self.dataset.clips)}"
            raise DataError(found, f"the layout of {layout}", "Set clips")

    def save_picture(self, name: str, picture: NDArray[np.uint8] | None = None) -> None:
        """Write the frame, or another picture of 8 bits: (H, W, 3) colours or (H, W) values."""
        with replacing(self.folder / name) as path:
            Image.fromarray(self.picture() if picture is None else picture).save(path, quality=95)

    def save_bytes(self, name: str, content: bytes) -> None:
        """Write a file of which the content is known."""
        with replacing(self.folder / name) as path:
            path.write_bytes(content)

    def save_flow(self, name: str) -> None:
        """Write the flow to the frame before as the public code does, if there is one before."""
        if self.position:
            flow, _ = self.dataset.read_flow(self.clip, self.position, self.position - 1)
            write_flow(self.folder / f"{name}_int16_x10.npy", flow)


def published_ids(raw: RawIds) -> NDArray[np.uint8]:
    """(17,) lookup from :class:`Category` to the ids of a benchmark's label files; 0 where it has none."""
    known = raw_ids(raw)
    return np.array([known.get(category.name.lower(), 0) for category in Category], np.uint8)


def png(values: NDArray[np.generic]) -> bytes:
    """A PNG of values as OpenCV orders them: blue, green, red."""
    return bytes(cv2.imencode(".png", values)[1])
