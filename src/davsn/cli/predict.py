"""``davsn predict``."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

import davsn
from davsn.core.console import say


def predict_(  # noqa: PLR0913 - the options of a command
    checkpoint: Path,
    source: Path,
    out: Annotated[Path, Parameter(alias="-o")],
    *,
    overlay: Annotated[bool, Parameter(negative="")] = False,
    legend: Annotated[bool, Parameter(negative="")] = False,
    flow: str = "dis",
    size: Annotated[tuple[int, int] | None, Parameter(negative="")] = None,
    window: Annotated[tuple[int, int] | None, Parameter(negative="")] = None,
    overlap: float | None = None,
    bad_files: Literal["error", "skip"] | None = None,
    stream: int | None = None,
    recipe: str | None = None,
    own_code: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Segment a video or a folder of frames, and write an overlay video or masks as palette PNGs.

    Try:

        davsn predict runs/mine drive.mp4 -o overlay.mp4

        davsn predict runs/mine drive.mp4 -o overlay.mp4 --legend

        davsn predict runs/mine frames/ -o masks/

        davsn predict runs/mine drives/ -o overlays/ --overlay

        davsn predict runs/mine street.jpg -o mask.png

        davsn predict runs/mine drive.mp4 -o overlay.mp4 --size 2048 1024 --window 1024 1024

        davsn predict model_40000.pth drive.mp4 -o overlay.mp4 --recipe my_recipe.yaml

    Parameters
    ----------
    checkpoint:
        A run folder, for its newest checkpoint; a checkpoint; or a weights file (.pth, .safetensors).
    source:
        A video file, a folder of frames, an image; or a folder of videos or of folders of frames.
    out:
        A name ending in .mp4, .mov or .mkv, for an overlay video with the times and audio of the input; for one image,
        .png for its mask or .jpg for its overlay; any other name is a folder for masks.
    overlay:
        Write overlays into the folder OUT, under the names of the videos, or into a .png.
    legend:
        Add a legend below each overlay: the names and colours of the classes.
    flow:
        The flow estimator (davsn list flow), with options as in a recipe, such as '{name: dis, preset: fast}'. A
        single-frame network does not use it.
    size:
        Width and height of the network's input. Default: the size that it was trained with.
    window:
        Width and height of overlapping windows of that input, whose logits are averaged. The network's memory then does
        not grow with the frames. Default: whole frames.
    overlap:
        Smallest share of a window that the next one shares, from 0 to 0.9. Default: 0.5.
    bad_files:
        error stops at a frame that cannot be read; skip says so and passes over it. Default: as in training.
    stream:
        Which video stream to read, from 0, if a file holds several. Default: the default one, else the largest.
    recipe:
        For a weights file: the recipe that names its network, classes and video settings.
    own_code:
        Run the .py files that the checkpoint names, as plug-ins of your own. Never for somebody else's checkpoint.
    """
    model = davsn.load(checkpoint, recipe, own_code=own_code, window=window, overlap=overlap)
    summary = davsn.predict(
        model,
        source,
        out,
        overlay=overlay,
        legend=legend,
        flow=flow,
        size=size,
        bad_files=bad_files,
        stream=stream,
    )
    passed = f", {summary.skipped} passed over" if summary.skipped else ""
    say(f"{summary.frames} frames{passed} in {summary.seconds:.1f} s ({summary.rate:.1f} per second): {summary.output}")
