"""``davsn.adapt``: from unlabelled video alone, or from labelled video and unlabelled video, to a network for it."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from davsn.api.data import footage_choice
from davsn.api.excerpt import write_excerpt
from davsn.api.pace import SHOWN, steps_within
from davsn.api.report import run_subjects, try_report
from davsn.api.training import TrainedRun, carry_out, left_in
from davsn.core.console import if_interrupted, say, silent
from davsn.core.errors import ConfigError
from davsn.core.plugins import choose, find
from davsn.core.quantities import seconds as seconds_of
from davsn.core.quantities import size as size_of
from davsn.core.settings import Changes, opened, override
from davsn.data.dataset import DatasetSettings
from davsn.data.labels.class_lists import class_table_of
from davsn.experiment.building import build_dataset, build_source
from davsn.experiment.experiment import Experiment, compares_frames, needs_start
from davsn.experiment.experiment import load as load_experiment
from davsn.experiment.preparation import read_ahead
from davsn.experiment.recipes import recipe_values
from davsn.experiment.shapes import fitting_sizes
from davsn.learning.method import Method
from davsn.training.folder import RunFolder

_WHERE = "davsn adapt"
_SMALL = {"views": "logits", "discriminator_width": 32, "adversarial_weight": 0.05, "consistency_weight": 1}
"""Settings for a short run on a laptop, for those methods that have them."""
_TARGET_FRAMES = 120
"""Frames that a run reads of its videos if its method learns nothing from them: for style and statistics."""


def adapt(  # noqa: PLR0913 - the options of a command
    source: Path | str | None = None,
    target: Path | str | Sequence[Path | str] = (),
    *,
    method: str | None = None,
    classes: Path | str | None = None,
    validation: Path | str | None = None,
    size: str | int | tuple[int, int] | None = None,
    steps: int | None = None,
    batch: int | None = None,
    time: str | float | None = None,
    device: str | None = None,
    changes: Changes = (),
    out: Path | str = "runs/adapt",
    quiet: bool = False,
) -> TrainedRun:
    """Adapt a network to unlabelled video, by the recipe ``adapt``: ``davsn.adapt(target="drive.mp4")``.

    Without a source, the network learns from the drawn world ``streets``. A method that adapts a trained network, such
    as batch_norm, needs one to start from. It is first trained on the source alone, in ``out/source_only``, unless
    ``start`` names another one. At the end, ``out/overlay.mp4`` shows a few seconds of the target, and
    ``out/report.html`` shows the run (docs/report.md).

    Args:
        source: the labelled folder: ``frames/CLIP/NAME.jpg``, ``labels/CLIP/NAME.png``, ``classes.yaml``. None: the
            drawn world.
        target: a folder of frames, or video files or folders of them.
        method: the name of the method. It uses its own defaults, except for settings that the recipe states and it has.
            None: source_only, as the recipe has it.
        classes: the class table; None: ``classes.yaml`` in the source's folder, or the 15 classes of the drawn world,
            which a table may merge or drop (docs/data.md).
        validation: a labelled folder of the target domain, scored at the end; never trained on.
        size: the size of training: a height, which keeps the aspect of the frames, or (width, height), or one of them
            as text, such as ``"320x160"``.
        steps: the number of training steps; None: as in the recipe.
        batch: samples a step; None: as in the recipe.
        time: the time that the whole call may take, in seconds or as text such as ``"10m"``. A few steps are measured
            to choose the number of steps. The same call resumes with the same number.
        device: ``"cpu"``, ``"cuda"``, ``"mps"`` or ``"auto"``.
        changes: further overrides; see :func:`davsn.train`.
        out: the run folder.
        quiet: print neither progress nor messages.

    Raises:
        See :func:`davsn.train`.
    """
    begun, folder = monotonic(), Path(out)
    targets = [Path(path) for path in ([target] if isinstance(target, str | Path) else target)]
    options, limit = _options(size, steps, batch, time, device, changes, targets)
    with silent(quiet), if_interrupted(lambda: left_in(folder)):
        values = _values(source, targets, method, classes, options, changes)
        if validation is not None:
            table = classes or (None if source is None else class_table_of(Path(source)))
            scored = {"root": validation, "classes": table, "missing": "repeat", "size": values["target"].get("size")}
            changed = override({}, changes).get("validation") or {}
            values["validation"] = {**changed, "target": {"name": "folder", **scored, **opened(changed.get("target"))}}
        if values.get("start") is None and _needs_start(values["method"]):
            source_only = {**values, "name": "source_only", "method": recipe_values("adapt")["method"]}
            source_only = override(
                source_only, {"training.target_statistics": 0}
            )  # the method is to change the network
            half = None if limit is None else limit / 2
            first = _run(source_only, folder / "source_only", half, begun, last=False)
            if not first.finished:
                return TrainedRun(first.name, folder, finished=False)
            values["start"] = folder / "source_only"
        return _run(values, folder, limit, begun)


def _run(values: dict[str, Any], folder: Path, limit: float | None, begun: float, last: bool = True) -> TrainedRun:
    """Train in a folder, within a time if there is one; the last run of a call is scored and shown."""
    experiment = _experiment(values)
    target = experiment.target
    assert target is not None
    assert isinstance(target.settings, DatasetSettings)
    build_source(experiment.source)  # a source without labels is told before the target is read
    if target.settings.cached:
        read_ahead(target)
    if limit is not None:
        steps = steps_within(experiment, folder, limit, begun, last)
        training = experiment.training.model_copy(update={"steps": steps})
        experiment = experiment.model_copy(update={"training": training})
    run = carry_out(experiment, folder, last)
    if not (run.finished and last):
        return run
    overlay, page = folder / "overlay.mp4", RunFolder(folder).report
    if _outdated(overlay, folder):
        write_excerpt(run.model().predictor(), target, overlay)
    report = page if not _outdated(page, folder) else try_report(run_subjects(folder), page, extent=SHOWN)
    shown = overlay if overlay.is_file() else None
    return TrainedRun(run.name, folder, True, run.scores, shown, report)


def _outdated(file: Path, folder: Path) -> bool:
    """Whether a file that shows a run is missing, or older than the run's newest checkpoint."""
    newest = RunFolder(folder).newest
    return not file.is_file() or (newest is not None and newest.stat().st_mtime > file.stat().st_mtime)


