"""The four networks that make up FlowNet2: C, S, SD and Fusion (Ilg et al., "FlowNet 2.0", CVPR 2017).

Modules have the names of NVIDIA's PyTorch code, so its checkpoints load unchanged. Level l has 1/2^l of the input's
size. Predictions are in the unit that the network was trained with; ``pixels`` converts them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from davsn.flow.estimators.flownet2.ops import correlation

_SLOPE = 0.1

_COARSE = ((512, 512), (512, 256), (256, 128), (128, 64))
"""Channels of the encoder's features and of the upsampled features, at levels 5, 4, 3 and 2."""
_FINE = ((128, 32), (64, 16))
"""Channels of the same features in Fusion, at levels 1 and 0."""


class _Predict(nn.Conv2d):
    """Predicts flow from features, in float32 even under autocast: bfloat16 would round 20 px to steps of 1/8 px."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, 2, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.float())


class Refining(nn.Module):
    """A network that predicts flow at its coarsest level and refines it level by level.

    Args:
        batch_norm: use batch normalisation after every convolution. No published file does.
    """

    def __init__(self, batch_norm: bool) -> None:
        super().__init__()
        self.batch_norm = batch_norm

    def convolution(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
        """A convolution, its batch normalisation if there is one, and its activation."""
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, bias=not self.batch_norm)
        ]
        if self.batch_norm:
            layers.append(nn.BatchNorm2d(outputs))
        return nn.Sequential(*layers, nn.LeakyReLU(_SLOPE, inplace=True))

    def add_refinement(
        self, level: int, inputs: int, finer: Sequence[tuple[int, int]], bias: bool = True, smooth: bool = False
    ) -> None:
        """Add the layers that :meth:`refine` uses.

        Args:
            level: the coarsest level.
            inputs: channels of the coarsest level's features.
            finer: channels of the encoder's features and of the upsampled features, for each finer level.
            bias: whether the layers that upsample flow have a bias.
            smooth: add a convolution without activation before every prediction except the coarsest.
        """
        self.add_module(f"predict_flow{level}", _Predict(inputs))
        for skip, outputs in finer:
            level -= 1
            upsample = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)
            self.add_module(f"deconv{level}", nn.Sequential(upsample, nn.LeakyReLU(_SLOPE, inplace=True)))
            self.add_module(f"upsampled_flow{level + 1}_to_{level}", nn.ConvTranspose2d(2, 2, 4, 2, 1, bias=bias))
            inputs = skip + outputs + 2
            if smooth:
                norm = [nn.BatchNorm2d(outputs)] if self.batch_norm else []
                self.add_module(f"inter_conv{level}", nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), *norm))
            self.add_module(f"predict_flow{level}", _Predict(outputs if smooth else inputs))

    def refine(self, level: int, features: Tensor, skips: list[Tensor]) -> Tensor:
        """The flow at the finest level.

        Args:
            level: the coarsest level.
            features: features of the coarsest level.
            skips: the encoder's features of the finer levels, finest first. The list is emptied, to free memory early.
        """
        flow: Tensor = self.get_submodule(f"predict_flow{level}")(features)
        while skips:
            level -= 1
            up = self.get_submodule(f"upsampled_flow{level + 1}_to_{level}")(flow)
            features = torch.cat([skips.pop(), self.get_submodule(f"deconv{level}")(features), up], 1)
            smooth = getattr(self, f"inter_conv{level}", nn.Identity())
            flow = self.get_submodule(f"predict_flow{level}")(smooth(features))
        return flow


class _Pyramid(Refining):
    """The part that C, S and SD share: levels 4 to 6 of the encoder, and the refinement to level 2."""

    pixels = 20.0
    """Pixels of the input in one unit of the prediction."""

    def add_pyramid(self, bias: bool = True, smooth: bool = False) -> None:
        """Add the layers that :meth:`predict` uses; for the arguments see :meth:`Refining.add_refinement`."""
        self.conv4, self.conv4_1 = self.convolution(256, 512, stride=2), self.convolution(512, 512)
        self.conv5, self.conv5_1 = self.convolution(512, 512, stride=2), self.convolution(512, 512)
        self.conv6, self.conv6_1 = self.convolution(512, 1024, stride=2), self.convolution(1024, 1024)
        self.add_refinement(6, 1024, _COARSE, bias, smooth)

    def predict(self, level_2: Tensor, level_3: Tensor) -> Tensor:
        """The flow (B, 2, H/4, W/4) from the encoder's features at levels 2 (128 channels) and 3 (256 channels)."""
        level_4 = self.conv4_1(self.conv4(level_3))
        level_5 = self.conv5_1(self.conv5(level_4))
        return self.refine(6, self.conv6_1(self.conv6(level_5)), [level_2, level_3, level_4, level_5])


