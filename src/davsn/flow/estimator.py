"""The interface of every optical-flow estimator."""

import hashlib
import inspect
import json
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from davsn.core.plugins import Plugin, name_of
from davsn.core.settings import Settings

Flow = tuple[NDArray[np.floating], NDArray[np.bool_] | None]
"""The flow of one pair, as files store it: (H, W, 2) flow, and an (H, W) mask of known flow (None: all known)."""

_DIGITS = 16  # hexadecimal digits of a hash


class FlowEstimator(Plugin, ABC, package="davsn.flow.estimators"):
    """Base class of optical-flow estimators: the motion from one frame to another.

    Args:
        config: the estimator's own settings.
    """

    on_device: ClassVar[bool] = False
    """True for a neural network: it runs on whole batches on the training device, not in the loader's workers."""

    config: Settings
    network: nn.Module | None = None
    """The module that holds the estimator's weights; None if the estimator has no weights."""

    @abstractmethod
    def __init__(self, config: Settings) -> None: ...

    @abstractmethod
    def estimate(self, frames_a: Tensor, frames_b: Tensor) -> Tensor:
        """The flow a→b.

        Args:
            frames_a: (B, 3, H, W) RGB in [0, 1], of any size, on any device.
            frames_b: the same shape.

        Returns:
            (B, 2, H, W) float32 on the input's device and on frame a's grid: x to the right, then y downwards, in
            pixels. Content at p in a is at p + flow(p) in b.
        """

    def identity(self) -> str:
        """A text with everything that the flow depends on besides the frames. It differs between any two estimators.

        It holds the name, the settings and a hash of the network's weights, which does not depend on their file. For
        a user's own estimator it also holds a hash of the estimator's source file.
        """
        parts = [name_of(type(self))]
        source = Path(inspect.getfile(type(self)))
        if not type(self).__module__.startswith("davsn."):
            parts.append(f"code {hashlib.sha256(source.read_bytes()).hexdigest()[:_DIGITS]}")
        settings = self.config.model_dump(mode="json", exclude=None if self.network is None else {"weights"})
        parts.append(json.dumps(settings, sort_keys=True))
        if self.network is not None:
            parts.append(f"weights {self._hash_of_weights}")
        return " ".join(parts)

    @cached_property
    def _hash_of_weights(self) -> str:
        """A hash of all names, shapes and values of the network's state; computed once, as FlowNet2 takes a second."""
        assert self.network is not None
        content = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            content.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            content.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return content.hexdigest()[:_DIGITS]
