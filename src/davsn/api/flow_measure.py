"""``davsn.measure_flow``: measures the quality of optical flow."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davsn.api.flow_inputs import estimated, estimator_of, pairs_from
from davsn.core.console import progress
from davsn.core.errors import FlowError
from davsn.data.pairs import Pair, Pairs
from davsn.flow.estimator import FlowEstimator
from davsn.flow.files.choices import FormName
from davsn.flow.files.direction import Direction
from davsn.flow.files.io import Flow, read_flow
from davsn.flow.measure import Tally, against_exact, without_exact


@dataclass(frozen=True)
class Measured:
    """Measured quality of one flow or several.

    Attributes:
        pairs: the number of pairs of frames.
        figures: flow → figure → mean over all pairs; None if there was nothing to measure.
    """

    pairs: int
    figures: Mapping[str, Mapping[str, float | None]]


def measure_flow(
    source: Sequence[str],
    *,
    estimator: Sequence[str] = ("dis",),
    exact: Path | None = None,
    flow: Path | None = None,
    form: FormName | None = None,
    direction: Direction | None = None,
    pairs: int | None = None,
) -> Measured:
    """Measure the quality of a flow: against exact flow if there is any, else by the frames alone.

    Args:
        source: two images A and B; or a video or a folder of frames; or the name of a data set and its settings,
            ``key=value``. With ``flow=exact`` or ``flow=stored``, the data set's own flow is the exact flow.
        estimator: the estimators to measure, each as in a recipe after 'flow:'.
        exact: the exact flow A→B: a file for two images, a folder of files for a folder of frames.
        flow: a file to measure in place of an estimator's flow; for two images.
        form: the format of the flow files; None: by their suffix.
        direction: from each frame to the previous frame, or to the next.
        pairs: the largest number of pairs, evenly spread; None: all.

    Raises:
        ConfigError, DataError, FlowError: a source, an estimator or flow that cannot be used.
    """
    if flow is not None and len(source) != 2:
        raise FlowError("can be measured for two images only", str(flow), "Give frame A and frame B")
    found = pairs_from(source, exact, form, direction, pairs)
    parts = {name: estimator_of(name) for name in estimator} if flow is None else {}
    rows: dict[str, dict[str, float | None]] = {}
    for name, part in parts.items():
        rows[name] = _measured(found, part, name)
    if flow is not None:
        pair = next(iter(found))
        measured = read_flow(flow, form)
        known = 100.0 if measured[1] is None else 100.0 * float(measured[1].mean())
        rows[flow.name] = _figures(pair, measured, None).means() | {"known": known}
    return Measured(found.count, rows)


def _measured(found: Pairs, part: FlowEstimator, name: str) -> dict[str, float | None]:
    """Compute the means over all pairs, and the CPU time of a pair in milliseconds."""
    tally, spent = Tally(), 0.0
    with progress(f"measuring {name}", found.count) as report:
        for done, pair in enumerate(found, 1):
            begun = time.process_time()
            there = estimated(part, pair.a, pair.b)
            spent += time.process_time() - begun
            back = None if pair.flow is not None else estimated(part, pair.b, pair.a)
            tally += _figures(pair, (there, None), back)
            report(done)
    return tally.means() | {"ms a pair": 1000 * spent / found.count}


def _figures(pair: Pair, flow: Flow, back: NDArray[np.floating] | None) -> Tally:
    if pair.flow is None:
        return without_exact(pair.a, pair.b, flow[0], back)
    (exact, valid), (found, known) = pair.flow, flow
    if found.shape != exact.shape:
        sizes = [f"{array.shape[1]}x{array.shape[0]}" for array in (found, exact)]
        raise FlowError(f"is flow of {sizes[0]} pixels, but the exact flow has {sizes[1]}", pair.name, "Resize neither")
    if known is not None:  # pixels that a file leaves out are not measured; the share of the others is reported
        valid = known if valid is None else valid & known
    return against_exact(found, exact, valid, pair.label)
