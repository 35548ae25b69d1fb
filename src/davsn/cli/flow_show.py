"""``davsn flow show``."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from numpy.typing import NDArray
from PIL import Image

from davsn.cli.flow_convert import FormName
from davsn.cli.flow_inputs import estimated, estimator_of, pairs_from
from davsn.core.console import progress, say
from davsn.core.errors import DataError
from davsn.core.files.writing import replacing
from davsn.data.footage import footage
from davsn.data.pairs import Pair, Pairs
from davsn.data.writers import PICTURES_RATE, WRITTEN_VIDEOS, PictureVideo
from davsn.flow.estimator import FlowEstimator
from davsn.flow.files.direction import Direction
from davsn.report.flow_picture import FlowView, flow_picture, scale_of

_LOOKED_AT = 8
"""Pairs of a video by which the scale of its colours is chosen."""


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
    if out.suffix.lower() not in (".png", *WRITTEN_VIDEOS):
        raise DataError("is no picture or video by its name", str(out), f"End it in .png, {', '.join(WRITTEN_VIDEOS)}")
    found = pairs_from(list(source), flow, form, direction, pairs)
    part = estimator_of(estimator)
    if out.suffix.lower() == ".png":
        view = _view(next(iter(found)), part, estimator)
        with replacing(out) as temporary:
            Image.fromarray(flow_picture(view, scale or scale_of([view.flow]))).save(temporary)
        say(f"{view.names[0]}→{view.names[1]}: {out}")
        return
    fastest = scale or _common_scale(found, part)
    rate = footage(Path(source[0])).rate if Path(source[0]).exists() else None
    with progress("drawing", found.count) as report, PictureVideo(out, rate or PICTURES_RATE) as video:
        for done, pair in enumerate(found, 1):
            video.add(pair.name, flow_picture(_view(pair, part, estimator), fastest))
            report(done)
    say(f"{found.count} pairs: {out}")


def _view(pair: Pair, part: FlowEstimator, name: str) -> FlowView:
    if pair.flow is not None:  # stored flow has no way back
        return FlowView(pair.a, pair.b, pair.flow[0], pair.flow[1], None, (pair.name, pair.other, "as stored"))
    there, back = estimated(part, pair.a, pair.b), estimated(part, pair.b, pair.a)
    return FlowView(pair.a, pair.b, there, None, back, (pair.name, pair.other, name))


def _common_scale(found: Pairs, part: FlowEstimator) -> float:
    """One scale for all pairs, by a few of them."""
    few = islice(found, 0, None, max(found.count // _LOOKED_AT, 1))
    return scale_of([_flow(pair, part) for pair in few])


def _flow(pair: Pair, part: FlowEstimator) -> NDArray[np.floating]:
    return estimated(part, pair.a, pair.b) if pair.flow is None else pair.flow[0]
