"""A step and a frame of DA-VSN as the public code computes them, written from its description: the baseline.

It runs the same networks on the same device as davsn. What differs is what the public code does around them:

- both frames' logits are propagated on the host, in a Python loop over the pixels, once for each use;
- the target's probabilities and their entropy are propagated separately;
- gradients are switched on and off by ``requires_grad``, and each loss is a number on the host after every step;
- the optimiser lists the parameters of the backbone several times, and updates them as often;
- a predicted frame passes the network with the frame before it, and its scores are upsampled and copied to the host,
  which takes the largest.

Losses and gradients are those of a faithful run; ``tests/benchmarks/test_device_benchmark.py`` compares them.
"""

import sys
import warnings

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.records import PROJECT
from davsn.core.clip import IGNORE, Batch
from davsn.networks.video import VideoSegmenter
from davsn.training.loop import Trainer
from davsn.training.repeated_sgd import times_listed

sys.path.insert(0, str(PROJECT / "tests"))
from oracles.propagation import literal_splat

SIDES = ("spatio_temporal", "spatial")
LEVELS = ("aux", "main")
AUX, ADVERSARIAL, AUX_ADVERSARIAL = 0.1, 0.001, 0.2
RATE, JUDGE_RATE = 2.5e-4, 1e-4


class Literal:
    """DA-VSN's loop, around the networks of a trainer.

    Args:
        trainer: a trainer of da_vsn; it keeps its optimisers, and these have their own.
    """

    def __init__(self, trainer: Trainer) -> None:
        segmenter = trainer.parts["segmenter"]
        assert isinstance(segmenter, VideoSegmenter)
        assert segmenter.fusion is not None
        self.device, self.image, self.fusion = trainer.device, segmenter.image, segmenter.fusion
        self.judges = {f"{side}/{level}": trainer.parts[f"{side}/{level}"] for side in SIDES for level in LEVELS}
        names = {parameter: name for name, parameter in self.image.named_parameters()}
        groups = segmenter.groups()
        repeated = [parameter for parameter in groups["backbone"] for _ in range(times_listed(names[parameter]))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of parameters that are listed twice
            self.optimisers = [
                torch.optim.SGD(
                    [
                        {"params": repeated},
                        {"params": groups["fusion"], "lr": 10 * RATE},
                        {"params": groups["classifier"], "lr": 10 * RATE},
                    ],
                    lr=RATE,
                    momentum=0.9,
                    weight_decay=5e-4,
                ),
                *(
                    torch.optim.Adam(judge.parameters(), lr=JUDGE_RATE, betas=(0.9, 0.99))
                    for judge in self.judges.values()
                ),
            ]

    def step(self, source: Batch, target: Batch) -> dict[str, float]:
        """One step; the losses by the names that da_vsn gives them."""
        source, target = source.to(self.device), target.to(self.device)
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        self.freeze(True)
        on_source = self.forward(source)
        losses = {f"segmentation/{level}": self.supervised(on_source, level, source) for level in LEVELS}
        (losses["segmentation/main"] + AUX * losses["segmentation/aux"]).backward()

        on_target = self.forward(target)
        losses |= {f"consistency/{level}": self.consistency(on_target, level) for level in LEVELS}
        total = ADVERSARIAL * (losses["consistency/main"] + losses["consistency/aux"])
        views = {name: self.view(on_target, name, target.size) for name in self.judges}
        for name, view in views.items():
            losses[f"fool/{name}"] = told(self.judges[name](view), 0)
            total = total + ADVERSARIAL * (AUX_ADVERSARIAL if "aux" in name else 1) * losses[f"fool/{name}"]
        total.backward()

        self.freeze(False)
        for name, judge in self.judges.items():
            for domain, label, view in (
                ("source", 0, self.view(on_source, name, source.size).detach()),
                ("target", 1, views[name].detach()),
            ):
                losses[f"judge/{name}/{domain}"] = told(judge(view), label) / 2
                losses[f"judge/{name}/{domain}"].backward()
        for level in LEVELS:
            pair = zip(*(self.judges[f"{side}/{level}"].parameters() for side in SIDES), strict=True)
            cosines = [functional.cosine_similarity(a.flatten(), b.flatten(), 0) + 1 for a, b in pair]
            losses[f"discrepancy/{level}"] = torch.stack(cosines).mean()
        (ADVERSARIAL * (losses["discrepancy/main"] + losses["discrepancy/aux"])).backward()

        for part in ([*self.image.parameters(), self.fusion.weight], *(j.parameters() for j in self.judges.values())):
            nn.utils.clip_grad_norm_(part, 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    @torch.no_grad()
    def frame(self, target: Batch, size: tuple[int, int]) -> np.ndarray:
        """The predicted classes (H, W) of the current frame, on the host."""
        target = target.to(self.device)
        scores = self.forward(target)["main"][0]
        upsampled = functional.interpolate(scores, size, mode="bilinear", align_corners=True)
        return np.argmax(upsampled[0].cpu().numpy().transpose(1, 2, 0), 2).astype(np.uint8)

    def freeze(self, frozen: bool) -> None:
        """Switch the discriminators' gradients."""
        for judge in self.judges.values():
            for parameter in judge.parameters():
                parameter.requires_grad = not frozen

    def forward(self, batch: Batch) -> dict[str, tuple[Tensor, Tensor, Tensor, Tensor]]:
        """By level: fused, current and previous logits, and the flow (2, h, w) at their size, on the host."""
        current = self.image(batch.current).named
        with torch.no_grad():
            previous = self.image(batch.previous).named
        flow, size = batch.flow.cpu().double(), current["main"].shape[-2:]
        small = functional.interpolate(flow, size, mode="bilinear", align_corners=True) * (size[0] / flow.shape[-2])
        found = {}
        for level in LEVELS:
            moved = propagated(previous[level], small[0])
            fused = self.fusion(torch.cat([current[level], moved], 1))
            found[level] = fused, current[level], previous[level], small[0]
        return found

    def supervised(self, on: dict[str, tuple[Tensor, ...]], level: str, source: Batch) -> Tensor:
        """Cross entropy with the labels, at their size."""
        assert source.labels is not None
        upsampled = functional.interpolate(on[level][0], source.size, mode="bilinear", align_corners=True)
        return functional.cross_entropy(upsampled, source.labels, ignore_index=IGNORE)

    def consistency(self, on: dict[str, tuple[Tensor, ...]], level: str) -> Tensor:
        """The distance to the propagated probabilities, where their entropy is lower."""
        _, current, previous, flow = on[level]
        now = current.softmax(1)
        with torch.no_grad():
            before = previous.softmax(1)
            moved, less = propagated(before, flow), propagated(entropy(before), flow)
            written = propagated(on["main"][2].softmax(1), flow).sum(1, keepdim=True)
            weight = written.round() * (less < entropy(now))
        return (weight * (now - moved).abs()).mean()

    def view(self, on: dict[str, tuple[Tensor, ...]], name: str, size: tuple[int, int]) -> Tensor:
        """A discriminator's input: one softmax over both frames' classes."""
        side, level = name.split("/")
        _, current, previous, _ = on[level]
        both = torch.cat([current, previous if side == "spatio_temporal" else current], 1)
        return functional.interpolate(both, size, mode="bilinear", align_corners=True).softmax(1)


def told(logits: Tensor, label: int) -> Tensor:
    """Binary cross entropy with the label of one domain."""
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def entropy(probabilities: Tensor) -> Tensor:
    """(B, 1, h, w): the mean over classes of the weighted self-information."""
    information = -probabilities * torch.log2(probabilities + 1e-30) / np.log2(probabilities.shape[1])
    return information.mean(1, keepdim=True)


def propagated(maps: Tensor, flow: Tensor) -> Tensor:
    """Maps (1, C, h, w) moved along a flow (2, h, w) on the host; they are copied there and back."""
    moved, _ = literal_splat(maps[0].detach().cpu().numpy(), flow.numpy())
    return torch.from_numpy(np.ascontiguousarray(moved))[None].to(maps.device)
