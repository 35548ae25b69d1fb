"""``davsn predict``."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

import davsn
from davsn.cli.options import AtTestTime, Flag, Opening, Size, Together
from davsn.core.console import say


def predict_(  # noqa: PLR0913 - the options of a command
    checkpoint: Path,
    source: str,
    out: Annotated[Path, Parameter(alias="-o")],
    *,
    as_: Annotated[str | None, Parameter(name="--as")] = None,
    alpha: float | None = None,
    classes: str | None = None,
    legend: Flag = False,
    smooth: Flag = False,
    at_test_time: AtTestTime = AtTestTime(),
    together: Together = Together(),
    flow: str = "dis",
    size: Size = None,
    opening: Opening = Opening(),
    bad_files: Literal["error", "skip"] | None = None,
    stream: int | None = None,
) -> None:
    """Segment a video or a folder of frames, and write an overlay video, masks or other outputs.

    Try:

        davsn predict runs/mine drive.mp4 -o overlay.mp4

        davsn predict runs/mine drive.mp4 -o out/ --as overlay,side-by-side,shares --legend

        davsn predict runs/mine drive.mp4 -o cars.mp4 --classes car,truck --alpha 0.8

        davsn predict runs/mine drive.mp4 -o overlay.mp4 --smooth

        davsn predict runs/mine frames/ -o masks/

        davsn predict runs/mine drives/ -o overlays/ --as overlay

        davsn predict runs/mine street.jpg -o mask.png

        davsn predict runs/mine drive.mp4 -o overlay.mp4 --size 2048 1024 --window 1024 1024

        davsn predict model_40000.pth drive.mp4 -o overlay.mp4 --recipe my_recipe.yaml

    Parameters
    ----------
    checkpoint:
        A run folder, for its newest checkpoint; a checkpoint; or a weights file (.pth, .safetensors).
    source:
        A video file, a folder of frames, an image; or a folder of videos or of folders of frames; or live, a camera's
        number or a stream's address (rtsp://…). Live frames that come too fast are dropped.
    out:
        A name ending in .mp4, .mov or .mkv, for an overlay video with the times and audio of the input; in .csv, for
        the shares of the classes; for one image, .png for its mask or .jpg for its overlay; any other name is a folder
        for masks.
    as_:
        The outputs, with commas between them: overlay, side-by-side, masks, palette, shares, confidence. Several are
        written in one pass into the folder OUT.
    alpha:
        Share of the class colours in an overlay, from 0 to 1. Default: 0.55.
    classes:
        The classes to show, with commas between them. Pixels of all others count as without a class.
    legend:
        Add a legend below pictures in class colours: the names and colours of the classes.
    smooth:
        Average the class probabilities over time along the flow, so that masks flicker less.
    flow:
        The flow estimator (davsn list flow), with options as in a recipe, such as '{name: dis, preset: fast}'. A
        single-frame network does not use it, unless with --smooth.
    size:
        Width and height of the network's input. Default: the size that it was trained with.
    bad_files:
        error stops at a frame that cannot be read; skip says so and passes over it. Default: as in training.
    stream:
        Which video stream to read, from 0, if a file holds several. Default: the default one, else the largest.
    """
    opened = [davsn.load(path, **vars(opening)) for path in (checkpoint, *(together.with_ or ()))]
    model = opened[0].using(
        flip=at_test_time.flip,
        scales=at_test_time.scales or (),
        bf16=at_test_time.bf16,
        smooth=smooth,
        others=opened[1:],
        weights=together.weights or (),
    )
    summary = davsn.predict(
        model,
        int(source) if source.isdecimal() and not Path(source).exists() else source,
        out,
        outputs=_listed(as_),
        alpha=alpha,
        classes=_listed(classes),
        legend=legend,
        flow=flow,
        size=size,
        bad_files=bad_files,
        stream=stream,
    )
    passed = f", {summary.skipped} passed over" if summary.skipped else ""
    passed += f", {summary.dropped} dropped" if summary.dropped else ""
    say(f"{summary.frames} frames{passed} in {summary.seconds:.1f} s ({summary.rate:.1f} per second): {summary.output}")


def _listed(text: str | None) -> list[str]:
    """The names in a text with commas between them."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]
