"""``davsn eval``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from davsn.checkpoint import held
from davsn.cli.console import console
from davsn.cli.train import open_with, score
from davsn.data.base import VideoDataset
from davsn.errors import CheckpointError, ConfigError
from davsn.experiment import Experiment, Part, choose
from davsn.run import open_trained, settings_of, trained_size
from davsn.scores import percent
from davsn.settings import override
from davsn.snapshots import FILE, Entry, SnapshotScores, content_of, follow


def eval_(  # noqa: PLR0913 - a parameter for each option
    checkpoint: Path,
    *changes: str,
    data: Path | None = None,
    classes: Path | None = None,
    labelled_only: Annotated[bool, Parameter(negative="")] = False,
    every: Annotated[bool, Parameter(negative="")] = False,
    watch: Annotated[bool, Parameter(negative="")] = False,
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

        davsn eval runs/mine --every

        davsn eval runs/mine --watch

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
    every:
        Score every checkpoint in the run's folder that was not scored yet; show the last and the best.
    watch:
        The same while training goes on in another process: wait for new ones until the last step is scored.
    recipe:
        For weights alone: the recipe that names their network, classes and video settings.
    own_code:
        Run the .py files that the checkpoint names, as parts of your own; never for a checkpoint of somebody else.
    out:
        Where to write the scores as JSON; without it, into the run's folder.
    """
    if every or watch:
        if recipe is not None:
            raise ConfigError("--recipe", ["is for weights alone; --every and --watch score the checkpoints of a run"])
        experiment = settings_of(checkpoint, own_code)
        sets = _sets(experiment, data, classes, list(changes))
        return _every(checkpoint, experiment, sets, out or checkpoint / FILE, labelled_only, watch, own_code)
    trained = open_with(checkpoint, recipe, own_code)
    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    folder = folder.parent if folder.name == "checkpoints" else folder
    sets = _sets(trained.experiment, data, classes, list(changes))
    if out is not None and len(sets) > 1:
        raise ConfigError("--out", [f"names one file, and there are {len(sets)} sets to score. Leave it out"])
    for name, part in sets.items():
        scores = score(trained, part, name, labelled_only)
        file = out or folder / f"scores_{name}.json"
        scores.save(file)
        at = "" if trained.step is None else f" at step {trained.step}"
        console.print(scores.table(f"{checkpoint}{at}, on {name}"))
        console.print(f"written to {file}")


def _every(
    folder: Path, experiment: Experiment, sets: dict[str, Part], file: Path, labelled_only: bool, watch: bool, own: bool
) -> None:
    """Score what was not scored yet, and show the last and the best of all."""
    kept_scores = {
        name: SnapshotScores.of_run(file, name, part, experiment, labelled_only) for name, part in sets.items()
    }
    for path in follow(folder, experiment.training.steps, watch):
        with held(path) as kept:
            if kept is None:
                console.print(f"{path} was deleted before it could be scored: raise training.keep to keep more")
                continue
            content = content_of(kept)
            wanted = [name for name, scored in kept_scores.items() if content not in scored.entries]
            if not wanted:
                continue
            trained = open_trained(kept, own)
            for name in wanted:
                scores = score(trained, sets[name], name, labelled_only)
                kept_scores[name].add(content, Entry(trained.step or 0, scores, trained.criteria))
                console.print(f"step {trained.step} on {name}: mIoU {percent(scores.miou)}")
    for scored in kept_scores.values():
        if not scored.entries:
            raise CheckpointError(f"{folder} holds no checkpoint yet. Give a run that has saved one, or --watch it")
        console.print(scored.table())
    console.print(f"written to {file}")


def _sets(experiment: Experiment, data: Path | None, classes: Path | None, changes: list[str]) -> dict[str, Part]:
    """The sets to score on, by name."""
    if data is None:
        if not experiment.validation:
            raise ConfigError("davsn eval", ["this run has no validation set. Give labelled video with --data DIR"])
        return experiment.validation
    settings = {
        "name": "folder",
        "root": str(data),
        "missing": "repeat",
        "size": trained_size(experiment),
        "classes": classes,
    }
    return {data.name: choose("davsn.data", VideoDataset, override(settings, changes))}
