"""A step and a frame of TPS as its public code computes them, beside what ``network.py`` says:

- source frames take the target's colours on the host, by sorting the values of each channel in NumPy;
- the strong augmentation is Pillow's, on the host, of two stacked frames whose mean is already subtracted;
- logits move along the flow on the device, in a kernel that works in float32 (``grid_sample`` takes its place here).

The public code of TPS has no loop over pixels.
"""

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2 import functional as transforms

from benchmarks.costs.literal.network import AUX, LEVELS, Literal, resized
from davsn.core.clip import Batch
from davsn.methods.tps import Draw, Tps
from davsn.ops.augmentation import Photometric
from davsn.ops.pictures import MEAN_BGR, as_if_normalised
from davsn.training.loop import Trainer


class LiteralTps(Literal):
    """TPS's loop, around the networks of a trainer, with the random draws of its method."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(trainer)
        assert isinstance(trainer.method, Tps)
        assert trainer.method.config.interval == 1
        self.draw, self.target_weight = trainer.method.draw, trainer.method.config.target_weight

    def step(self, source: Batch, target: Batch) -> dict[str, float]:
        """See :class:`Literal`. Both batches are on the host, as their loaders leave them."""
        draw = self.draw(target.size[0])
        self.optimiser.zero_grad()
        frames = (matched(frame, target.current) for frame in (source.current, source.previous))
        losses = self.supervised(self.forward(*frames, source.flow), source.labels)

        labels = self.pseudo_labels(target, draw)
        on_changed = self.forward(*self.changed(target, draw), target.flow)
        for level in LEVELS:
            small = functional.interpolate(
                on_changed[level].fused, labels[level].shape[-2:], mode="bilinear", align_corners=True
            )
            losses[f"pseudo/{level}"] = functional.cross_entropy(small, labels[level])
        (self.target_weight * (losses["pseudo/main"] + AUX * losses["pseudo/aux"])).backward()
        self.optimiser.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def propagated(self, maps: Tensor, flow: Tensor) -> Tensor:
        """Maps sampled on their device, with the border's values outside the frame."""
        height, width = maps.shape[-2:]
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        there = torch.stack([2 * (x + flow[0]) / (width - 1) - 1, 2 * (y + flow[1]) / (height - 1) - 1], -1)
        grid = there.float()[None].to(maps.device)
        return functional.grid_sample(maps, grid, padding_mode="border", align_corners=True)

    @torch.no_grad()
    def pseudo_labels(self, target: Batch, draw: Draw) -> dict[str, Tensor]:
        """By level, the classes (1, h, w) of the earlier frame, moved to the current frame.

        A mirrored flow keeps its sign, and mirrored labels are mirrored back after they are moved.
        """
        early = target.frames[-1], target.frames[-2], target.flows[-1, -2]
        labels = {}
        seen = tuple(each.flip(-1) for each in early) if draw.mirrored else early
        for level, logits in self.forward(*seen).items():
            maps = logits.fused.softmax(1)
            moved = self.propagated(maps, resized(target.flow, maps.shape[-2:])).argmax(1)
            labels[level] = moved.flip(-1) if draw.mirrored else moved
        return labels

    def changed(self, target: Batch, draw: Draw) -> tuple[Tensor, Tensor]:
        """The current and the previous frame after the strong augmentation, at another size, on the device."""
        height, width = target.size
        stack = torch.cat([target.current, target.previous], -2)[0].flip(0).mul(255).round()  # blue first
        stack = stack - torch.tensor(MEAN_BGR).view(3, 1, 1)
        numbers = (stack * 255).trunc().remainder(256).byte().permute(1, 2, 0).numpy()
        assert isinstance(draw.photometric, Photometric)
        augmented = transforms.pil_to_tensor(in_pillow(Image.fromarray(numbers), draw.photometric)).float() / 255
        seen = as_if_normalised(augmented[None]).to(self.device)  # our networks subtract the mean themselves
        size = (round(height * draw.scale / 8) * 8, round(width * draw.scale / 8) * 8)
        halves = (seen[..., :height, :], seen[..., height:, :])
        current, previous = (functional.interpolate(each, size, mode="bilinear", align_corners=True) for each in halves)
        return current, previous


def in_pillow(picture: Image.Image, drawn: Photometric) -> Image.Image:
    """A draw of the strong augmentation as Pillow computes it, on 8 bits."""
    if drawn.blur is not None:
        picture = picture.filter(ImageFilter.GaussianBlur(drawn.blur))
    for name, strength in drawn.jitter:
        picture = getattr(transforms, f"adjust_{name}")(picture, strength)
    return transforms.rgb_to_grayscale(picture, num_output_channels=3) if drawn.grey else picture


def matched(picture: Tensor, reference: Tensor) -> Tensor:
    """A frame (1, 3, H, W) with the colours of another, on the host.

    In each channel, a value becomes the other's value of equal rank, interpolated.
    """
    channels = []
    for ours, theirs in zip(picture[0].numpy(), reference[0].numpy(), strict=True):
        _, place, counts = np.unique(ours, return_inverse=True, return_counts=True)
        wanted, wanted_counts = np.unique(theirs, return_counts=True)
        rank, wanted_rank = np.cumsum(counts) / ours.size, np.cumsum(wanted_counts) / theirs.size
        channels.append(np.interp(rank, wanted_rank, wanted)[place].reshape(ours.shape).astype(np.float32))
    return torch.from_numpy(np.stack(channels))[None]
