"""``davsn predict``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import davsn
from davsn.core.console import say


def predict_(
    checkpoint: Path,
    source: Path,
    out: Annotated[Path, Parameter(alias="-o")],
    *,
    flow: str = "dis",
    size: Annotated[tuple[int, int] | None, Parameter(negative="")] = None,
    recipe: str | None = None,
    own_code: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Segment a video or a folder of frames, and write an overlay video or masks as palette PNGs.

    Try:

        davsn predict runs/mine drive.mp4 -o overlay.mp4

        davsn predict runs/mine frames/ -o masks/

        davsn predict model_40000.pth drive.mp4 -o overlay.mp4 --recipe my_recipe.yaml

    Parameters
    ----------
    checkpoint:
        A run folder, for its newest checkpoint; a checkpoint; or a weights file (.pth, .safetensors).
    source:
        A video file, a folder of frames, or an image.
    out:
        A name ending in .mp4, .mov or .mkv, for an overlay video; any other name is a folder for masks.
    flow:
        The flow estimator (davsn list flow), with options as in a recipe, such as '{name: dis, preset: fast}'. A
        single-frame network does not use it.
    size:
        Width and height of the network's input. Default: the size that it was trained with.
    recipe:
        For a weights file: the recipe that names its network, classes and video settings.
    own_code:
        Run the .py files that the checkpoint names, as plug-ins of your own. Never for somebody else's checkpoint.
    """
    summary = davsn.predict(davsn.load(checkpoint, recipe, own_code=own_code), source, out, flow=flow, size=size)
    say(f"{summary.frames} frames in {summary.seconds:.1f} s ({summary.rate:.1f} per second): {summary.output}")
