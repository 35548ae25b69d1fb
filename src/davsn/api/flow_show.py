"""``davsn.show_flow``: draws optical flow as images and videos."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from davsn.api.flow_inputs import estimated, estimator_of, pairs_from
from davsn.core.console import progress, say
from davsn.core.errors import DataError
from davsn.core.files.writing import replacing
from davsn.data.pairs import Pair, Pairs
from davsn.data.video.footage import footage
from davsn.data.video.writer import WRITTEN_VIDEOS, PictureVideo
from davsn.flow.estimator import FlowEstimator
from davsn.flow.files.choices import FormName
from davsn.flow.files.direction import Direction
from davsn.report.flow_picture import FlowView, flow_picture, scale_of

_LOOKED_AT = 8
"""Number of pairs of a video that the colour scale is chosen by."""


def show_flow(  # noqa: PLR0913 - the options of a command
    source: Sequence[str],
    out: Path,
    *,
    estimator: str = "dis",
    flow: Path | None = None,
    form: FormName | None = None,
    direction: Direction | None = None,
    scale: float | None = None,
    pairs: int | None = None,
) -> None:
    """Draw a flow: its colours and arrows, what it says is occluded, and frame B warped onto frame A.

    Args:
        source: two images A and B, for the flow A→B; or a video or a folder of frames; or the name of a data set and
            its settings, ``key=value``.
        out: a name ending in .png for the first pair; a name ending in .mp4, .mov or .mkv for all pairs.
        estimator: as in a recipe after 'flow:'.
        flow: stored flow in place of the estimator's: a file for two images, a folder of files for a folder of frames.
        form: the format of the stored files; None: by their suffix.
        direction: from each frame to the previous frame (as training uses it) or to the next.
        scale: the motion in pixels that gets full colour; None: chosen by the motion, once for a whole video.
        pairs: the largest number of pairs, evenly spread; None: all.

    Raises:
        ConfigError, DataError, FlowError: a source, an estimator or an output that cannot be used.
    """
    if out.suffix.lower() not in (".png", *WRITTEN_VIDEOS):
        raise DataError(
            "is neither an image nor a video by its name", str(out), f"End it in .png, {', '.join(WRITTEN_VIDEOS)}"
        )
    found = pairs_from(source, flow, form, direction, pairs)
    part = estimator_of(estimator)
    if out.suffix.lower() == ".png":
        view = _view(next(iter(found)), part, estimator)
        with replacing(out) as temporary:
            Image.fromarray(flow_picture(view, scale or scale_of([view.flow]))).save(temporary)
        say(f"{view.names[0]}→{view.names[1]}: {out}")
        return
    fastest = scale or _common_scale(found, part)
    rate = footage(Path(source[0])).rate if Path(source[0]).exists() else None
    with progress("drawing", found.count) as report, PictureVideo(out, rate) as video:
        for done, pair in enumerate(found, 1):
            drawn = flow_picture(_view(pair, part, estimator), fastest)
            if pairs is None:
                video.add(pair.name, drawn, duration=pair.duration)
            else:  # a selection has no times of its own
                video.add(pair.name, drawn)
            report(done)
    say(f"{found.count} pairs: {out}")


def _view(pair: Pair, part: FlowEstimator, name: str) -> FlowView:
    if pair.flow is not None:  # stored flow has one direction only
        return FlowView(pair.a, pair.b, pair.flow[0], pair.flow[1], None, (pair.name, pair.other, "as stored"))
    there, back = estimated(part, pair.a, pair.b), estimated(part, pair.b, pair.a)
    return FlowView(pair.a, pair.b, there, None, back, (pair.name, pair.other, name))


def _common_scale(found: Pairs, part: FlowEstimator) -> float:
    """Choose one colour scale for all pairs, by a few of them."""
    few = islice(found, 0, None, max(found.count // _LOOKED_AT, 1))
    return scale_of([_flow(pair, part) for pair in few])


def _flow(pair: Pair, part: FlowEstimator) -> NDArray[np.floating]:
    return estimated(part, pair.a, pair.b) if pair.flow is None else pair.flow[0]
