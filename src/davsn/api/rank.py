"""One of several processes that train a run: ``python -m davsn.api.rank FILE``, or a task of a cluster's job."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from davsn.api.launching import ENDED, STOPPED, TOLD
from davsn.api.training import carry_out
from davsn.core import ranks
from davsn.core.console import silent
from davsn.core.errors import DavsnError, ElsewhereError, RankError
from davsn.core.memory import LESS, enough_memory
from davsn.experiment.experiment import load


def main() -> int:
    """Train by the settings in a file, with the other processes of the launcher.

    Returns:
        the exit code; see :mod:`davsn.api.launching`.
    """
    task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        with silent(task["quiet"]):
            return 0 if train(task["settings"], Path(task["folder"]), task["scored"]) else STOPPED
    except RankError:  # the launcher says which process was killed
        return ENDED
    except ElsewhereError:
        return TOLD
    except DavsnError as error:
        print(error, file=sys.stderr)
        return TOLD
    except KeyboardInterrupt:
        return STOPPED


def train(settings: Mapping[str, Any], folder: Path, scored: bool) -> bool:
    """Train in a folder as one of several processes, and score; return False if a signal stopped the run."""
    with ranks.joined(), enough_memory("davsn", LESS):
        return carry_out(load(settings, where=str(folder)), folder, scored).finished


if __name__ == "__main__":
    sys.exit(main())
