"""Writes predictions as pictures: those that ``davsn eval --pictures`` asks for, and the sheets of a run."""

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from davsn.core.clip import Batch
from davsn.core.files.writing import replacing
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.legend import legend
from davsn.data.painting import overlay
from davsn.data.samples import Samples
from davsn.data.transforms import resize_frame
from davsn.data.video.writers import save_mask
from davsn.networks.predicting import Precision, predicting
from davsn.networks.video import VideoSegmenter

SHOWN = 4
"""Number of target frames on a sheet."""
_WIDTH = 480
"""Largest width in pixels of a frame on a sheet."""
_log = logging.getLogger(__name__)


class Pictures:
    """Writes the predictions of labelled frames as palette PNGs, at the size of the label. No file is ever incomplete.

    The files have the names that the public code uses: the name of the frame's file, then ``_color``.

    Args:
        folder: the folder for the files; it is created.
        samples: the evaluated samples.
        taxonomy: the class table, for the palette.
    """

    def __init__(self, folder: Path, samples: Samples, taxonomy: Taxonomy) -> None:
        self._folder, self._taxonomy, dataset = folder, taxonomy, samples.dataset
        self._names = {samples.name(*place): dataset.file_name(*place) for place in samples.places}

    def __call__(self, batch: Batch, prediction: Tensor) -> None:
        """Write the predictions of a batch; a batch without labels is skipped."""
        if batch.labels is not None:
            masks = prediction.to(torch.uint8).cpu().numpy()
            for name, mask in zip(batch.names, masks, strict=True):
                save_mask(self._folder / f"{self._names[name]}_color.png", mask, self._taxonomy)


def write_sheet(
    path: Path,
    segmenter: VideoSegmenter,
    batches: Iterable[Batch],
    taxonomy: Taxonomy,
    device: torch.device | str = "cpu",
    precision: Precision = "fp32",
) -> None:
    """Write a sheet that shows how a network does: each frame, beside it the same tinted by its prediction; a legend.

    A failure is a warning: training goes on without the sheet.

    Args:
        path: the JPEG.
        segmenter: the network; its training or evaluation mode is restored afterwards.
        batches: the frames.
        taxonomy: the class table with the colours.
        device: where to compute.
        precision: the precision of the network.
    """
    try:
        rows = []
        with predicting(segmenter, device, precision):
            for batch in batches:
                masks = segmenter.predict(*batch.to(device).seen, batch.size).to(torch.uint8).cpu().numpy()
                frames = (batch.current * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
                rows += [_row(frame, mask, taxonomy) for frame, mask in zip(frames, masks, strict=True)]
        width = max(row.shape[1] for row in rows)
        whole = np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])
        whole = np.concatenate([whole, legend(taxonomy, width)])
        with replacing(path) as temporary:
            Image.fromarray(whole).save(temporary, quality=85)
    except Exception as error:  # a sheet is not worth a run, whatever went wrong
        _log.warning("no predictions are shown in %s: %s", path, error)


def _row(frame: NDArray[np.uint8], mask: NDArray[np.uint8], taxonomy: Taxonomy) -> NDArray[np.uint8]:
    """Put a frame and its tinted copy side by side."""
    height, width = mask.shape
    both = [frame, overlay(frame, mask, taxonomy)]
    if width > _WIDTH:
        both = [resize_frame(picture, (_WIDTH, max(1, round(height * _WIDTH / width)))) for picture in both]
    return np.concatenate(both, 1)
