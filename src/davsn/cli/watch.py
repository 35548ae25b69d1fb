"""``davsn watch``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import davsn


def watch_(run: Path, *, once: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Follow a run in the terminal: the time left, the losses as curves, the last scores.

    It ends with the run, or with Ctrl-C, which does not touch the run. Scores appear when davsn eval RUN --watch runs
    beside it.

    Try:

        davsn watch runs/adapt

        davsn watch runs/adapt --once

    Parameters
    ----------
    run:
        The folder of a run that is training, was stopped or is finished.
    once:
        Show it once, and end.
    """
    davsn.watch(run, once)
