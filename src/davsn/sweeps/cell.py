"""One run of a sweep, in a process of its own: ``python -m davsn.sweeps.cell FOLDER [METRIC …]``.

Its settings are the input of the process.
"""

import json
import sys
from pathlib import Path

from davsn.core.console import say
from davsn.core.errors import DavsnError
from davsn.core.memory import LESS, enough_memory
from davsn.experiment.experiment import load
from davsn.experiment.running import train_in
from davsn.experiment.scoring_checkpoints import score_checkpoints
from davsn.scoring.measures import Measures, chosen_metrics
from davsn.training.folder import RunFolder


def main() -> int:
    """Train or resume the run in a folder, and score all of its checkpoints.

    Returns:
        the exit code: 0; 2 for an error that the user can correct; 130 if a signal stopped the training.
    """
    folder = Path(sys.argv[1])
    try:
        experiment = load(json.load(sys.stdin), where=str(folder))
        if not train_in(experiment, folder):
            say(f"Stopped; everything is saved in {folder}.")
            return 130
        file = RunFolder(folder).snapshots
        with enough_memory("scoring", LESS):
            measures = Measures(chosen_metrics(sys.argv[2:]))
            score_checkpoints(folder, experiment, experiment.validation, file, own_code=True, measures=[measures])
    except DavsnError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
