"""What is where in a run's folder: every name in it, once."""

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
        """The experiment, as YAML."""
        return self.path / "settings.yaml"

    @property
    def log(self) -> Path:
        """Losses, rates and norms: one JSON line a step."""
        return self.path / "log.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints; :mod:`davsn.training.checkpoint` names the files in it."""
        return self.path / "checkpoints"

    @property
    def newest(self) -> Path | None:
        """The newest checkpoint; None where there is none yet."""
        return checkpoint.latest(self.checkpoints)

    @property
    def best(self) -> Path:
        """The checkpoint that the label-free criterion chose."""
        return self.checkpoints / checkpoint.BEST

    @property
    def lock(self) -> Path:
        """Held by the process that trains here."""
        return self.path / ".training"

    @property
    def source_classes(self) -> Path:
        """How many pixels of each class the source's frames have, as JSON."""
        return self.path / "source_classes.json"

    @property
    def snapshots(self) -> Path:
        """The scores of every checkpoint, as JSON."""
        return self.path / "snapshots.json"

    @property
    def output(self) -> Path:
        """What the process of a sweep's run printed."""
        return self.path / "output.txt"

    def scores(self, name: str) -> Path:
        """The scores on one validation set, as JSON.

        Args:
            name: of the set; for other networks than the run's newest, with their names behind.
        """
        return self.path / f"scores_{name}.json"

    @classmethod
    def of(cls, file: Path) -> "RunFolder":
        """The folder of the run that a checkpoint belongs to; the folder that any other file is in."""
        folder = file if file.is_dir() else file.parent
        return cls(folder.parent if folder.name == "checkpoints" else folder)