def _options(
    size: str | int | tuple[int, int] | None,
    steps: int | None,
    batch: int | None,
    time: str | float | None,
    device: str | None,
    changes: Changes,
    targets: Sequence[Path],
) -> tuple[dict[str, Any], float | None]:
    """The overrides that the options stand for, and the limit of time in seconds.

    Raises:
        ConfigError: options that cannot be read or do not go together; names all of them.
    """
    options: dict[str, Any] = {"training.steps": steps, "training.batch_size": batch, "training.device": device}
    mistakes, limit = [], None
    if not targets:
        mistakes.append("--target  is missing: name video files, or a folder of frames")
    try:
        options["target.size"] = list(size) if isinstance(size, tuple) else size and size_of(size)
    except ValueError as error:
        mistakes.append(f"--size  {error}")
    try:
        limit = None if time is None else seconds_of(time)
    except ValueError as error:
        mistakes.append(f"--time  {error}")
    changed = override({}, changes)
    twice = {key for key in options if _has(changed, key)}
    if time is not None and (steps or "training.steps" in twice):
        mistakes.append("--time  chooses the number of steps. Leave out either it or --steps")
    names = {"training.steps": "--steps", "training.batch_size": "--batch", "training.device": "--device"}
    for key in sorted(key for key in twice if options[key] is not None):
        mistakes.append(f"{key}  is given twice, by {names.get(key, '--size')} too. Leave out one of them")
    if mistakes:
        raise ConfigError(_WHERE, mistakes)
    return {key: value for key, value in options.items() if value is not None}, limit


def _has(changes: dict[str, Any], key: str) -> bool:
    """Whether overrides set a key of a part, such as ``training.steps``."""
    part, name = key.split(".")
    values = changes.get(part)
    return isinstance(values, dict) and name in values


def _values(
    source: Path | str | None,
    targets: list[Path],
    method: str | None,
    classes: Path | str | None,
    options: dict[str, Any],
    changes: Changes,
) -> dict[str, Any]:
    """Fill the user's folders and options into the recipe ``adapt``."""
    values = recipe_values("adapt")
    if method is not None:
        values["method"] = _method({**_SMALL, **values["method"]}, method)
    if source is not None:
        drawn = values["source"] | {"cached": False}  # drawing a frame again costs more than reading one
        shared = {key: value for key, value in drawn.items() if key in DatasetSettings.model_fields}
        values["source"] = {"name": "folder", "root": source, "size": values["target"]["size"], **shared}
        options |= {"source.size": options["target.size"]} if "target.size" in options else {}
    if classes is not None:
        values["source"]["classes"] = classes
    values["target"] = footage_choice(targets, values["target"])
    values = override(override(values, options), changes)
    values["video"] = {"propagation": _propagation(values), **(override({}, changes).get("video") or {})}
    return values


def _propagation(values: dict[str, Any]) -> str:
    """The recipe's propagation; for a method that compares frames, that of a video network."""
    try:
        compares = compares_frames(choose(Method, values["method"], paths=False))
    except ValueError:  # loading the settings reports it, with all other mistakes
        compares = False
    return "warp" if compares else str(values["video"]["propagation"])


def _experiment(values: dict[str, Any]) -> Experiment:
    """Load the settings, with sizes that fit the user's frames, and few frames where they are not learned from."""
    if values["target"].get("name") == "video" and not _learns_from_target(values["method"]):
        values = {**values, "target": {"samples": _TARGET_FRAMES, "cached": True, **values["target"]}}
    experiment = load_experiment(values, where=_WHERE)
    if sizes := fitting_sizes(experiment):
        experiment = load_experiment(override(values, sizes), where=_WHERE)
    if experiment.source.name == "streets":
        _say_world(experiment)
    return experiment


def _say_world(experiment: Experiment) -> None:
    settings, table = experiment.source.settings, build_dataset(experiment.source).taxonomy
    assert isinstance(settings, DatasetSettings)
    assert table is not None
    size = "its own size" if not isinstance(settings.size, tuple) else f"{settings.size[0]}x{settings.size[1]}"
    say(
        f"The network learns from streets, a drawn world, at {size}, with {len(table)} classes: "
        f"{', '.join(table.names)}"
    )


def _method(of_recipe: dict[str, Any], name: str) -> dict[str, Any]:
    """Give the chosen method those settings of the recipe that it has too, such as small discriminators."""
    try:
        known = find(Method, name).Config.model_fields
    except ConfigError:  # loading the settings reports it, with all other mistakes
        known = {}
    return {**{key: value for key, value in of_recipe.items() if key in known}, "name": name}


def _needs_start(method: Any) -> bool:
    try:
        return needs_start(choose(Method, method, paths=False)) is not None
    except ValueError:  # loading the settings reports it, with all other mistakes
        return False


def _learns_from_target(method: Any) -> bool:
    try:
        choice = choose(Method, method, paths=False)
    except ValueError:  # loading the settings reports it, with all other mistakes
        return True
    return find(Method, choice.name).clips(choice.settings)[1] is not None
