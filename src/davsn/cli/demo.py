"""``davsn demo``: the whole workflow on the built-in synthetic data set, in one command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table

import davsn
from davsn.core.console import console, if_interrupted, say

if TYPE_CHECKING:
    from davsn.api.demo import ResultRow


def demo_(
    *changes: str,
    out: Annotated[Path, Parameter(alias="-o")] = Path("runs/demo"),
    quick: Annotated[bool, Parameter(negative="")] = False,
    seed: int = 1,
    video: Path | None = None,
) -> int:
    """See what adaptation does: two domains, three networks, one table and a report with images.

    The demo renders synthetic streets in two domains: a clean 'game' with labels, and a hazy 'camera' without labels.
    One network learns from the game alone. One has the strong recipe: randomised frames of the game, in colours of the
    unlabelled camera. One learns from the labels of the camera, to show how much there is to gain. All are scored on
    camera clips that none was trained on.

    Try:

        davsn demo

        davsn demo --quick -o runs/quick

        davsn demo --video drive.mp4

    Parameters
    ----------
    changes:
        Overrides of the recipe 'demo' for every run, key=value.
    out:
        The folder of all results; the same command resumes a demo that was stopped.
    quick:
        Take only a minute. This shows that everything works, but the networks learn almost nothing.
    seed:
        Seed of the synthetic data, the weights and the order of the samples. The settings were chosen on seed 0.
    video:
        A video of your own. At the end, the adapted network segments a few seconds of it, into OUT/overlay.mp4.
    """
    stopped = f"Stopped; everything is saved in {out}. The same command resumes it."
    with if_interrupted(lambda: stopped):
        found = davsn.demo(changes, out=out, quick=quick, seed=seed, video=video)
    if found is None:
        say(stopped)
        return 130
    console.print(table(found.rows))
    if found.page is not None:
        say(f"Frames, classes and curves: {found.page}")
    if found.overlay is not None:
        say(f"A few seconds of your video: {found.overlay}")
    return 0


def table(rows: list["ResultRow"]) -> Table:
    """Make the table of results for the terminal."""
    from davsn.api.demo import percent

    # No vertical lines: with them, the names of the networks would break at 80 columns.
    shown = Table(
        "",
        title="On camera clips that no network was trained on",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for row in rows:
        shown.add_column(row.name, justify="right", no_wrap=True)
    shown.add_row("mIoU %", *(percent(row.scores.miou) for row in rows), style="bold")
    shown.add_row("temporal consistency %", *(percent(row.scores.temporal_consistency) for row in rows))
    shown.add_row("training, s", *("–" if row.seconds is None else f"{row.seconds:.0f}" for row in rows))
    shown.add_section()
    for name in rows[0].scores.names:
        shown.add_row(name, *(percent(row.scores.iou[name] * 100) for row in rows))
    return shown
