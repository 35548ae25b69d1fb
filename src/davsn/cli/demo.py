"""``davsn demo``: the whole way on the embedded world, in one command."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from davsn.api.demo import ResultRow, demo, percent
from davsn.core.console import console, say


def demo_(
    *changes: str,
    out: Annotated[Path, Parameter(alias="-o")] = Path("runs/demo"),
    quick: Annotated[bool, Parameter(negative="")] = False,
    seed: int = 1,
) -> int:
    """See what adaptation does: two street worlds, three networks, one table and a page of pictures.

    A clean 'game' with labels and a hazy 'camera' without are rendered. One network learns from the game alone,
    one adapts to the camera's unlabelled video, and one is allowed the camera's labels, to show what there is to
    gain. All are scored on camera clips that none has seen.

    Try:

        davsn demo

        davsn demo --quick -o runs/quick

    Parameters
    ----------
    changes:
        Settings that replace those of the recipe 'demo' in every run, key=value.
    out:
        Where everything is written; a demo that was stopped goes on from there.
    quick:
        A minute instead of five: shows that everything works, and learns next to nothing.
    seed:
        Of the world, of the weights and of the order of the samples. Seed 0 is the one the settings were chosen on.
    """
    found = demo(changes, out=out, quick=quick, seed=seed)
    if found is None:
        say(f"Stopped and saved in {out}. The same command goes on from there.")
        return 130
    console.print(table(found.rows))
    say(f"Pictures, classes and curves: {found.page}")
    return 0


def table(rows: list[ResultRow]) -> Table:
    """The result, for the terminal."""
    shown = Table("camera clips that no network has seen", title="The gain")
    for row in rows:
        shown.add_column(row.name, justify="right")
    shown.add_row("mIoU %", *(percent(row.scores.miou) for row in rows), style="bold")
    shown.add_row("temporal consistency %", *(percent(row.scores.temporal_consistency) for row in rows))
    shown.add_row("training, s", *("–" if row.seconds is None else f"{row.seconds:.0f}" for row in rows))
    shown.add_section()
    for name in rows[0].scores.names:
        shown.add_row(name, *(percent(row.scores.iou[name] * 100) for row in rows))
    return shown
