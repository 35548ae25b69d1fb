"""Writes a run as one HTML page that needs no server, no network and no other file."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from davsn.core.files.writing import replacing
from davsn.data.labels.taxonomy import Taxonomy
from davsn.report.curves import Records, loss_curves
from davsn.report.render import Picture
from davsn.scoring.scores import Scores, percent

_FLAT = 256
"""Images with at most this many colours, such as masks, are stored without loss."""


@dataclass(frozen=True)
class ResultRow:
    """One row of the table of results.

    Attributes:
        name: the name of the method.
        scores: its scores.
        seconds: the time of training in seconds; None if it is not known.
        note: a few words shown below the name.
        uses_target_labels: whether it was trained on labels of the target domain. The page says so, and compares no
            adapted network with it.
    """

    name: str
    scores: Scores
    seconds: float | None = None
    note: str = ""
    uses_target_labels: bool = False


@dataclass(frozen=True)
class Strip:
    """Frames of a clip and the predictions for them.

    Attributes:
        caption: the clip, and what can be seen.
        rows: name → images, such as "frame", "ground truth" and one row for each method.
    """

    caption: str
    rows: Mapping[str, Sequence[Picture]]


@dataclass(frozen=True)
class RunReport:
    """Content of the page. Its numbers are printed unchanged.

    Attributes:
        title: what was run, in one line.
        rows: the rows of the table of results, in order; all have the same classes.
        taxonomy: the class table.
        strips: frames to look at.
        curves: run name → log lines, for the loss curves.
        facts: settings, command, commit, date, machine: what a reader needs to repeat the run.
        notes: sentences below the title, such as the limits of the numbers.
    """

    title: str
    rows: Sequence[ResultRow]
    taxonomy: Taxonomy
    strips: Sequence[Strip] = ()
    curves: Mapping[str, Records] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def write_page(run: RunReport, path: Path) -> None:
    """Write the page.

    Raises:
        ValueError: the scores have other classes than the class table.
        DataError: the page cannot be written.
    """
    for row in run.rows:
        if row.scores.names != run.taxonomy.names:
            raise ValueError(f"'{row.name}' has scores of {row.scores.names}, but the page has {run.taxonomy.names}")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["picture"] = _picture
    curves = loss_curves(run.curves)
    content = environment.get_template("page.html.jinja").render(
        run=run,
        summary=_summary(run.rows),
        classes=_classes(run),
        curves=_data("image/svg+xml", curves.encode()) if curves else "",
    )
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


@dataclass(frozen=True)
class _Column:
    """One score of every row: the texts, and which of them are the best."""

    title: str
    cells: Sequence[tuple[str, bool]]
    colour: str = ""
    scored: bool = True


def _summary(rows: Sequence[ResultRow]) -> list[_Column]:
    seconds = ["–" if row.seconds is None else f"{row.seconds:.0f}" for row in rows]
    return [
        _column(rows, "mIoU, %", [row.scores.miou for row in rows]),
        _column(rows, "temporal consistency, %", [row.scores.temporal_consistency for row in rows]),
        _Column("training, s", [(text, False) for text in seconds]),
    ]


def _classes(run: RunReport) -> list[_Column]:
    columns = []
    for name, colour in zip(run.taxonomy.names, run.taxonomy.colours, strict=True):
        column = _column(run.rows, name, [row.scores.iou[name] * 100 for row in run.rows])
        paint = "#{:02x}{:02x}{:02x}".format(*colour)
        columns.append(replace(column, colour=paint, scored=name not in run.taxonomy.unscored))
    return columns


def _column(rows: Sequence[ResultRow], title: str, values: Sequence[float | None]) -> _Column:
    """Make a column of percentages. Of two or more rows without target labels, the highest is marked."""
    texts = [percent(value) for value in values]
    compared = [
        (value, text)
        for row, value, text in zip(rows, values, texts, strict=True)
        if value is not None and not math.isnan(value) and not row.uses_target_labels
    ]
    best = max(compared)[1] if len(compared) > 1 else None
    marks = [text == best and not row.uses_target_labels for row, text in zip(rows, texts, strict=True)]
    return _Column(title, list(zip(texts, marks, strict=True)))


def _data(kind: str, content: bytes) -> str:
    """Encode a file as a data URL."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _picture(picture: Picture) -> str:
    """Encode an image as a data URL: PNG if it has few colours, like a mask, else JPEG."""
    image, file = Image.fromarray(picture), io.BytesIO()
    if image.getcolors(_FLAT) is not None:
        image.quantize(_FLAT, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        return _data("image/png", file.getvalue())
    image.save(file, "JPEG", quality=85)
    return _data("image/jpeg", file.getvalue())