class FlowNetC(_Pyramid):
    """FlowNetC: the same layers encode both frames, and then their features are correlated."""

    def __init__(self, batch_norm: bool = False) -> None:
        super().__init__(batch_norm)
        self.conv1 = self.convolution(3, 64, 7, 2)
        self.conv2 = self.convolution(64, 128, 5, 2)
        self.conv3 = self.convolution(128, 256, 5, 2)
        self.conv_redir = self.convolution(256, 32, 1)
        self.corr_activation = nn.LeakyReLU(_SLOPE, inplace=True)
        self.conv3_1 = self.convolution(441 + 32, 256)
        self.add_pyramid()

    def forward(self, pair: Tensor) -> Tensor:
        """(B, 2, H/4, W/4) flow from both normalised frames (B, 6, H, W)."""
        first, second = pair.chunk(2, 1)
        level_2 = self.conv2(self.conv1(first))
        first, second = self.conv3(level_2), self.conv3(self.conv2(self.conv1(second)))
        costs = self.corr_activation(correlation(first, second))
        return self.predict(level_2, self.conv3_1(torch.cat([self.conv_redir(first), costs], 1)))


class FlowNetS(_Pyramid):
    """FlowNetS: its input holds both frames as channels; in a stack also the warped second frame, flow and error.

    Args:
        inputs: channels of the input: 6 alone, 12 inside a stack.
        batch_norm: see :class:`Refining`.
    """

    def __init__(self, inputs: int = 6, batch_norm: bool = False) -> None:
        super().__init__(batch_norm)
        self.conv1 = self.convolution(inputs, 64, 7, 2)
        self.conv2 = self.convolution(64, 128, 5, 2)
        self.conv3 = self.convolution(128, 256, 5, 2)
        self.conv3_1 = self.convolution(256, 256)
        self.add_pyramid(bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The flow (B, 2, H/4, W/4) from an input (B, inputs, H, W)."""
        level_2 = self.conv2(self.conv1(x))
        return self.predict(level_2, self.conv3_1(self.conv3(level_2)))


class FlowNetSD(_Pyramid):
    """FlowNetSD: FlowNetS for small displacements, with a finer first level and small kernels only."""

    pixels = 1 / 20
    """The training target was 20 times the flow in pixels."""

    def __init__(self, batch_norm: bool = False) -> None:
        super().__init__(batch_norm)
        self.conv0 = self.convolution(6, 64)
        self.conv1, self.conv1_1 = self.convolution(64, 64, stride=2), self.convolution(64, 128)
        self.conv2, self.conv2_1 = self.convolution(128, 128, stride=2), self.convolution(128, 128)
        self.conv3, self.conv3_1 = self.convolution(128, 256, stride=2), self.convolution(256, 256)
        self.add_pyramid(smooth=True)

    def forward(self, pair: Tensor) -> Tensor:
        """(B, 2, H/4, W/4) flow from both normalised frames (B, 6, H, W)."""
        level_2 = self.conv2_1(self.conv2(self.conv1_1(self.conv1(self.conv0(pair)))))
        return self.predict(level_2, self.conv3_1(self.conv3(level_2)))


class FlowNetFusion(Refining):
    """The fusion network: it chooses between the flow of the stack and that of SD, at full resolution, in pixels."""

    def __init__(self, batch_norm: bool = False) -> None:
        super().__init__(batch_norm)
        self.conv0 = self.convolution(11, 64)
        self.conv1, self.conv1_1 = self.convolution(64, 64, stride=2), self.convolution(64, 128)
        self.conv2, self.conv2_1 = self.convolution(128, 128, stride=2), self.convolution(128, 128)
        self.add_refinement(2, 128, _FINE, smooth=True)

    def forward(self, x: Tensor) -> Tensor:
        """The flow (B, 2, H, W) from the first frame, both flows, their lengths and their errors (B, 11, H, W)."""
        level_0 = self.conv0(x)
        level_1 = self.conv1_1(self.conv1(level_0))
        return self.refine(2, self.conv2_1(self.conv2(level_1)), [level_0, level_1])
