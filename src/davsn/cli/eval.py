"""``davsn eval``."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from davsn.cli.train import load_recipe, score
from davsn.core.console import console, say
from davsn.core.errors import CheckpointError, ConfigError
from davsn.core.plugins import Choice, choose
from davsn.core.settings import override
from davsn.data.dataset import VideoDataset
from davsn.experiment.experiment import Experiment, dump, load
from davsn.experiment.snapshots import FILE, Entry, SnapshotScores, content_of, follow
from davsn.experiment.trained import Trained, open_trained, settings_of, trained_size
from davsn.networks.ensemble import Ensemble
from davsn.networks.weights import WEIGHTS_ALONE
from davsn.scoring.scores import percent
from davsn.training.checkpoint import held


def eval_(  # noqa: PLR0913 - a parameter for each option
    checkpoint: Path,
    *changes: str,
    data: Path | None = None,
    classes: Path | None = None,
    labelled_only: Annotated[bool, Parameter(negative="")] = False,
    every: Annotated[bool, Parameter(negative="")] = False,
    watch: Annotated[bool, Parameter(negative="")] = False,
    recipe: str | None = None,
    with_: Annotated[list[Path] | None, Parameter(name="--with", negative="")] = None,
    weights: Annotated[list[float] | None, Parameter(negative="", consume_multiple=True)] = None,
    first_only: Annotated[bool, Parameter(negative="")] = False,
    pictures: Path | None = None,
    own_code: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Score a trained network on labelled video by the published protocol, and its temporal consistency.

    Without --data, the validation sets of the run's recipe are scored.

    Try:

        davsn eval runs/streets_da_vsn

        davsn eval runs/mine --data DIR --classes classes.yaml -o scores.json

        davsn eval runs/mine --data DIR frames=stills labels=stills_labels stills=true missing=repeat

        davsn eval davsn_viper2city_pretrained.pth --recipe da_vsn_viper --pictures masks

        davsn eval one.pth --with two.pth --weights 2 1 --recipe da_vsn_viper

        davsn eval runs/mine validation.camera.root=DIR

        davsn eval runs/mine --every

        davsn eval runs/mine --watch

    Parameters
    ----------
    checkpoint:
        A checkpoint, or a run's folder, whose newest checkpoint is taken; or weights alone (.pth, .safetensors).
    changes:
        key=value: settings of the labelled folder with --data, else of the recipe with --recipe, else of the run's
        validation sets.
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
    with_:
        Further networks: the mean of all scores decides. Give it once for each.
    weights:
        Of the networks in that mean, CHECKPOINT first; without it all count the same.
    first_only:
        Run the first network in the place of each, as the public code does by mistake.
    pictures:
        A folder for the predictions of the labelled frames, as PNGs in the colours of the classes.
    own_code:
        Run the .py files that the checkpoint names, as parts of your own; never for a checkpoint of somebody else.
    out:
        Where to write the scores as JSON; without it, into the run's folder.
    """
    if every or watch:
        _refuse(
            {
                "--recipe": recipe,
                "--with": with_,
                "--weights": weights,
                "--pictures": pictures,
                "--first-only": first_only or None,
            }
        )
        experiment = settings_of(checkpoint, own_code)
        sets = _sets(experiment, data, classes, list(changes))
        return _every(checkpoint, experiment, sets, out or checkpoint / FILE, labelled_only, watch, own_code)
    paths = [checkpoint, *(with_ or [])]
    named = None if recipe is None else load_recipe(recipe, [] if data else list(changes), paths=False)
    members = _open(paths, named, own_code)
    together = _together(members, paths, weights or [1.0] * len(paths), first_only)
    sets = _sets(members[0].experiment, data, classes, [] if named and not data else list(changes))
    if out is not None and len(sets) > 1:
        raise ConfigError("--out", [f"names one file, and there are {len(sets)} sets to score. Leave it out"])
    for name, part in sets.items():
        folder = pictures / name if pictures and len(sets) > 1 else pictures
        scores = score(members[0], part, name, labelled_only, together, folder)
        file = out or _scores_file(paths, name)
        scores.save(file)
        console.print(scores.table(f"{_said(members, paths)}, on {name}"))
        say(f"written to {file}" + (f", pictures to {folder}" if folder else ""))


