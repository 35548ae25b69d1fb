"""``davsn report``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import davsn
from davsn.core.console import say


def report_(
    *runs: Path,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
    clips: int = 10,
    frames: int = 24,
    own_code: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write one HTML page about runs: scores, curves, and players of what their networks predict.

    The page needs no server, no network and no other file. It shows frames of the first run's validation sets; without
    any, of its target. A single run is shown beside the network that it started from.

    Try:

        davsn report runs/adapt

        davsn report runs/source_only runs/tps -o compared.html

        davsn report runs/mine-sweep

    Parameters
    ----------
    runs:
        Run folders, or folders of runs such as that of a sweep. The others are compared with the first. Runs that
        differ only in the seed are shown as one.
    out:
        The page. Default: report.html in the first folder.
    clips:
        Largest number of clips that are shown.
    frames:
        Largest number of frames of each clip.
    own_code:
        Run the .py files that a run names, as plug-ins of your own. Never for somebody else's run.
    """
    say(f"written to {davsn.write_report(runs, out=out, clips=clips, frames=frames, own_code=own_code)}")
