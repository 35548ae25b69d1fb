"""The base of torchvision's two RAFT networks (Teed and Deng, "RAFT", ECCV 2020)."""

from abc import abstractmethod
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchvision.models import WeightsEnum
from torchvision.models.optical_flow.raft import CorrBlock

from davsn.core.errors import FlowError
from davsn.core.files.tensors import State, read_state
from davsn.core.plugins import name_of
from davsn.flow.neural import NeuralEstimator, NeuralSettings, prepared


class RaftSettings(NeuralSettings):
    """Settings of RAFT: its weights and the number of updates."""

    updates: int = Field(12, ge=1)
    """How many times the network refines the flow; fewer updates are faster and less accurate."""


class Raft(NeuralEstimator):
    """RAFT as torchvision builds it.

    Raises:
        FlowError: the weights cannot be downloaded.
        CheckpointError: the weights file does not fit this network, cannot be read, or holds more than data.
    """

    multiple = 8
    smallest = 128
    Config = RaftSettings

    def __init__(self, config: RaftSettings) -> None:
        self.config: RaftSettings = config
        name = name_of(type(self))
        state = None
        if config.weights is None:
            state = _fetched(self.published(), name)
        elif config.weights != "random":
            state = read_state(config.weights)
        self.network = prepared(self.build, state, name, str(config.weights or "torchvision's file"))

    @abstractmethod
    def build(self) -> nn.Module:
        """Build the network, with its correlation in float32 (:class:`Float32Correlation`)."""

    @abstractmethod
    def published(self) -> WeightsEnum:
        """The weights to download."""

    def flow(self, first: Tensor, second: Tensor) -> Tensor:
        """The flow first→second; see :meth:`NeuralEstimator.flow`."""
        network: Any = self.network
        with _WithoutWaiting():
            flow: Tensor = network(2 * first - 1, 2 * second - 1, self.config.updates)[-1]
        network.corr_block.corr_pyramid = []  # frees all costs, which grow with the square of the number of pixels
        return flow


class _WithoutWaiting(TorchFunctionMode):
    """Copies tensors to a device without waiting for it. torchvision copies a grid in every update, and waits."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return func(*args, **{"non_blocking": True, **(kwargs or {})} if func is Tensor.to else kwargs or {})


class Float32Correlation(CorrBlock):  # type: ignore[misc]  # torchvision has no types
    """Matching costs in float32, also under autocast, because they decide where the network looks."""

    def build_pyramid(self, fmap1: Tensor, fmap2: Tensor) -> None:
        """Compute the matching costs of all pairs of positions of two feature maps (B, C, h, w)."""
        with torch.autocast(fmap1.device.type, enabled=False):
            super().build_pyramid(fmap1.float(), fmap2.float())


def _fetched(weights: WeightsEnum, name: str) -> State:
    try:
        state: State = weights.get_state_dict(progress=False, check_hash=True, map_location="cpu", weights_only=True)
    except Exception as error:  # no network, a proxy's page, a full disk, a damaged file in the hub's folder
        raise FlowError(
            f"{name}'s weights could not be downloaded from {weights.url} ({type(error).__name__}: {error}). Connect "
            f"to the internet once, or copy that file to this machine and set flow: {{name: {name}, weights: FILE}}"
        ) from None
    return state
