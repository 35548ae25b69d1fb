"""The files in a run's folder; every name is defined here, once."""

from dataclasses import dataclass
from pathlib import Path

from davsn.training import checkpoint


@dataclass(frozen=True)
class RunFolder:
    """The files of one run.

    Attributes:
        path: the folder itself.
    """

    path: Path

    @property
    def settings(self) -> Path:
        """The experiment's settings, as YAML."""
        return self.path / "settings.yaml"

    @property
    def log(self) -> Path:
        """Losses, learning rates and gradient norms: one JSON line for each step."""
        return self.path / "log.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints; :mod:`davsn.training.checkpoint` names the files in it."""
        return self.path / "checkpoints"

    @property
    def newest(self) -> Path | None:
        """The newest checkpoint; None if there is none yet."""
        return checkpoint.latest(self.checkpoints)

    @property
    def best(self) -> Path:
        """The checkpoint that the label-free criterion chose."""
        return self.checkpoints / checkpoint.BEST

    def sheet(self, step: int) -> Path:
        """Predictions on a few target frames after ``step`` steps, as one JPEG."""
        return self.path / "predictions" / f"step_{step:07d}.jpg"

    @property
    def lock(self) -> Path:
        """The lock file; the process that trains here holds it."""
        return self.path / ".training"

    @property
    def source_classes(self) -> Path:
        """The number of pixels of each class in each source frame, as JSON."""
        return self.path / "source_classes.json"

    @property
    def time(self) -> Path:
        """The number of steps that was chosen for a time, as JSON."""
        return self.path / "time.json"

    @property
    def environment(self) -> Path:
        """The machine, the versions and the commit that the run was last trained with, as JSON."""
        return self.path / "environment.json"

    @property
    def report(self) -> Path:
        """The report, as an HTML page."""
        return self.path / "report.html"

    @property
    def snapshots(self) -> Path:
        """The scores of every checkpoint, as JSON."""
        return self.path / "snapshots.json"

    @property
    def output(self) -> Path:
        """The printed output of the process of a sweep's run."""
        return self.path / "output.txt"

    @property
    def jobs(self) -> Path:
        """The scripts of a cluster's jobs, and what their processes print."""
        return self.path / "jobs"

    def scores(self, name: str) -> Path:
        """The scores on one validation set, as JSON.

        Args:
            name: the name of the set. Where the scores are not those of the run's newest checkpoint, the name of the
                other network follows.
        """
        return self.path / f"scores_{name}.json"

    @staticmethod
    def frames_of(scores: Path) -> Path:
        """The table of the scores of every frame, as CSV, beside a file of scores."""
        return scores.with_name(f"{scores.stem}_frames.csv")

    @classmethod
    def of(cls, file: Path) -> "RunFolder":
        """The run folder that a checkpoint belongs to; for any other file, the folder that contains it."""
        folder = file if file.is_dir() else file.parent
        return cls(folder.parent if folder.name == "checkpoints" else folder)
