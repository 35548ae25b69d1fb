"""What predicts by the mean of several logits: an ensemble of networks, or several views of a frame."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from davsn.ops.resize import largest


class Combined(nn.Module, ABC):
    """Base class of networks whose logits are a mean of others. It predicts like a single network."""

    @abstractmethod
    def scores(self, current: Tensor, previous: Tensor | None, flow: Tensor | None, size: tuple[int, int]) -> Tensor:
        """The averaged logits (B, C, H, W) at ``size``; see :meth:`VideoSegmenter.scores`."""

    @abstractmethod
    def step(
        self, current: Tensor, flow: Tensor | None, memory: Sequence[Any] | None, size: tuple[int, int]
    ) -> tuple[Tensor, Sequence[Any]]:
        """Predict the next frame of a stream; see :meth:`VideoSegmenter.step`. There is a memory for each part."""

    def predict(self, current: Tensor, previous: Tensor | None, flow: Tensor | None, size: tuple[int, int]) -> Tensor:
        """The predicted train ids (B, H, W) int64 at ``size``; see :meth:`VideoSegmenter.predict`."""
        return largest(self.scores(current, previous, flow, size))

    def predict_next(
        self, current: Tensor, flow: Tensor | None, memory: Sequence[Any] | None, size: tuple[int, int]
    ) -> tuple[Tensor, Sequence[Any]]:
        """The train ids (B, H, W) int64 of the next frame of a stream, and the memory; see :meth:`step`."""
        scores, memories = self.step(current, flow, memory, size)
        return largest(scores), memories
