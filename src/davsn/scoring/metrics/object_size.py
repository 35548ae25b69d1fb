"""The metric ``object_size``: how much of small, medium and large objects is found."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch
from pydantic import field_validator
from torch import Tensor

from davsn.core.settings import Settings
from davsn.scoring.confusion import ratio
from davsn.scoring.metric import Counts, Metric, Seen

_SIZES = ("small", "medium", "large")


class ObjectSize(Metric):
    """The recall of pixels by the size of the labelled object that they belong to.

    An object is a connected component of one class in the label map; pixels that touch at a side or a corner are
    connected. Its size is its share of the frame's pixels. Recall is the share of the pixels of all objects of a class
    and size that are predicted as this class. The value is the mean over the scored classes. There is no IoU by size,
    because a wrong prediction belongs to no object.
    """

    class Config(Settings):
        """Settings of ``object_size``."""

        edges: tuple[float, float] = (0.05, 0.5)
        """Shares of the frame, in percent, from which an object is medium and large. At 2048×1024, 0.05 % is 1049
        pixels."""

        @field_validator("edges")
        @classmethod
        def _rise(cls, edges: tuple[float, float]) -> tuple[float, float]:
            if not 0 < edges[0] < edges[1] < 100:
                raise ValueError(f"should be two rising percentages between 0 and 100, but got {list(edges)}")
            return edges

    config: Config
    title = "recall by object size"
    needs = frozenset({"labels"})

    def count(self, seen: Seen) -> Mapping[str, Tensor] | None:
        """Count ``pixels`` (3, C, 2): pixels and correct ones by size and class; and ``objects`` (3, C)."""
        if seen.labels is None:
            return None
        labels, prediction = seen.labels.cpu().numpy(), seen.prediction.cpu().numpy()
        classes = len(self.taxonomy)
        pixels, objects = np.zeros((3, classes, 2), np.int64), np.zeros((3, classes), np.int64)
        for index in np.unique(labels[labels < classes]):
            mask = labels == index
            number, component, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
            areas = stats[1:, cv2.CC_STAT_AREA].astype(np.int64)
            hits = np.bincount(component[mask & (prediction == index)], minlength=number)[1:]
            size = np.digitize(areas / labels.size * 100, self.config.edges)
            np.add.at(pixels[:, index], size, np.stack([areas, hits], 1))
            objects[:, index] = np.bincount(size, minlength=3)
        return {"pixels": torch.from_numpy(pixels), "objects": torch.from_numpy(objects)}

    def values(self, counts: Counts) -> dict[str, float]:
        """The mean recall of every size over the scored classes that have such objects."""
        shares = ratio(counts["pixels"][..., 1], counts["pixels"][..., 0])
        return {name: self.mean(share) for name, share in zip(_SIZES, shares, strict=True)}

    def classes(self, counts: Counts) -> dict[str, dict[str, float]]:
        """The recall of every class and size."""
        shares = ratio(counts["pixels"][..., 1], counts["pixels"][..., 0])
        return {name: self.by_class(share) for name, share in zip(_SIZES, shares, strict=True)}

    def details(self, counts: Counts) -> dict[str, Any]:
        """The number of objects by size and class, and the shares of the frame that divide the sizes."""
        names = self.taxonomy.names
        numbers = {
            size: dict(zip(names, map(int, row), strict=True))
            for size, row in zip(_SIZES, counts["objects"], strict=True)
        }
        return {"objects": numbers, "edges": list(self.config.edges)}
