"""``davsn flow measure``."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.table import Table
from rich.text import Text

import davsn
from davsn.api.choices import Direction, FormName
from davsn.core.console import console, say
from davsn.core.files.writing import replacing

UNITS = {
    **dict.fromkeys(("outliers", "comes home", "known"), "%"),
    **dict.fromkeys(("photometric error", "photometric error at rest"), "of 255"),
    "ms a pair": "ms",
}
"""Units of the figures; the unit of all others is pixels."""


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
    """Measure the quality of a flow: against exact flow if there is any, else by the frames alone.

    With exact flow: the end-point error in pixels; outliers, whose error is above 3 pixels and 5 %; the error of pixels
    that move by 0 to 10, by 10 to 40 and by 40 or more pixels; and the error near edges of the motion or of labels.
    Without exact flow: how much frame B, warped onto A by the flow, differs from A; and how many pixels return to their
    place when they follow the flow to B and back.

    Try:

        davsn flow measure streets domain=camera flow=exact clips=4 --pairs 20

        davsn flow measure streets flow=exact --estimator dis --estimator '{name: dis, preset: fast}' --estimator zero

        davsn flow measure rgb/ --exact flow/ --direction previous-to-current

        davsn flow measure a.png b.png --exact a_to_b.flo --flow mine.flo

        davsn flow measure drive.mp4 --pairs 50 -o dis.json

    Parameters
    ----------
    source:
        Two images A and B; or a video or a folder of frames; or a data set and its settings. flow=exact compares with
        the data set's exact flow, and flow=stored with its stored flow.
    estimator:
        The estimator (davsn list flow), with options as in a recipe. Repeat the option to compare estimators.
    exact:
        The exact flow A→B: a file for two images, a folder of files for a folder of frames.
    flow:
        Measure this file instead of an estimator's flow; for two images.
    form:
        The format of the flow files. Default: by their suffix.
    direction:
        From each frame to the previous frame, or to the next.
    pairs:
        The largest number of pairs, evenly spread.
    out:
        The JSON file for the figures.
    """
    found = davsn.measure_flow(
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
