"""MiT, the mix transformer of SegFormer (Xie et al., NeurIPS 2021), which DAFormer, HRDA and MIC use too.

MiT has the layers of PVTv2 (overlapping patches, attention with reduced keys and values, a depthwise convolution in the
MLP) with other numbers. So timm's PVTv2 builds it. A weights file gives the tensors NVIDIA's names.
"""

import functools
import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import hf_hub_download
from timm.models.pvt_v2 import PyramidVisionTransformerV2
from torch import Tensor, nn

from davsn.core.files.tensors import State, of_network, read_state
from davsn.networks.encoder import Encoder
from davsn.networks.initial_weights import load_part
from davsn.networks.timm_encoders import built, depths_of, layers_of


class _Size(NamedTuple):
    channels: tuple[int, int, int, int]
    blocks: tuple[int, int, int, int]


_WIDE = (64, 128, 320, 512)
SIZES = {
    "mit_b0": _Size((32, 64, 160, 256), (2, 2, 2, 2)),
    "mit_b1": _Size(_WIDE, (2, 2, 2, 2)),
    "mit_b2": _Size(_WIDE, (3, 4, 6, 3)),
    "mit_b3": _Size(_WIDE, (3, 4, 18, 3)),
    "mit_b4": _Size(_WIDE, (3, 8, 27, 3)),
    "mit_b5": _Size(_WIDE, (3, 6, 40, 3)),
}
"""Channels and blocks of each stage (table 6 of the paper)."""
HUB = "smp-hub/{}.imagenet"
"""The repositories of the Hugging Face hub with NVIDIA's ImageNet weights; their licence allows no commercial use."""


class Mit(Encoder):
    """MiT-B0 to MiT-B5, with features at 1/4, 1/8, 1/16 and 1/32 of the frames."""

    def __init__(self, name: str, drop_path: float = 0.0, pretrained: bool = False) -> None:
        super().__init__(name, drop_path, pretrained)
        self.channels, blocks = SIZES[name]
        make = functools.partial(
            PyramidVisionTransformerV2,
            num_classes=0,
            embed_dims=self.channels,
            depths=blocks,
            num_heads=(1, 2, 5, 8),
            mlp_ratios=(4, 4, 4, 4),
            sr_ratios=(8, 4, 2, 1),
        )
        self.body = built(make, name, drop_path)
        if pretrained:
            file = Path(hf_hub_download(HUB.format(name), "model.safetensors"))
            self.load(read_state(file), str(file))

    @classmethod
    def names(cls) -> Collection[str]:
        """The six published sizes."""
        return SIZES

    def forward(self, images: Tensor) -> list[Tensor]:
        """See :meth:`Encoder.forward`."""
        features: list[Tensor] = self.body.forward_intermediates(images, intermediates_only=True)
        return features

    def load(self, state: State, where: str) -> None:
        """Load a weights file with NVIDIA's names (``block1.0.attn.q.weight``); see :meth:`Encoder.load`.

        The file's classifier, or the head of a whole SegFormer, is left out.
        """
        names = {name: nvidia_name(name) for name in self.body.state_dict()}
        load_part(self.body, of_network(state, names.values(), where), where, names)

    def layers(self) -> list[list[nn.Parameter]]:
        """Patch embedding and stages, as timm counts the layers of PVTv2; see :meth:`Encoder.layers`."""
        return layers_of(self.body, depths_of(self.body))


def nvidia_name(name: str) -> str:
    """NVIDIA's name of a tensor that timm's PVTv2 calls ``name``."""
    name = name.replace("mlp.dwconv.", "mlp.dwconv.dwconv.").replace("patch_embed.", "patch_embed1.")
    parts = re.fullmatch(r"stages\.(\d)\.(blocks|norm|downsample)\.(.*)", name)
    if parts is None:
        return name
    kind = {"blocks": "block", "norm": "norm", "downsample": "patch_embed"}[parts[2]]
    return f"{kind}{int(parts[1]) + 1}.{parts[3]}"
