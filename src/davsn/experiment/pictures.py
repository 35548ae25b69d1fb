"""Writes the predictions that ``davsn eval --pictures`` asks for."""

from pathlib import Path

import torch
from torch import Tensor

from davsn.core.clip import Batch
from davsn.data.samples import Samples
from davsn.data.taxonomy import Taxonomy
from davsn.data.writers import save_mask


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