def _refuse(options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        one = "is for one evaluation; --every and --watch score the checkpoints of a run"
        raise ConfigError("davsn eval", [f"{name}  {one}" for name in given])


def _open(paths: list[Path], recipe: Experiment | None, own_code: bool) -> list[Trained]:
    """The networks; the recipe goes to those that are weights alone, or is an error if none is."""
    alone = [path.suffix in WEIGHTS_ALONE and not path.is_dir() for path in paths]
    return [
        open_trained(path, own_code, recipe if needs or not any(alone) else None)
        for path, needs in zip(paths, alone, strict=True)
    ]


def _together(members: list[Trained], paths: list[Path], weights: list[float], first_only: bool) -> Ensemble | None:
    """The networks as one, where there are several."""
    names = members[0].taxonomy.names
    mistakes = [
        f"--with  {path} has the classes {', '.join(member.taxonomy.names)}, but {paths[0]} has {', '.join(names)}"
        for member, path in zip(members, paths, strict=True)
        if member.taxonomy.names != names
    ]
    if len(weights) != len(members) or not all(0 < weight < math.inf for weight in weights):
        mistakes.append(f"--weights  should be {len(members)} numbers above 0, one a network, but got {weights}")
    if first_only and len(members) == 1:
        mistakes.append("--first-only  is for several networks: give the others with --with")
    if mistakes:
        raise ConfigError("davsn eval", mistakes)
    return Ensemble([member.segmenter for member in members], weights, first_only) if len(members) > 1 else None


def _scores_file(paths: list[Path], name: str) -> Path:
    """Where the scores go: of a run's newest checkpoint into its folder, of others with their names behind."""
    first = paths[0]
    folder = first if first.is_dir() else first.parent
    folder = folder.parent if folder.name == "checkpoints" else folder
    if len(paths) == 1 and first.suffix not in WEIGHTS_ALONE:
        return folder / f"scores_{name}.json"
    return folder / f"scores_{name}_{'+'.join(path.stem for path in paths)}.json"


def _said(members: list[Trained], paths: list[Path]) -> str:
    steps = ["" if member.step is None else f" at step {member.step}" for member in members]
    return " + ".join(f"{path}{step}" for path, step in zip(paths, steps, strict=True))


def _every(
    folder: Path,
    experiment: Experiment,
    sets: dict[str, Choice],
    file: Path,
    labelled_only: bool,
    watch: bool,
    own: bool,
) -> None:
    """Score what was not scored yet, and show the last and the best of all."""
    kept_scores = {
        name: SnapshotScores.of_run(file, name, part, experiment, labelled_only) for name, part in sets.items()
    }
    for path in follow(folder, experiment.training.steps, watch):
        with held(path) as kept:
            if kept is None:
                say(f"{path} was deleted before it could be scored: raise training.keep to keep more")
                continue
            content = content_of(kept)
            wanted = [name for name, scored in kept_scores.items() if content not in scored.entries]
            if not wanted:
                continue
            trained = open_trained(kept, own)
            for name in wanted:
                scores = score(trained, sets[name], name, labelled_only)
                kept_scores[name].add(content, Entry(trained.step or 0, scores, trained.criteria))
                say(f"step {trained.step} on {name}: mIoU {percent(scores.miou)}")
    for scored in kept_scores.values():
        if not scored.entries:
            raise CheckpointError(f"{folder} holds no checkpoint yet. Give a run that has saved one, or --watch it")
        console.print(scored.table())
    say(f"written to {file}")


def _sets(experiment: Experiment, data: Path | None, classes: Path | None, changes: list[str]) -> dict[str, Choice]:
    """The sets to score on, by name: the labelled folder, or the validation sets, changed as wished."""
    if data is None:
        sets = _changed(experiment, changes).validation if changes else experiment.validation
        if not sets:
            raise ConfigError("davsn eval", ["this run has no validation set. Give labelled video with --data DIR"])
        return sets
    settings = {
        "name": "folder",
        "root": str(data),
        "missing": "repeat",
        "size": trained_size(experiment),
        "classes": classes,
    }
    return {data.name: choose(VideoDataset, override(settings, changes))}


def _changed(experiment: Experiment, changes: list[str]) -> Experiment:
    other = [change for change in changes if not change.startswith(("validation.", "validation="))]
    if other:
        only = "only validation.NAME.key=value can be changed of a trained network; with --data, the labelled folder's"
        raise ConfigError("the command line", [f"{change}  {only}" for change in other])
    return load(dump(experiment), changes, where="the command line", paths=False)
