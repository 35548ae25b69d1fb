"""``davsn flow measure``."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.table import Table
from rich.text import Text

from davsn.api.flow import Direction, FormName
from davsn.api.flow_measure import measure_flow
from davsn.core.console import console, say
from davsn.core.files.writing import replacing

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
    found = measure_flow(
        source, estimator=estimator, exact=exact, flow=flow, form=form, direction=direction, pairs=pairs
    )
    console.print(_table(found.figures))
    say(f"{found.pairs} pairs")
    if out is not None:
        with replacing(out) as temporary:
            record = {"source": list(source), "pairs": found.pairs, "flow": found.figures}
            temporary.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        say(str(out))


def _table(rows: Mapping[str, Mapping[str, float | None]]) -> Table:
    table = Table("", "", box=None, pad_edge=False)
    for flow in rows:
        table.add_column(Text(flow), justify="right")
    for name in next(iter(rows.values())):
        means = [means[name] for means in rows.values()]
        table.add_row(name, UNITS.get(name, "px"), *("–" if mean is None else f"{mean:.2f}" for mean in means))
    return table
