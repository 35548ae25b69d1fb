"""``davsn flow show``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from davsn.api.flow import Direction, FormName
from davsn.api.flow_show import show_flow


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
    """Look at a flow: its colours and arrows, what it says is hidden, and frame B brought onto frame A by it.

    Try:

        davsn flow show frame_0002.png frame_0001.png -o flow.png

        davsn flow show frame_0001.png frame_0002.png --flow frame_0001.flo -o flow.png

        davsn flow show drive.mp4 -o flow.mp4

        davsn flow show streets clips=1 length=20 flow=exact -o flow.mp4

    Parameters
    ----------
    source:
        Two pictures A and B, for the flow A→B; or a video or a folder of frames; or a data set and its settings.
    out:
        A name ending in .png shows one pair, the first; one in .mp4, .mov or .mkv all of them.
    estimator:
        Whose flow: davsn list flow; with options as in a recipe, such as '{name: dis, preset: fast}'.
    flow:
        Show this instead: a flow file for two pictures, a folder of them for a folder.
    form:
        What those files are; without it their suffix tells.
    direction:
        From each frame to the one before (as training uses it) or to the next.
    scale:
        Pixels of motion that have full colour; without it they are chosen by the motion, once for a video.
    pairs:
        At most so many, evenly spread.
    """
    show_flow(source, out, estimator=estimator, flow=flow, form=form, direction=direction, scale=scale, pairs=pairs)
