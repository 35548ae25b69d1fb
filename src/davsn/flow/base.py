"""What every optical-flow estimator offers."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from davsn.settings import Settings


class FlowEstimator(ABC):
    """Motion between two frames.

    Args:
        config: the estimator's own settings.
    """

    Config: ClassVar[type[Settings]]
    """The estimator's settings class."""

    @abstractmethod
    def __init__(self, config: Settings) -> None: ...

    @abstractmethod
    def estimate(self, frames_a: Tensor, frames_b: Tensor) -> Tensor:
        """The flow a→b.

        Args:
            frames_a: (B, 3, H, W) RGB in [0, 1], any size, any device.
            frames_b: the same shape.

        Returns:
            (B, 2, H, W) float32 on the input's device: x right then y down, in pixels, on frame a's grid;
            content at p in a is at p + flow(p) in b.
        """
