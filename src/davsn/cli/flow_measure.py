"""``davsn flow measure``."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from davsn.cli.flow_convert import FormName
from davsn.cli.flow_inputs import estimated, estimator_of, pairs_from
from davsn.core.console import console, progress, say
from davsn.core.errors import FlowError
from davsn.core.files.writing import replacing
from davsn.data.pairs import Pair, Pairs
from davsn.flow.estimator import FlowEstimator
from davsn.flow.files.direction import Direction
from davsn.flow.files.io import Flow, read_flow
from davsn.flow.measure import Tally, against_exact, without_exact

UNITS = {
    **dict.fromkeys(("outliers", "comes home", "known"), "%"),
    **dict.fromkeys(("photometric error", "photometric error at rest"), "of 255"),
    "ms a pair": "ms",
}
"""Of the figures; the others are pixels."""


def measure_(
    *source: str,
    estimator: Sequence[str] = ("dis",),
    exact: Path | None = None,
    flow: Path | None = None,
    form: FormName | None = None,
    direction: Direction | None = None,
    pairs: Annotated[int | None, Parameter(validator=Number(gt=0))] = None,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Measure how good a flow is: against the exact one where there is one, else by what the frames say.

    With exact flow: the end-point error, in pixels; outliers, off by more than 3 pixels and 5 %; the error of pixels
    that move by 0 to 10, 10 to 40 and 40 or more pixels; and that near edges of the motion or of labels. Without: how
    much frame B, brought onto A by the flow, differs from it; and whether pixels that go to B and back come home.

    Try:

        davsn flow measure streets domain=camera flow=exact clips=4 --pairs 20

        davsn flow measure streets flow=exact --estimator dis --estimator '{name: dis, preset: fast}' --estimator zero

        davsn flow measure rgb/ --exact flow/ --direction previous-to-current

        davsn flow measure a.png b.png --exact a_to_b.flo --flow mine.flo

        davsn flow measure drive.mp4 --pairs 50 -o dis.json

    Parameters
    ----------
    source:
        Two pictures A and B; or a video or a folder of frames; or a data set and its settings, whose exact flow
        is taken with flow=exact, and stored flow with flow=stored.
    estimator:
        What is measured: davsn list flow; with options as in a recipe. Give it several times to compare.
    exact:
        The exact flow A→B: a file for two pictures, a folder of files for a folder of frames.
    flow:
        Measure this file instead of an estimator's flow; for two pictures.
    form:
        What the flow files are; without it their suffix tells.
    direction:
        From each frame to the one before, or to the next.
    pairs:
        At most so many, evenly spread.
    out:
        A .json file for the figures.
    """
    if flow is not None and len(source) != 2:
        raise FlowError("is measured for two pictures only", str(flow), "Give frame A and frame B")
    found = pairs_from(list(source), exact, form, direction, pairs)
    parts = {name: estimator_of(name) for name in estimator} if flow is None else {}
    rows: dict[str, dict[str, float | None]] = {}
    for name, part in parts.items():
        rows[name] = _measured(found, part, name)
    if flow is not None:
        pair = next(iter(found))
        measured = read_flow(flow, form)
        known = 100.0 if measured[1] is None else 100.0 * float(measured[1].mean())
        rows[flow.name] = _figures(pair, measured, None).means() | {"known": known}
    console.print(_table(rows))
    say(f"{found.count} pairs")
    if out is not None:
        with replacing(out) as temporary:
            record = {"source": list(source), "pairs": found.count, "flow": rows}
            temporary.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        say(str(out))


def _measured(found: Pairs, part: FlowEstimator, name: str) -> dict[str, float | None]:
    """The means over all pairs, and the processor's milliseconds a pair."""
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
        raise FlowError(f"is flow of {sizes[0]} pixels, and the exact one of {sizes[1]}", pair.name, "Resize neither")
    if known is not None:  # what a file leaves out is not measured, and its share is told
        valid = known if valid is None else valid & known
    return against_exact(found, exact, valid, pair.label)


def _table(rows: dict[str, dict[str, float | None]]) -> Table:
    table = Table("", "", box=None, pad_edge=False)
    for flow in rows:
        table.add_column(Text(flow), justify="right")
    for name in next(iter(rows.values())):
        means = [means[name] for means in rows.values()]
        table.add_row(name, UNITS.get(name, "px"), *("–" if mean is None else f"{mean:.2f}" for mean in means))
    return table
