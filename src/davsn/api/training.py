"""``davsn.train`` and ``davsn.adapt``: networks are trained in a folder, and resumed from there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from davsn.api.data import footage_choice
from davsn.api.model import Model, load
from davsn.core.console import silent
from davsn.core.errors import ConfigError
from davsn.core.plugins import choose, find
from davsn.core.settings import Changes, override
from davsn.experiment.experiment import Experiment, needs_start
from davsn.experiment.experiment import load as load_experiment
from davsn.experiment.recipes import Recipe, read_recipe, recipe_values
from davsn.experiment.run import train_in
from davsn.experiment.scoring import score as score_set
from davsn.learning.method import Method
from davsn.scoring.scores import Scores
from davsn.training.folder import RunFolder


@dataclass(frozen=True)
class TrainedRun:
    """What a training left in its folder.

    Attributes:
        name: the experiment's.
        folder: the run's folder.
        finished: whether the last step is done; False where Ctrl-C or SIGTERM stopped the run, which saved it.
        scores: of each validation set, by name; empty where none was scored.
    """

    name: str
    folder: Path
    finished: bool
    scores: Mapping[str, Scores] = field(default_factory=dict)

    def model(self) -> Model:
        """The trained network; see :func:`davsn.load`."""
        return load(self.folder, own_code=True)


def train(
    recipe: Recipe, changes: Changes = (), *, out: Path | str | None = None, score: bool = True, quiet: bool = False
) -> TrainedRun:
    """Run a recipe, or resume a run that was stopped: the same call does both.

    Args:
        recipe: the name of a recipe of ours, a YAML file (ours or one of the public code), or a mapping.
        changes: settings that replace those of the recipe, such as ``{"training.steps": 2000}``, or texts such as
            ``["training.steps=2000"]``.
        out: the run's folder; None takes ``runs/`` and the recipe's name.
        score: whether the validation sets are scored in the end.
        quiet: print neither progress nor messages.

    Raises:
        ConfigError: mistakes in the settings, or another run in the folder.
        DataError, FlowError, CheckpointError, TrainingError: what stopped it; earlier checkpoints are untouched.
    """
    with silent(quiet):
        experiment = read_recipe(recipe, changes)
        return carry_out(experiment, Path(out or Path("runs") / experiment.name), score)


def adapt(  # noqa: PLR0913 - the options of a command
    source: Path | str,
    target: Path | str | Sequence[Path | str],
    *,
    method: str = "da_vsn",
    classes: Path | str | None = None,
    validation: Path | str | None = None,
    steps: int | None = None,
    changes: Changes = (),
    out: Path | str = "runs/adapt",
    quiet: bool = False,
) -> TrainedRun:
    """Adapt a network from labelled video to unlabelled video, by the recipe ``adapt``.

    A method that changes a trained network, such as batch_norm, starts from one that is trained on the source alone, in
    ``out/source_only``, unless ``start`` is changed to name another.

    Args:
        source: the labelled folder: ``frames/CLIP/NAME.jpg``, ``labels/CLIP/NAME.png``, ``classes.yaml``.
        target: a folder of frames, or video files or folders of them.
        method: how to adapt. It has its own defaults, and those settings of the recipe that it has too.
        classes: the class table; None takes ``classes.yaml`` in the source's folder.
        validation: a labelled folder of the target domain, scored in the end; never trained on.
        steps: the run's length; None takes the recipe's.
        changes: further settings; see :func:`train`.
        out: the run's folder.
        quiet: print neither progress nor messages.

    Raises:
        See :func:`train`.
    """
    with silent(quiet):
        targets = [Path(path) for path in ([target] if isinstance(target, str | Path) else target)]
        values = _adaptation(Path(source), targets, method, classes, changes)
        if steps is not None:
            values = override(values, {"training.steps": steps})
        if validation is not None:
            table = classes or Path(source) / "classes.yaml"
            scored = {"root": validation, "classes": table, "missing": "repeat", "size": values["target"].get("size")}
            values["validation"] = {"target": {"name": "folder", **scored}}
        if values.get("start") is None and _needs_start(values["method"]):
            source_only = {**values, "name": "source_only", "method": "source_only"}
            first = load_experiment(source_only, where="davsn adapt")
            if not train_in(first, Path(out) / "source_only"):
                return TrainedRun(first.name, Path(out), finished=False)
            values["start"] = Path(out) / "source_only"
        return carry_out(load_experiment(values, where="davsn adapt"), Path(out))


def carry_out(experiment: Experiment, folder: Path, scored: bool = True) -> TrainedRun:
    """Train in a folder, and score every validation set if that is wanted."""
    if not train_in(experiment, folder):
        return TrainedRun(experiment.name, folder, finished=False)
    found = {}
    for name, part in experiment.validation.items() if scored else ():
        found[name] = score_set(load(folder, own_code=True).trained, part, name)
        found[name].save(RunFolder(folder).scores(name))
    return TrainedRun(experiment.name, folder, finished=True, scores=found)


def _adaptation(
    source: Path, targets: list[Path], method: str, classes: Path | str | None, changes: Changes
) -> dict[str, Any]:
    """The recipe ``adapt`` with the user's folders in it."""
    values = recipe_values("adapt")
    values["method"] = _method(values["method"], method)
    values["source"] |= {"root": source, "classes": classes}
    values["target"] = footage_choice(targets, values["target"])
    return override(values, changes)


def _method(of_recipe: dict[str, Any], name: str) -> dict[str, Any]:
    """The chosen method with those of the recipe's options that it has too, such as small discriminators."""
    try:
        known = find(Method, name).Config.model_fields
    except ConfigError:  # loading the settings reports it, with all other mistakes
        known = {}
    return {"name": name, **{key: value for key, value in of_recipe.items() if key in known}}


def _needs_start(method: Any) -> bool:
    try:
        return needs_start(choose(Method, method, paths=False)) is not None
    except ValueError:  # loading the settings reports it, with all other mistakes
        return False
