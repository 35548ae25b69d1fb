"""The metric ``flicker``: changes of the prediction where the video does not change, without flow and labels."""

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import interpolate

from davsn.core.settings import Settings
from davsn.scoring.confusion import ratio
from davsn.scoring.metric import Counts, Metric, Seen


class Flicker(Metric):
    """The share of static pixels whose prediction changes from one frame to the next.

    S_t is the set of pixels whose colour is the same in frame t and frame t-1: no channel differs by more than
    ``tolerance`` levels of 255. The value is Σ_t |{p in S_t: P_t(p) ≠ P_t-1(p)}| / Σ_t |S_t|. Per class, pixels are
    grouped by P_t-1. Pixels of a moving surface of one colour are in S_t too. There the class should not change either.
    """

    class Config(Settings):
        """Settings of ``flicker``."""

        tolerance: int = Field(3, ge=0, le=255)
        """The largest change of a colour channel of a static pixel, in levels of 255; it allows for camera noise."""

    config: Config
    title = "flicker on static pixels"
    needs = frozenset({"neighbours"})
    better = "lower"

    def count(self, seen: Seen) -> Mapping[str, Tensor] | None:
        """Count ``pixels`` (C, 2): static ones and changed ones by previous class; and ``all`` pixels."""
        if not seen.past:
            return None
        before, classes = seen.past[0], len(self.taxonomy)
        change = ((seen.frame - before.frame).abs() * 255).round().amax(0)
        still = (change <= self.config.tolerance).float()
        static = interpolate(still[None, None], seen.size)[0, 0] > 0
        changed = static & (seen.prediction != before.prediction)
        pixels = [torch.bincount(before.prediction[mask].long(), minlength=classes) for mask in (static, changed)]
        return {"pixels": torch.stack(pixels, 1), "all": torch.tensor(static.numel())}

    def values(self, counts: Counts) -> dict[str, float]:
        """The share of static pixels that change their class, and the share of pixels that are static."""
        static, changed = counts["pixels"].sum(0)
        found = {"flicker": ratio(changed, static), "static pixels": ratio(static, counts["all"])}
        return {name: float(share) * 100 for name, share in found.items()}

    def classes(self, counts: Counts) -> dict[str, dict[str, float]]:
        """The share of static pixels that change their class, by previous class."""
        return {"flicker": self.by_class(ratio(counts["pixels"][:, 1], counts["pixels"][:, 0]))}
