"""The base of estimators that are neural networks: it loads their weights and handles frames of any size."""

import logging
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from davsn.core.files.tensors import State, load_state, of_network
from davsn.core.settings import Settings
from davsn.flow.estimator import FlowEstimator

_log = logging.getLogger(__name__)


class NeuralSettings(Settings):
    """Settings of every neural estimator."""

    weights: Literal["random"] | Path | None = None
    """A weights file, .pth or .safetensors. null: download torchvision's weights once (flownet2 always needs a file).
    'random' is for measuring time and memory only: the flow has no meaning."""


class NeuralEstimator(FlowEstimator):
    """Base class of neural estimators, which estimate flow for whole batches on the frames' device, without gradient.

    Frames are padded to a size that the network takes, by repeating their last row and column. The flow is then cut
    to the frames' own size. No pixel is resampled, so the values need no scaling. Under autocast the network computes
    in the lower precision, except that its matching costs and its flow stay float32.
    """

    on_device = True
    multiple: ClassVar[int]
    """Heights and widths must be multiples of this many pixels."""
    smallest: ClassVar[int]
    """Heights and widths must be at least this many pixels."""
    network: nn.Module

    @abstractmethod
    def flow(self, first: Tensor, second: Tensor) -> Tensor:
        """The flow first→second (B, 2, H, W) in pixels, from padded frames (B, 3, H, W), RGB in [0, 1]."""

    def estimate(self, frames_a: Tensor, frames_b: Tensor) -> Tensor:
        """The flow a→b; see :meth:`FlowEstimator.estimate`. The network moves to the frames' device and stays there."""
        height, width = frames_a.shape[-2:]
        padding = (0, self._missing(width), 0, self._missing(height))
        with torch.inference_mode(False), torch.no_grad():  # else weights and flow would stay inference tensors
            if next(self.network.parameters(), frames_a).device != frames_a.device:  # `to` looks at every tensor
                self.network.to(frames_a.device)
            first, second = (
                functional.pad(frames.float(), padding, mode="replicate") for frames in (frames_a, frames_b)
            )
            return self.flow(first, second)[..., :height, :width].float()

    def _missing(self, length: int) -> int:
        """How many pixels of padding a side of this length needs."""
        return max(-(-length // self.multiple) * self.multiple, self.smallest) - length


def prepared(make: Callable[[], nn.Module], state: State | None, name: str, where: str) -> nn.Module:
    """Build a network that is ready to estimate, with the given weights, or with random weights and a warning.

    Args:
        make: builds the network.
        state: the weights by name. The network takes them over and the mapping is emptied, so that no tensor is
            held twice. None: random weights.
        name: the estimator's name, for the warning.
        where: the weights file, named in errors.

    Raises:
        CheckpointError: the weights do not fit; it names missing, unexpected and misshapen tensors, all at once.
    """
    if state is None:
        _log.warning("%s has random weights: measure its time and memory, but do not use its flow", name)
        network = make()
    else:
        with torch.device("meta"):
            network = make()
        load_state(network, of_network(state, network.state_dict(), where), where)
        state.clear()
        network.float()  # the file may be in half precision
    return network.eval().requires_grad_(False)
