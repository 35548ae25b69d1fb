"""``davsn eval``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from davsn.cli.console import console
from davsn.cli.train import open_with, score
from davsn.data.base import VideoDataset
from davsn.errors import ConfigError
from davsn.experiment import Part, choose
from davsn.run import Trained
from davsn.settings import override


def eval_(
    checkpoint: Path,
    *changes: str,
    data: Path | None = None,
    classes: Path | None = None,
    labelled_only: Annotated[bool, Parameter(negative="")] = False,
    recipe: str | None = None,
    own_code: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Score a trained network on labelled video by the published protocol, and its temporal consistency.

    Without --data, the validation sets of the run's recipe are scored.

    Try:

        davsn eval runs/streets_da_vsn

        davsn eval runs/mine --data DIR --classes classes.yaml -o scores.json

        davsn eval runs/mine --data DIR frames=stills labels=stills_labels stills=true missing=repeat

        davsn eval model_40000.pth --recipe my_recipe.yaml

    Parameters
    ----------
    checkpoint:
        A checkpoint, or a run's folder, whose newest checkpoint is taken; or weights alone (.pth, .safetensors).
    changes:
        Settings of the labelled folder: key=value.
    data:
        A labelled folder: frames/CLIP/NAME.jpg, labels/CLIP/NAME.png.
    classes:
        Its class table; without it DIR/classes.yaml.
    labelled_only:
        Predict only frames that have labels, and measure no temporal consistency.
    recipe:
        For weights alone: the recipe that names their network, classes and video settings.
    own_code:
        Run the .py files that the checkpoint names, as parts of your own; never for a checkpoint of somebody else.
    out:
        Where to write the scores as JSON; without it, into the run's folder.
    """
    trained = open_with(checkpoint, recipe, own_code)
    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    folder = folder.parent if folder.name == "checkpoints" else folder
    for name, part in _sets(trained, data, classes, list(changes)).items():
        scores = score(trained, part, name, labelled_only)
        file = out or folder / f"scores_{name}.json"
        scores.save(file)
        at = "" if trained.step is None else f" at step {trained.step}"
        console.print(scores.table(f"{checkpoint}{at}, on {name}"))
        console.print(f"written to {file}")


def _sets(trained: Trained, data: Path | None, classes: Path | None, changes: list[str]) -> dict[str, Part]:
    """The sets to score on, by name."""
    if data is None:
        if not trained.experiment.validation:
            raise ConfigError("davsn eval", ["this run has no validation set. Give labelled video with --data DIR"])
        return trained.experiment.validation
    settings = {"name": "folder", "root": str(data), "missing": "repeat", "size": trained.size, "classes": classes}
    return {data.name: choose("davsn.data", VideoDataset, override(settings, changes))}
