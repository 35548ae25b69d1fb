"""A step and a frame of DA-VSN as its public code computes them, beside what ``network.py`` says:

- both frames' logits are propagated on the host, in a Python loop over the pixels, once for each use;
- the target's probabilities and their entropy are propagated separately;
- gradients are switched on and off by ``requires_grad``.
"""

import sys

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.costs.literal.network import LEVELS, Literal, Logits
from benchmarks.records import PROJECT
from davsn.core.clip import Batch
from davsn.training.loop import Trainer

sys.path.insert(0, str(PROJECT / "tests"))
from oracles.propagation import literal_splat

SIDES = ("spatio_temporal", "spatial")
ADVERSARIAL, AUX_ADVERSARIAL = 0.001, 0.2
JUDGE_RATE = 1e-4


class LiteralDaVsn(Literal):
    """DA-VSN's loop, around the networks of a trainer."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(trainer)
        self.judges = {f"{side}/{level}": trainer.parts[f"{side}/{level}"] for side in SIDES for level in LEVELS}
        judges = (
            torch.optim.Adam(each.parameters(), lr=JUDGE_RATE, betas=(0.9, 0.99)) for each in self.judges.values()
        )
        self.optimisers = [self.optimiser, *judges]

    def step(self, source: Batch, target: Batch) -> dict[str, float]:
        """See :class:`Literal`."""
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        self.freeze(True)
        on_source = self.forward(source.current, source.previous, source.flow)
        losses = self.supervised(on_source, source.labels)

        on_target = self.forward(target.current, target.previous, target.flow)
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

    def freeze(self, frozen: bool) -> None:
        """Switch the discriminators' gradients."""
        for judge in self.judges.values():
            for parameter in judge.parameters():
                parameter.requires_grad = not frozen

    def propagated(self, maps: Tensor, flow: Tensor) -> Tensor:
        """Maps moved on the host; they are copied there and back."""
        moved, _ = literal_splat(maps[0].detach().cpu().numpy(), flow.numpy())
        return torch.from_numpy(np.ascontiguousarray(moved))[None].to(maps.device)

    def consistency(self, on: dict[str, Logits], level: str) -> Tensor:
        """The distance to the propagated probabilities, where their entropy is lower."""
        _, current, previous, flow = on[level]
        now = current.softmax(1)
        with torch.no_grad():
            before = previous.softmax(1)
            moved, less = self.propagated(before, flow), self.propagated(entropy(before), flow)
            written = self.propagated(on["main"].previous.softmax(1), flow).sum(1, keepdim=True)
            weight = written.round() * (less < entropy(now))
        return (weight * (now - moved).abs()).mean()

    def view(self, on: dict[str, Logits], name: str, size: tuple[int, int]) -> Tensor:
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
