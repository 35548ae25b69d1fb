"""``davsn.train`` and ``davsn.adapt``: train a network in a run folder, or resume the run."""

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
from davsn.data.class_lists import class_table_of
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
    """Result of a training.

    Attributes:
        name: the name of the run.
        folder: the run folder.
        finished: whether the last step is done; False if Ctrl-C or SIGTERM stopped the run, after saving it.
        scores: the scores by validation set; empty if none was scored.
    """

    name: str
    folder: Path
    finished: bool
    scores: Mapping[str, Scores] = field(default_factory=dict)

    def model(self) -> Model:
        """Open the trained network; see :func:`davsn.load`."""
        return load(self.folder, own_code=True)


def train(
    recipe: Recipe, changes: Changes = (), *, out: Path | str | None = None, score: bool = True, quiet: bool = False
) -> TrainedRun:
    """Train a recipe, or resume a run that was stopped. The same call does both.

    Args:
        recipe: the name of a built-in recipe, a YAML file (of davsn or of the public code), or a mapping.
        changes: overrides of the recipe, such as ``{"training.steps": 2000}``, or texts such as
            ``["training.steps=2000"]``.
        out: the run folder; None: ``runs/`` and the recipe's name.
        score: whether to score the validation sets at the end.
        quiet: print neither progress nor messages.

    Raises:
        ConfigError: mistakes in the settings, or another run in the folder.
        DataError, FlowError, CheckpointError, TrainingError: the problem that stopped the run; earlier checkpoints
            are kept.
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

    A method that adapts a trained network, such as batch_norm, needs one to start from. It is first trained on the
    source alone, in ``out/source_only``, unless ``start`` names another one.

    Args:
        source: the labelled folder: ``frames/CLIP/NAME.jpg``, ``labels/CLIP/NAME.png``, ``classes.yaml``.
        target: a folder of frames, or video files or folders of them.
        method: the name of the method. It uses its own defaults, except for settings that the recipe states and it has.
        classes: the class table, of davsn or another tool (``labelmap.txt``); None: the one in the source's folder.
        validation: a labelled folder of the target domain, scored at the end; never trained on.
        steps: the number of training steps; None: as in the recipe.
        changes: further overrides; see :func:`train`.
        out: the run folder.
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
            table = classes or class_table_of(Path(source))
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
    """Train in a folder, then score every validation set unless ``scored`` is False."""
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
    """Fill the user's folders into the recipe ``adapt``."""
    values = recipe_values("adapt")
    values["method"] = _method(values["method"], method)
    values["source"] |= {"root": source, "classes": classes}
    values["target"] = footage_choice(targets, values["target"])
    return override(values, changes)


def _method(of_recipe: dict[str, Any], name: str) -> dict[str, Any]:
    """Give the chosen method those settings of the recipe that it has too, such as small discriminators."""
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
