"""The metric ``vc``: video consistency over windows of 8 and 16 frames, where all frames are labelled."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from davsn.core.settings import Settings
from davsn.scoring.confusion import ratio
from davsn.scoring.metric import Counts, Metric, Seen


class VideoConsistency(Metric):
    """The share of pixels with a constant label whose prediction is constant too.

    For a window of n consecutive labelled frames, G is the set of pixels whose label is the same class in all of them,
    and P the set of pixels whose prediction is the same in all of them: VC_n = |G ∩ P| / |G|. The value is the mean
    over all windows of all clips with a pixel in G (Miao et al., "VSPW: A Large-scale Dataset for Video Scene Parsing
    in the Wild", CVPR 2021). A prediction that is constant and wrong counts as consistent, as in the public code. For
    the values with "correct", the prediction must also be the label. Per class, pixels of all windows are pooled.

    The public code leaves out the last window of every video and counts pixels without a class as a class of their own.
    """

    class Config(Settings):
        """Settings of ``vc``."""

        windows: tuple[Annotated[int, Field(ge=2, le=64)], ...] = Field((8, 16), min_length=1)
        """Numbers of frames in a window."""

    config: Config
    title = "video consistency"
    needs = frozenset({"labels", "neighbours"})

    @property
    def frames_back(self) -> int:
        """All frames of the longest window but the current one."""
        return max(self.config.windows) - 1

    def count(self, seen: Seen) -> Mapping[str, Tensor] | None:
        """Count the windows that end at this frame.

        Returns:
            ``ratios`` (windows, 3): the sum of VC, the sum of its correct variant, and the number of windows;
            ``pixels`` (windows, C, 2): pixels of G by class, and how many of them are in P.
        """
        frames = (seen, *seen.past)
        found = [self._window(frames, length) for length in self.config.windows]
        ratios, pixels = (torch.stack(parts) for parts in zip(*found, strict=True))
        return {"ratios": ratios, "pixels": pixels} if ratios.any() else None

    def _window(self, frames: Sequence[Seen], length: int) -> tuple[Tensor, Tensor]:
        """The row of ``ratios`` and of ``pixels`` of one window; zeros if the frames do not fill it."""
        classes = len(self.taxonomy)
        labels = [frame.labels for frame in frames[:length] if frame.labels is not None]
        ratios, pixels = torch.zeros(3, dtype=torch.float64), torch.zeros(classes, 2, dtype=torch.int64)
        if len(labels) < length:
            return ratios, pixels
        predictions = [frame.prediction for frame in frames[:length]]
        constant, same = _constant(labels) & (labels[0] < classes), _constant(predictions)
        kept = constant & same
        correct = int((kept & (predictions[0] == labels[0])).sum())
        for column, mask in enumerate((constant, kept)):
            pixels[:, column] = torch.bincount(labels[0][mask].long(), minlength=classes).cpu()
        whole, part = pixels.sum(0).tolist()
        if whole:
            ratios += torch.tensor([part / whole, correct / whole, 1.0], dtype=torch.float64)
        return ratios, pixels

    def values(self, counts: Counts) -> dict[str, float]:
        """VC of every window length, then the variant of correct predictions."""
        found: dict[str, float] = {}
        for column, suffix in enumerate(("", " correct")):
            means = ratio(counts["ratios"][:, column], counts["ratios"][:, 2]) * 100
            found |= {f"VC{n}{suffix}": float(mean) for n, mean in zip(self.config.windows, means, strict=True)}
        return found

    def classes(self, counts: Counts) -> dict[str, dict[str, float]]:
        """VC of every class of the constant label, over the pixels of all windows."""
        shares = ratio(counts["pixels"][..., 1], counts["pixels"][..., 0])
        return {f"VC{n}": self.by_class(share) for n, share in zip(self.config.windows, shares, strict=True)}


def _constant(maps: Sequence[Tensor]) -> Tensor:
    """(H, W) bool, where all maps have the same value."""
    whole = torch.stack(list(maps))
    return (whole == whole[0]).all(0)
