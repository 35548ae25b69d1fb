"""What the public codes of DA-VSN and TPS share: the video network, its loss on the source, its optimiser, a frame."""

import warnings
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from davsn.core.clip import IGNORE, Batch
from davsn.networks.video import VideoSegmenter
from davsn.training.loop import Trainer
from davsn.training.repeated_sgd import times_listed

LEVELS = ("aux", "main")
AUX = 0.1
"""Weight of the auxiliary classifier's cross entropy."""
RATE = 2.5e-4


class Logits(NamedTuple):
    """Logits (1, C, h, w) of one classifier, and the flow (2, h, w) at their size, on the host."""

    fused: Tensor
    current: Tensor
    previous: Tensor
    flow: Tensor


class Literal(ABC):
    """A public code's loop, around the networks of a trainer.

    - The flow is resized on the host, in float64, in every pass.
    - The optimiser lists the parameters of the backbone several times, and updates them as often.
    - Each loss is a number on the host after every step.
    - A predicted frame passes the network with the frame before it. Its scores are upsampled and copied to the host,
      which takes the largest.

    Args:
        trainer: a trainer of the method; it keeps its optimisers, and the baseline has its own.
    """

    def __init__(self, trainer: Trainer) -> None:
        segmenter = trainer.parts["segmenter"]
        assert isinstance(segmenter, VideoSegmenter)
        assert segmenter.fusion is not None
        self.device, self.image, self.fusion = trainer.device, segmenter.image, segmenter.fusion
        names = {parameter: name for name, parameter in self.image.named_parameters()}
        groups = segmenter.groups()
        repeated = [parameter for parameter in groups["backbone"] for _ in range(times_listed(names[parameter]))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of parameters that are listed twice
            self.optimiser = torch.optim.SGD(
                [
                    {"params": repeated},
                    {"params": groups["fusion"], "lr": 10 * RATE},
                    {"params": groups["classifier"], "lr": 10 * RATE},
                ],
                lr=RATE,
                momentum=0.9,
                weight_decay=5e-4,
            )

    @abstractmethod
    def step(self, source: Batch, target: Batch) -> dict[str, float]:
        """One step; the losses by the names that the method gives them."""

    @abstractmethod
    def propagated(self, maps: Tensor, flow: Tensor) -> Tensor:
        """Maps (1, K, h, w) of the previous frame, moved along a flow (2, h, w) that is on the host."""

    @torch.no_grad()
    def frame(self, target: Batch, size: tuple[int, int]) -> np.ndarray:
        """The predicted classes (H, W) of the current frame, on the host."""
        scores = self.forward(target.current, target.previous, target.flow)["main"].fused
        upsampled = functional.interpolate(scores, size, mode="bilinear", align_corners=True)
        return np.argmax(upsampled[0].cpu().numpy().transpose(1, 2, 0), 2).astype(np.uint8)

    def forward(self, current: Tensor, previous: Tensor, flow: Tensor) -> dict[str, Logits]:
        """The logits by level. Frames are copied to the device; the flow stays on the host."""
        now = self.image(current.to(self.device)).named
        with torch.no_grad():
            before = self.image(previous.to(self.device)).named
        small = resized(flow, now["main"].shape[-2:])
        found = {}
        for level in LEVELS:
            moved = self.propagated(before[level], small)
            found[level] = Logits(self.fusion(torch.cat([now[level], moved], 1)), now[level], before[level], small)
        return found

    def supervised(self, on: dict[str, Logits], labels: Tensor | None) -> dict[str, Tensor]:
        """Cross entropy with the labels (1, H, W), at their size, for each level; its gradients are added."""
        assert labels is not None
        labels, losses = labels.to(self.device), {}
        for level in LEVELS:
            upsampled = functional.interpolate(on[level].fused, labels.shape[1:], mode="bilinear", align_corners=True)
            losses[level] = functional.cross_entropy(upsampled, labels, ignore_index=IGNORE)
        (losses["main"] + AUX * losses["aux"]).backward()
        return {f"segmentation/{level}": loss for level, loss in losses.items()}


def resized(flow: Tensor, size: tuple[int, ...]) -> Tensor:
    """A flow (1, 2, H, W) as (2, h, w) float64 on the host; both components are scaled by the ratio of the heights."""
    small = functional.interpolate(flow.cpu().double(), tuple(size), mode="bilinear", align_corners=True)
    return small[0] * (size[0] / flow.shape[-2])
