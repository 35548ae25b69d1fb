"""What estimators that are neural networks share: their weights, and frames of any size."""

import logging
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from davsn.core.files.tensors import State, load_state
from davsn.core.settings import Settings
from davsn.flow.estimator import FlowEstimator

_log = logging.getLogger(__name__)


class NeuralSettings(Settings):
    """Settings of every neural estimator."""

    weights: Literal["random"] | Path | None = None
    """A file of weights, .pth or .safetensors; null fetches those that torchvision publishes, once (FlowNet2 has none
    to fetch); 'random' is for measuring time and memory: the flow means nothing."""


class NeuralEstimator(FlowEstimator):
    """A network that estimates the flow of whole batches without gradient, on the frames' device.

    Frames are padded to a size that the network takes by repeating their last row and column, and the flow is cut
    to the frames' own size: no pixel is resampled, so no value needs a scale. Under autocast the network computes in
    the lower precision, except for its matching costs and its flow, which stay float32.
    """

    on_device = True
    multiple: ClassVar[int]
    """The network takes heights and widths that are multiples of this …"""
    smallest: ClassVar[int]
    """… and not below this."""
    network: nn.Module

    @abstractmethod
    def flow(self, first: Tensor, second: Tensor) -> Tensor:
        """The flow first→second (B, 2, H, W) in pixels from (B, 3, H, W) RGB in [0, 1] of a size that fits."""

    def estimate(self, frames_a: Tensor, frames_b: Tensor) -> Tensor:
        """See :meth:`FlowEstimator.estimate`. The network moves to the frames' device and stays there."""
        height, width = frames_a.shape[-2:]
        padding = (0, self._missing(width), 0, self._missing(height))
        with torch.inference_mode(False), torch.no_grad():  # prediction's mode would stick to the weights and the flow
            self.network.to(frames_a.device)
            first, second = (
                functional.pad(frames.float(), padding, mode="replicate") for frames in (frames_a, frames_b)
            )
            return self.flow(first, second)[..., :height, :width].float()

    def _missing(self, length: int) -> int:
        """Pixels that a side of this length lacks."""
        return max(-(-length // self.multiple) * self.multiple, self.smallest) - length


def prepared(make: Callable[[], nn.Module], state: State | None, name: str, where: str) -> nn.Module:
    """A network that is ready to estimate, with the weights of a state, or random ones and a warning.

    Args:
        make: builds the network.
        state: its tensors by name, which become the network's own; it is emptied, so that nothing is held twice.
            None starts at random.
        name: of the estimator, for the warning.
        where: the file of the state, named in errors.

    Raises:
        CheckpointError: naming missing, unexpected and misshapen tensors, all at once.
    """
    if state is None:
        _log.warning("%s has random weights: measure its time and memory, but do not use its flow", name)
        network = make()
    else:
        with torch.device("meta"):
            network = make()
        load_state(network, state, where)
        state.clear()
        network.float()  # a file of half precision
    return network.eval().requires_grad_(False)
