"""``davsn.submit``: trains a run as one job of a cluster, on one machine or several."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from davsn.api.launching import STOPPED, TOLD
from davsn.api.rank import train
from davsn.core.errors import ConfigError, DavsnError, ElsewhereError
from davsn.core.settings import Changes
from davsn.experiment.experiment import dump
from davsn.experiment.recipes import Recipe, folder_for, read_recipe
from davsn.sweeps.grid import values_of
from davsn.sweeps.jobs import cluster
from davsn.training.folder import RunFolder


@dataclass(frozen=True)
class Submitted:
    """A job that a cluster has accepted.

    Attributes:
        job: the job of submitit, which can be waited for and cancelled.
        folder: the run folder.
        logs: the folder of the job's scripts and of what its processes print.
    """

    job: Any
    folder: Path
    logs: Path


def submit(  # noqa: PLR0913 - the options of a command
    recipe: Recipe,
    changes: Changes = (),
    *,
    to: str = "slurm",
    nodes: int = 1,
    gpus_per_node: int = 1,
    options: Sequence[str] = (),
    out: Path | str | None = None,
    score: bool = True,
) -> Submitted:
    """Train a recipe, or resume a run that was stopped, as one job: one process for each GPU of its machines.

    SLURM tells the job some time before its end, or before it makes room for another job. The job then saves, and is
    queued again under the same number; it resumes from what it has saved. The run folder must be on a file system that
    all machines share.

    Args:
        recipe: see :func:`davsn.train`.
        changes: see :func:`davsn.train`.
        to: 'slurm'; 'local' tries the job on this machine, as processes on its GPUs, or on the CPU.
        nodes: the number of machines.
        gpus_per_node: the number of processes on each machine.
        options: options of submitit, ``name=value``, such as ``timeout_min=600``.
        out: the run folder; see :func:`davsn.train`.
        score: whether to score the validation sets at the end.

    Raises:
        ConfigError: mistakes in the settings or options; submitit is not installed, or the cluster refuses the job.
    """
    if nodes < 1 or gpus_per_node < 1:
        raise ConfigError("the command line", ["--nodes and --gpus-per-node should be at least 1"])
    experiment = read_recipe(recipe, changes)
    training, number = experiment.training, nodes * gpus_per_node
    if training.batch_size % (number * training.accumulate):
        what = f"training.batch_size  {training.batch_size} samples cannot be divided among {number} processes"
        raise ConfigError("the command line", [f"{what}. Set {number * training.accumulate}, or a multiple"])
    folder = folder_for(recipe, experiment, out).absolute()
    usual: dict[str, Any] = {
        "name": experiment.name,
        "slurm_srun_args": ["--kill-on-bad-exit=1"],
        "slurm_additional_parameters": {"requeue": True},  # some clusters refuse to queue jobs again by default
    }
    shape = {"nodes": nodes, "gpus_per_node": gpus_per_node, "tasks_per_node": gpus_per_node}
    given = {key: values[0] for key, values in values_of(options).items()}
    executor = cluster(RunFolder(folder).jobs, to, {**usual, **given, **shape})
    job = executor.submit(RankOfJob(), dump(experiment), str(folder), score)
    return Submitted(job, folder, RunFolder(folder).jobs)


class RankOfJob:
    """What each task of a job does: it trains as one of the processes of the run."""

    def __call__(self, settings: Mapping[str, Any], folder: str, scored: bool) -> int:
        """Train and score; return 0. A failure ends the process, so that the cluster counts the job as failed.

        Args:
            settings: the experiment as plain data.
            folder: the run folder.
            scored: whether to score the validation sets at the end.
        """
        from submitit.helpers import TorchDistributedEnvironment

        TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)
        try:
            finished = train(settings, Path(folder), scored)
        except ElsewhereError:
            sys.exit(TOLD)
        except DavsnError as error:
            print(error, file=sys.stderr)
            sys.exit(TOLD)
        if not finished:
            sys.exit(STOPPED)
        return 0

    def checkpoint(self, *given: Any) -> Any:
        """Say how the job is queued again: with the same call, which resumes the run."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, *given)
