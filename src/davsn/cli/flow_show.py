"""``davsn flow show``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

import davsn
from davsn.api.choices import Direction, FormName


def show_(
    *source: str,
    out: Annotated[Path, Parameter(alias="-o")],
    estimator: str = "dis",
    flow: Path | None = None,
    form: FormName | None = None,
    direction: Direction | None = None,
    scale: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    pairs: Annotated[int | None, Parameter(validator=Number(gt=0))] = None,
) -> None:
    """Draw a flow: its colours and arrows, what it says is occluded, and frame B warped onto frame A.

    Try:

        davsn flow show frame_0002.png frame_0001.png -o flow.png

        davsn flow show frame_0001.png frame_0002.png --flow frame_0001.flo -o flow.png

        davsn flow show drive.mp4 -o flow.mp4

        davsn flow show streets clips=1 length=20 flow=exact -o flow.mp4

    Parameters
    ----------
    source:
        Two images A and B, for the flow A→B; or a video or a folder of frames; or a data set and its settings.
    out:
        A name ending in .png, for the first pair; or in .mp4, .mov or .mkv, for all pairs.
    estimator:
        The estimator (davsn list flow), with options as in a recipe, such as '{name: dis, preset: fast}'.
    flow:
        Show this stored flow instead: a file for two images, a folder of files for a folder of frames.
    form:
        The format of those files. Default: by their suffix.
    direction:
        From each frame to the previous frame (as training uses it) or to the next.
    scale:
        The motion in pixels that gets full colour. Default: chosen by the motion, once for a whole video.
    pairs:
        The largest number of pairs, evenly spread.
    """
    davsn.show_flow(
        source, out, estimator=estimator, flow=flow, form=form, direction=direction, scale=scale, pairs=pairs
    )
