"""``davsn export``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import davsn
from davsn.core.console import say


def export_(
    checkpoint: Path,
    out: Annotated[Path, Parameter(alias="-o")],
    *,
    fp16: Annotated[bool, Parameter(negative="")] = False,
    recipe: str | None = None,
    own_code: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a network for other programs: a .pth that the public DA-VSN code loads, a .safetensors, or an .onnx.

    Try:

        davsn export runs/mine -o model_40000.pth

        davsn export runs/mine/checkpoints/best.pt -o best.safetensors

        davsn export runs/mine -o network.onnx --fp16

    Parameters
    ----------
    checkpoint:
        A run folder, for its newest checkpoint; a checkpoint; or a weights file (.pth, .safetensors).
    out:
        A name ending in .pth for the network deeplab; in .safetensors for any network's weights; or in .onnx for the
        network itself, which runs without PyTorch.
    fp16:
        Let an .onnx compute in float16.
    recipe:
        For a weights file: the recipe that names its network, classes and video settings.
    own_code:
        Run the .py files that the checkpoint names, as plug-ins of your own. Never for somebody else's checkpoint.
    """
    model = davsn.load(checkpoint, recipe, own_code=own_code)
    written = davsn.export(model, out, fp16)
    at = "" if model.step is None else f" at step {model.step}"
    say(f"{written} tensors of {checkpoint}{at} written to {out}")
