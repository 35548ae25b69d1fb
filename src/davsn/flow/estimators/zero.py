"""The estimator ``zero``: no motion. It is for stills, and is the lower limit that every estimator should beat."""

import torch
from torch import Tensor

from davsn.core.settings import Settings
from davsn.flow.estimator import FlowEstimator


class Zero(FlowEstimator):
    """A flow that is 0 everywhere."""

    class Config(Settings):
        """The settings of ``zero``: it has none."""

    def __init__(self, config: Settings) -> None:
        self.config = config

    def estimate(self, frames_a: Tensor, frames_b: Tensor) -> Tensor:
        """Zero flow (B, 2, H, W); see :meth:`FlowEstimator.estimate`."""
        batch, _, height, width = frames_a.shape
        return torch.zeros(batch, 2, height, width, device=frames_a.device)
