"""SYNTHIA-Seq: a drive through a rendered city, labelled frame by frame (Ros et al., 2016)."""

import re
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from davsn.data.dataset import DatasetSettings
from davsn.data.images import PICTURE_ENDING, read_first_channel, read_picture
from davsn.data.labels.class_tables import taxonomy
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.layout import ANYWHERE, Layout
from davsn.data.numbered import Numbered, NumberedSettings
from davsn.data.origin import Origin
from davsn.data.transforms import resize_frame, resize_label

_ARCHIVE = Path("Stereo_Left", "Omni_F")
Side = Annotated[int, Field(ge=1, le=8192)]


class Synthia(Numbered):
    """A sequence of SYNTHIA-Seq as it is downloaded, left front camera, with the 12 classes of the published protocol.

    Frames and label maps are resized to ``full``, and their last ``cut`` rows, which show the ego vehicle, are cut off.
    So the native size of this data set is 1280×640.

    Args:
        config: where the files are.

    Raises:
        DataError: there are no frames or no label maps, or the list does not fit them.
    """

    class Config(NumberedSettings):
        """Where a sequence of SYNTHIA-Seq is, and which frames of it to use."""

        root: Path
        """The folder of the sequence, such as SEQS-04-DAWN. It holds RGB and GT as it unpacks, or rgb and label."""
        full: tuple[Side, Side] = (1280, 760)
        """(width, height) that every frame and label map is resized to first."""
        cut: int = Field(120, ge=0)
        """Number of rows that are then cut off at the bottom."""

        @field_validator("cut")
        @classmethod
        def _leaves_some(cls, cut: int, info: ValidationInfo) -> int:
            if cut >= info.data.get("full", (0, cut + 1))[1]:
                raise ValueError(f"cutting {cut} rows leaves nothing of an image {info.data['full'][1]} rows high")
            return cut

    _ids = "synthia"
    _other_ids = (
        "The class is in the first channel (the last one in OpenCV); the file's channels may be reversed. Ids from 16 "
        "on belong to SYNTHIA-RAND-CITYSCAPES, which is no video"
    )
    without_neighbours = "Frame 000001 needs 000000. Copy the complete sequence; single frames need missing: repeat"

    def __init__(self, config: Config) -> None:
        self.config: Synthia.Config = config
        pictures, labels = config.root / "RGB" / _ARCHIVE, config.root / "GT" / "LABELS" / _ARCHIVE
        if not pictures.is_dir():
            pictures, labels = config.root / "rgb", config.root / "label"
        pattern = re.compile(rf"{ANYWHERE}(\d{{6}}){PICTURE_ENDING}")
        wanted = (
            "Expected RGB/Stereo_Left/Omni_F/000001.png and GT/LABELS/Stereo_Left/Omni_F/000001.png, "
            "or rgb/000001.png and label/000001.png"
        )
        layout = Layout(pictures, labels, pattern, pattern, 6, wanted)
        self._learn(layout, "synthia")
        if config.root.resolve().name == "SEQS-04-DAWN":  # the published pair uses this one of several sequences
            self.published = {"frames": 850}

    @classmethod
    def classes_of(cls, config: DatasetSettings) -> Taxonomy:
        """The published class table; see :meth:`VideoDataset.classes_of`."""
        return taxonomy("synthia")

    def read_frame(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Read a frame: (H, W, 3) RGB at the size ``full``, without the rows that are cut off."""
        return self._without_own_car(resize_frame(read_picture(self._picture(clip, position)), self.config.full))

    def _pixel_settings(self) -> Origin:
        return self.config.full, self.config.cut

    def _read_ids(self, path: Path) -> NDArray[np.unsignedinteger]:
        return read_first_channel(path)

    def _raw_label(self, clip: int, position: int) -> NDArray[np.uint8]:
        return self._without_own_car(resize_label(super()._raw_label(clip, position), self.config.full))

    def _without_own_car(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.ascontiguousarray(picture[: picture.shape[0] - self.config.cut])

    def _flow_name(self, frame: str, other: str) -> str | None:
        return frame if int(other) == int(frame) - 1 else None
