"""What ``davsn eval --pictures`` keeps."""

from pathlib import Path

import torch
from torch import Tensor

from davsn.core.clip import Batch
from davsn.data.samples import Samples
from davsn.data.taxonomy import Taxonomy
from davsn.data.writers import save_mask


class Pictures:
    """Keeps the predictions of labelled frames as palette PNGs at the label's size, each whole as soon as it is there.

    They are called as the public code calls them: the frame's picture with ``_color`` behind its name.

    Args:
        folder: where; it is made.
        samples: what is evaluated.
        taxonomy: the palette.
    """

    def __init__(self, folder: Path, samples: Samples, taxonomy: Taxonomy) -> None:
        self._folder, self._taxonomy, dataset = folder, taxonomy, samples.dataset
        self._names = {samples.name(*place): dataset.file_name(*place) for place in samples.places}

    def __call__(self, batch: Batch, prediction: Tensor) -> None:
        """Write those of a batch; one without labels is passed over."""
        if batch.labels is not None:
            masks = prediction.to(torch.uint8).cpu().numpy()
            for name, mask in zip(batch.names, masks, strict=True):
                save_mask(self._folder / f"{self._names[name]}_color.png", mask, self._taxonomy)
