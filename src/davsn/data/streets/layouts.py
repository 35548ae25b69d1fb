"""Streets in the files of the published benchmarks: folders, names, ids and flow as those are downloaded.

================  =============================================================================================
``viper``         ``<split>/img/001/001_00001.jpg`` and ``cls``, a drive a clip; every frame has a label
``synthia``       ``RGB/Stereo_Left/Omni_F/000000.png`` and ``GT/LABELS``; 120 rows more below, for the own car;
                  clips follow one another with one number between them left out
``cityscapes``    ``leftImg8bit_sequence/<split>/streets/streets_000000_000000_leftImg8bit.png`` and ``gtFine``, a
                  drive a clip; frame 19 has a label, or the last of a shorter clip
================  =============================================================================================

Flow is the exact one of each frame to the frame before, in tenths of a pixel, in the folders that the public code reads
(``Estimated_optical_flow_Viper_train`` and so on). It has no place for what is out of sight.
"""

import io
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from davsn.data.streets import Streets
from davsn.data.streets.categories import published_ids
from davsn.errors import DataError
from davsn.flow.files import write_flow
from davsn.saving import replacing

Benchmark = Literal["viper", "synthia", "cityscapes"]

_OWN_CAR_ROWS = 120
_LABELLED = 19
_DRIVES = 999
"""VIPER's names have three digits for the drive."""


class _Files(NamedTuple):
    """Of one frame; the label is None where there is none."""

    picture: str
    label: str | None
    flow: str


def write_frame(dataset: Streets, folder: Path, layout: Benchmark, clip: int, position: int) -> None:
    """Write one frame's picture, and its label and flow if it has any.

    Raises:
        DataError: more clips than names, or files that cannot be written.
    """
    files = _files(dataset, layout, clip, position)
    frame = dataset.read_frame(clip, position)
    ids = published_ids(layout)[dataset.read_categories(clip, position)]
    if layout == "synthia":
        frame = np.pad(frame, ((0, _OWN_CAR_ROWS), (0, 0), (0, 0)))
        ids = np.pad(ids, ((0, _OWN_CAR_ROWS), (0, 0)))
    with replacing(folder / files.picture) as path:
        Image.fromarray(frame).save(path, quality=95)
    if files.label is not None:
        with replacing(folder / files.label) as path:
            path.write_bytes(_png(ids, layout))
    if position:
        write_flow(folder / f"{files.flow}_int16_x10.npy", dataset.read_flow(clip, position, position - 1)[0])


def _files(dataset: Streets, layout: Benchmark, clip: int, position: int) -> _Files:
    split = dataset.config.split
    if layout == "viper":
        if len(dataset.clips) > _DRIVES:
            found = f"has names for {_DRIVES} clips, not for {len(dataset.clips)}"
            raise DataError(found, "the layout of VIPER", "Set clips")
        drive, number = f"{clip + 1:03d}", position + 1
        name = f"{drive}/{drive}_{number:05d}"
        flow = f"Estimated_optical_flow_Viper_{split}/{drive}_{number:05d}{number - 1:05d}"
        return _Files(f"{split}/img/{name}.jpg", f"{split}/cls/{name}.png", flow)
    if layout == "synthia":
        name = f"{clip * (len(dataset.clips[clip].frames) + 1) + position:06d}"
        below = f"Stereo_Left/Omni_F/{name}.png"
        return _Files(f"RGB/{below}", f"GT/LABELS/{below}", f"Estimated_optical_flow_SynthiaSeq_train/{name}")
    name = f"streets_{clip:06d}_{position:06d}"
    labelled = position == min(_LABELLED, len(dataset.clips[clip].frames) - 1)
    return _Files(
        f"leftImg8bit_sequence/{split}/streets/{name}_leftImg8bit.png",
        f"gtFine/{split}/streets/{name}_gtFine_labelIds.png" if labelled else None,
        f"Estimated_optical_flow_Cityscapes-Seq_{split}/{name}_{position - 1:06d}",
    )


def _png(ids: NDArray[np.uint8], layout: Benchmark) -> bytes:
    if layout == "synthia":  # 16 bits a channel: class, instance, nothing; OpenCV wants the channels turned round
        nothing = np.zeros(ids.shape, np.uint16)
        return bytes(cv2.imencode(".png", np.dstack([nothing, nothing, ids.astype(np.uint16)]))[1])
    if layout == "cityscapes":
        return bytes(cv2.imencode(".png", ids)[1])
    return _palette_png(ids)


def _palette_png(ids: NDArray[np.uint8]) -> bytes:
    """A PNG whose palette is any: its indices are the ids."""
    content = io.BytesIO()
    image = Image.fromarray(ids)
    image.putpalette(np.random.default_rng(0).integers(0, 256, 768, np.uint8).tobytes())
    image.save(content, "PNG")
    return content.getvalue()
