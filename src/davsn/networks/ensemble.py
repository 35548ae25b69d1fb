"""Ensembles of segmentation networks."""

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from davsn.networks.combined import Combined
from davsn.networks.video import VideoSegmenter


class Ensemble(Combined):
    """An ensemble predicts by the weighted mean of its networks' logits. It can be evaluated like a single network.

    The logits of each network are resized before they are averaged, as the public code's ``video_single`` intends.
    The networks may differ in everything but their classes.

    Args:
        members: the networks.
        weights: one weight for each network, above 0; only the ratios matter.
        first_only: repeat an accident of the public code: its loop runs the first network in place of every other.

    Raises:
        ValueError: the networks have different numbers of classes, or the weights do not fit the networks.
    """

    def __init__(self, members: Sequence[VideoSegmenter], weights: Sequence[float], first_only: bool = False) -> None:
        super().__init__()
        if len({member.num_classes for member in members}) != 1:
            raise ValueError("the networks of an ensemble need the same number of classes")
        if len(weights) != len(members) or not all(0 < weight < math.inf for weight in weights):
            raise ValueError(f"{len(members)} networks need {len(members)} weights above 0, but got {list(weights)}")
        self.members = nn.ModuleList([members[0]] * len(members) if first_only else members)
        self.shares = [weight / sum(weights) for weight in weights]
        self.num_classes = members[0].num_classes

    @property
    def looks_back(self) -> bool:
        """Whether any of the networks uses the previous frame; see :attr:`VideoSegmenter.looks_back`."""
        return any(member.looks_back for member in self.members if isinstance(member, VideoSegmenter))

    def scores(self, current: Tensor, previous: Tensor | None, flow: Tensor | None, size: tuple[int, int]) -> Tensor:
        """The averaged logits (B, C, H, W) at ``size``; see :meth:`VideoSegmenter.scores`."""
        total = current.new_zeros(())
        for member, share in zip(self.members, self.shares, strict=True):
            assert isinstance(member, VideoSegmenter)
            total = total + share * member.scores(current, previous, flow, size)
        return total

    def step(
        self, current: Tensor, flow: Tensor | None, memory: Sequence[Any] | None, size: tuple[int, int]
    ) -> tuple[Tensor, Sequence[Any]]:
        """Predict the next frame of a stream; see :meth:`VideoSegmenter.step`. The memory is that of every network."""
        total, memories = current.new_zeros(()), []
        for index, (member, share) in enumerate(zip(self.members, self.shares, strict=True)):
            assert isinstance(member, VideoSegmenter)
            scores, kept = member.step(current, flow, None if memory is None else memory[index], size)
            total = total + share * scores
            memories.append(kept)
        return total, memories
