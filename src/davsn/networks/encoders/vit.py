"""Plain vision transformers of timm: DINOv2, DINOv3, DeiT, CLIP … Their features have one scale, at four depths."""

import functools
from collections.abc import Collection

import timm
from torch import Tensor, nn

from davsn.core.files.tensors import State
from davsn.networks.encoder import Encoder
from davsn.networks.initial_weights import load_timm
from davsn.networks.timm_encoders import built, depths_of, layers_of, plain_names

DEPTHS = 4
"""The number of blocks whose output is taken, at equal distances; the last block is the deepest."""


class Vit(Encoder):
    """Plain vision transformers: tokens of four blocks after the last layer normalisation, as maps of one scale.

    Frames of any size pass. They are resized to a multiple of the patch, and so are the position embeddings. No token
    lies outside the frame, as it would after padding.
    """

    several_scales = False

    def __init__(self, name: str, drop_path: float = 0.0, pretrained: bool = False) -> None:
        super().__init__(name, drop_path, pretrained)
        make = functools.partial(timm.create_model, name, pretrained=pretrained, dynamic_img_size=True)
        self.body = built(make, name, drop_path)
        count = len(self.body.blocks)
        self.taken = [round(count * share / DEPTHS) - 1 for share in range(1, DEPTHS + 1)]
        self.body.prune_intermediate_layers(self.taken)  # leaves out the classifier
        self.channels = (self.body.embed_dim,) * DEPTHS
        (self.multiple, _) = self.body.patch_embed.patch_size
        self.mean, self.std = self.body.pretrained_cfg["mean"], self.body.pretrained_cfg["std"]

    @classmethod
    def names(cls) -> Collection[str]:
        """All plain vision transformers of timm; a name may say which weights: vit_small_patch14_dinov2.lvd142m."""
        return plain_names()

    def forward(self, images: Tensor) -> list[Tensor]:
        """The tokens of four blocks as maps, all at 1/patch of the frames; see :meth:`Encoder.forward`."""
        features: list[Tensor] = self.body.forward_intermediates(
            images, indices=self.taken, norm=True, intermediates_only=True
        )
        return features

    def load(self, state: State, where: str) -> None:
        """Load a weights file with timm's names; see :meth:`Encoder.load`."""
        load_timm(self.body, state, where)

    def layers(self) -> list[list[nn.Parameter]]:
        """See :meth:`Encoder.layers`."""
        return layers_of(self.body, depths_of(self.body))
