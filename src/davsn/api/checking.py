"""``davsn.check``: finds everything that would stop or spoil a run, before the run starts."""

from pathlib import Path

from davsn.core.console import progress, silent
from davsn.core.settings import Changes
from davsn.doctor.data import Finding as Finding
from davsn.doctor.data import grouped as grouped
from davsn.doctor.examination import examine
from davsn.experiment.preparation import tell_caches
from davsn.experiment.recipes import Recipe, folder_for, read_recipe


def check(
    recipe: Recipe, changes: Changes = (), *, every: int = 10, out: Path | str | None = None, quiet: bool = False
) -> list[Finding]:
    """Check everything that a recipe needs, without starting a run.

    Args:
        recipe: see :func:`davsn.train`.
        changes: see :func:`davsn.train`.
        every: read every n-th sample; 1 reads all.
        out: the folder that the run would use; its free disk space is checked. None: the run folder that was
            given as the recipe, else ``runs/`` and the recipe's name.
        quiet: print neither progress nor messages.

    Returns:
        the findings. Training would fail if any of them has the severity 'fatal'.

    Raises:
        ConfigError: mistakes in the settings.
    """
    with silent(quiet):
        experiment = read_recipe(recipe, changes)
        tell_caches(experiment)
        return examine(experiment, folder_for(recipe, experiment, out), every, progress)
