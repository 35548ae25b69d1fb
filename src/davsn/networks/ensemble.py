"""Several video networks that decide together."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from davsn.networks.video import VideoSegmenter


class Ensemble(nn.Module):
    """The weighted mean of several networks' scores decides. Evaluation takes it as it takes a single network.

    What is averaged are logits, each network's resized first, as the public code's ``video_single`` means to do. The
    networks may differ in all but their classes.

    Args:
        members: the networks.
        weights: one a network, above 0; only their ratios matter.
        first_only: repeats the public code's accident: its loop over the networks runs the first in each one's place.

    Raises:
        ValueError: networks of different numbers of classes, or weights that do not fit them.
    """

    def __init__(self, members: Sequence[VideoSegmenter], weights: Sequence[float], first_only: bool = False) -> None:
        super().__init__()
        if len({member.num_classes for member in members}) != 1:
            raise ValueError("networks that decide together need the same classes")
        if len(weights) != len(members) or not all(0 < weight < math.inf for weight in weights):
            raise ValueError(f"{len(members)} networks need as many weights above 0, but got {list(weights)}")
        self.members = nn.ModuleList([members[0]] * len(members) if first_only else members)
        self.shares = [weight / sum(weights) for weight in weights]
        self.num_classes = members[0].num_classes

    @property
    def looks_back(self) -> bool:
        """Whether any of them looks at the previous frame; see :attr:`VideoSegmenter.looks_back`."""
        return any(member.looks_back for member in self.members if isinstance(member, VideoSegmenter))

    def scores(self, current: Tensor, previous: Tensor | None, flow: Tensor | None, size: tuple[int, int]) -> Tensor:
        """(B, C, H, W) at ``size``: see :meth:`VideoSegmenter.scores`."""
        total = current.new_zeros(())
        for member, share in zip(self.members, self.shares, strict=True):
            assert isinstance(member, VideoSegmenter)
            total = total + share * member.scores(current, previous, flow, size)
        return total

    def predict(self, current: Tensor, previous: Tensor | None, flow: Tensor | None, size: tuple[int, int]) -> Tensor:
        """(B, H, W) int64 train ids at ``size``: see :meth:`VideoSegmenter.predict`."""
        return self.scores(current, previous, flow, size).argmax(1)
