"""Thresholds for pseudo-labels, one for each class; they follow the probabilities with which a class is predicted."""

import torch
from torch import Tensor, nn

from davsn.core import ranks
from davsn.ops.pseudo_labels import class_thresholds, most_likely


class ClassThresholds(nn.Module):
    """The thresholds of IAST (Mei et al., ECCV 2020) with the values of CMOM; not trained, and saved with a run.

    Args:
        num_classes: ``C``.
    """

    START, MOST = 0.9, 0.999
    SHARE, POWER, MEMORY = 0.2, 8.0, 0.9

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("values", torch.full((num_classes,), self.START))

    @torch.no_grad()
    def believed(self, probabilities: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest labels of a new batch, and which of them reach their threshold.

        The thresholds are updated by this batch first.

        Args:
            probabilities: (B, C, H, W).

        Returns:
            (B, H, W) int64 labels, and (B, H, W) bool, which of them reach their class's threshold.
        """
        values = self.get_buffer("values")
        labels, likely = most_likely(probabilities)
        options = {"share": self.SHARE, "power": self.POWER, "memory": self.MEMORY, "most": self.MOST}
        values.copy_(class_thresholds(values, ranks.together(labels), ranks.together(likely), **options))
        return labels, likely >= values[labels]
