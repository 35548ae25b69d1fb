"""No motion: every pixel stays where it is. For stills, and as the floor every estimator has to beat."""

import torch
from torch import Tensor

from davsn.core.settings import Settings
from davsn.flow.estimator import FlowEstimator


class Zero(FlowEstimator):
    """The flow that is 0 everywhere."""

    class Config(Settings):
        """There is nothing to set."""

    def __init__(self, config: Settings) -> None:
        self.config = config

    def estimate(self, frames_a: Tensor, frames_b: Tensor) -> Tensor:
        """Zeros (B, 2, H, W); see :meth:`FlowEstimator.estimate`."""
        batch, _, height, width = frames_a.shape
        return torch.zeros(batch, 2, height, width, device=frames_a.device)
