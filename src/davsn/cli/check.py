"""``davsn check``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich import box
from rich.table import Table
from rich.text import Text

import davsn
from davsn.core.console import console, say

if TYPE_CHECKING:
    from davsn.api.checking import Finding

_COLOURS = {"fatal": "red", "warning": "yellow", "note": "dim"}


def check_(
    recipe: str,
    *changes: str,
    every: int = 10,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> int:
    """Check everything that a recipe needs, without starting a run. The exit code is 2 if training would fail.

    Folders, counts, neighbours and flow files are checked for all samples. Frames, labels and flow are read for every
    tenth sample, and the direction of stored flow is tested. Then the weights are loaded, and the first step is run
    without its arithmetic. That shows whether the sizes fit, and how much memory and disk space training takes.

    Try:

        davsn check my_recipe.yaml

        davsn check my_recipe.yaml --all

    Parameters
    ----------
    recipe:
        A YAML file, the name of a built-in recipe, or a run folder.
    changes:
        Overrides of the recipe, key=value.
    every:
        Read every n-th sample.
    all_:
        Read every sample.
    out:
        The folder that the run would use; its free disk space is checked. Default: the one given as the recipe;
        else runs/ and the recipe's name.
    """
    found = davsn.check(recipe, changes, every=1 if all_ else every, out=out)
    show(found)
    return 2 if any(finding.severity == "fatal" for finding in found) else 0


def show(found: Sequence["Finding"]) -> None:
    """Print findings, the worst first: as a table on a terminal, else one line for each, so that no text is cut."""
    from davsn.api.checking import grouped

    groups = grouped(found)
    if console.is_terminal:
        console.print(_table(groups))
    else:
        for finding, count in groups:
            remedy = f". {finding.remedy}" if finding.remedy else ""
            where = f"{finding.where}: " if finding.where else ""
            line = f"{finding.severity:8} {finding.key}  {where}{_what(finding, count)}{remedy}"
            say(" ".join(line.split("\n")))
    problems = [finding for finding in found if finding.severity != "note"]
    fatal = sum(finding.severity == "fatal" for finding in problems)
    say(f"{fatal} of {len(problems)} would stop training." if problems else "No problem found.")


def _what(finding: "Finding", count: int) -> str:
    return finding.what + (f" (and {count - 1} more like this)" if count > 1 else "")


def _table(groups: Sequence[tuple["Finding", int]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("")
    table.add_column("part", overflow="fold")
    table.add_column("found", overflow="fold", ratio=3)
    table.add_column("remedy", overflow="fold", ratio=2)
    for finding, count in groups:
        colour = _COLOURS[finding.severity]
        found = "\n".join(filter(None, (finding.where, _what(finding, count))))
        row = (finding.severity, finding.key, found, finding.remedy)
        table.add_row(*(Text(text, style=colour) for text in row))  # not markup: paths may contain brackets
    return table
