"""What a run is: settings from a recipe, checked whole before anything loads, and the parts built from them."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import yaml
from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationInfo, field_validator, model_serializer

import davsn
from davsn import checkpoint
from davsn.clip import Batch, ClipSpec
from davsn.components import find
from davsn.data.base import DatasetSettings, VideoDataset
from davsn.data.loading import Samples, evaluation_batches, target_training, training_batches
from davsn.data.taxonomy import Taxonomy
from davsn.errors import CheckpointError, ConfigError, DataError
from davsn.evaluation import information_maximisation
from davsn.methods.base import Method
from davsn.networks.base import ImageNetwork
from davsn.networks.video import Propagation, VideoSegmenter
from davsn.ops.warp import FlowScale
from davsn.optimisation import OptimiserSettings
from davsn.saving import replacing
from davsn.settings import Settings, override, read_yaml, validate
from davsn.training import Trainer, TrainingSettings, optimisation_of, segmenter_of, train

TWO_FRAMES = ClipSpec(frames=(0, -1), flows=((0, -1),))
"""What the video network needs to predict."""


class VideoSettings(Settings):
    """How the previous frame helps the current one."""

    propagation: Propagation = "warp"
    """'warp' samples backward along the flow (TPS); 'splat' rounds forward, as DA-VSN's public code does."""
    flow_scale: FlowScale = "both"
    """'height' scales both flow components by the height ratio, as the public code does."""


class Part(Settings):
    """A part of an experiment: the name of its file and its own settings, side by side in a recipe."""

    name: str
    settings: SerializeAsAny[Settings]

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        return {"name": self.name, **self.settings.model_dump(mode="json")}


def choose(package: str, kind: type[Any], value: Any, paths: bool = True) -> Part:
    """A part from ``{name: …, its own keys}``, or from the name alone.

    Args:
        package: where parts of this kind are, such as ``"davsn.data"``.
        kind: the abstract class of the kind.
        value: from a recipe.
        paths: see :func:`davsn.settings.validate`.

    Raises:
        ConfigError: no such part, or every mistake in its settings.
        ValueError: neither a name nor settings with one.
    """
    if isinstance(value, Part):
        return value
    if not isinstance(value, str | Mapping):
        raise ValueError(f"should be the name of a {kind.__name__}, or its name and settings, but got {value!r}")
    values = {"name": value} if isinstance(value, str) else dict(value)
    name = values.pop("name", None)
    if not isinstance(name, str):
        raise ValueError(f"needs a 'name': which {kind.__name__} it is")
    return Part(name=name, settings=validate(find(package, name, kind).Config, values, name, paths))


def _part(package: str, kind: type[Any]) -> BeforeValidator:
    def chosen(value: Any, info: ValidationInfo) -> Part:
        return choose(package, kind, value, paths=bool((info.context or {}).get("paths")))

    return BeforeValidator(chosen)


Data = Annotated[Part, _part("davsn.data", VideoDataset)]
FileName = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]
"""A name that is safe as that of a file or folder."""


class Experiment(Settings):
    """Everything that decides a run's result. The same settings and seed give the same weights."""

    name: FileName = "run"
    """Of the run; also its folder's name."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """'faithful' computes what the public code computes, accidents included; docs/parity.md lists them."""
    seed: int = Field(0, ge=0)
    """Of weights, data order and augmentation."""
    source: Data
    """The labelled video."""
    target: Data | None = None
    """The video to adapt to; its labels, if it has any, are never read in training."""
    validation: dict[FileName, Data] = Field(default_factory=dict)
    """Labelled video to judge by, by name; only ever evaluated on."""
    network: Annotated[Part, _part("davsn.networks", ImageNetwork)]
    """The network of single frames."""
    video: VideoSettings = VideoSettings()
    method: Annotated[Part, _part("davsn.methods", Method)]
    """What is minimised."""
    optimiser: OptimiserSettings = OptimiserSettings()
    training: TrainingSettings = TrainingSettings()
    start: Path | None = None
    """A checkpoint whose segmenter this run starts from, such as a source-only one."""

    @field_validator("method")
    @classmethod
    def _has_a_target(cls, method: Part, info: ValidationInfo) -> Part:
        adapts = find("davsn.methods", method.name, Method).target is not None
        if adapts and info.data.get("target", ...) is None:  # a target with mistakes is not in the data
            raise ValueError(f"{method.name} adapts to a target, and there is none. Set 'target', or take source_only")
        return method


def load(
    recipe: Path | Mapping[str, Any],
    assignments: list[str] | None = None,
    where: str = "settings",
    paths: bool = True,
) -> Experiment:
    """An experiment from a recipe file or a mapping, with ``key=value`` overrides.

    Args:
        recipe: the file, or what stands in one.
        assignments: see :func:`davsn.settings.override`.
        where: named in the error; a file is named by itself.
        paths: see :func:`davsn.settings.validate`.

    Raises:
        ConfigError: every mistake found, files and folders that do not exist among them, before anything is loaded.
    """
    if isinstance(recipe, Path):
        where, values = str(recipe), read_yaml(recipe)
    else:
        values = dict(recipe)
    values = override(values, assignments or [])
    if values.get("mode") == "faithful":
        values = {**_faithful(values), "mode": "faithful"}
    return validate(Experiment, values, where, paths)


def _faithful(values: dict[str, Any]) -> dict[str, Any]:
    """Put the method's faithful settings under those that the recipe states itself."""
    method = values.get("method")
    name = method.get("name") if isinstance(method, Mapping) else method
    try:
        preset = find("davsn.methods", str(name), Method).faithful
    except ConfigError:
        return values  # whose validation says so, with all other mistakes
    missing = [f"{key}={json.dumps(value)}" for key, value in preset.items() if not _states(values, key)]
    return override(values, missing)


def _states(values: Any, dotted: str) -> bool:
    for key in dotted.split("."):
        if isinstance(values, str):  # the short form 'method: da_vsn'
            return False
        if not isinstance(values, Mapping):  # a mistake, to be left as it is for the validation to find
            return True
        if key not in values:
            return False
        values = values[key]
    return True


def dump(experiment: Experiment) -> dict[str, Any]:
    """The settings as plain data, from which :func:`load` makes the same experiment."""
    return experiment.model_dump(mode="json")


def build_dataset(part: Part) -> VideoDataset:
    """The data set that this part of an experiment names.

    Raises:
        DataError: nothing usable where its settings point.
    """
    return find("davsn.data", part.name, VideoDataset)(part.settings)  # type: ignore[arg-type]  # _part made them of its Config


def build_labelled(part: Part, taxonomy: Taxonomy) -> VideoDataset:
    """A data set to score a network on.

    Raises:
        DataError: no labels there, or other classes than the network's.
    """
    dataset = build_dataset(part)
    if dataset.taxonomy is None:
        raise DataError(f"{part.name} has no labels here, so nothing can be scored; see docs/data.md")
    if dataset.taxonomy.names != taxonomy.names:
        raise DataError(
            f"{part.name} has the classes {', '.join(dataset.taxonomy.names)}, but the network is trained on "
            f"{', '.join(taxonomy.names)}. Give the class table that it is trained with"
        )
    return dataset


def build_segmenter(experiment: Experiment, num_classes: int, state: Mapping[str, Any] | None = None) -> VideoSegmenter:
    """The video network with its initial weights, or with those of a checkpoint's content."""
    if state is None and experiment.start is not None:
        state = checkpoint.load(experiment.start)
    part, settings = find("davsn.networks", experiment.network.name, ImageNetwork), experiment.network.settings
    if state is not None and "weights" in type(settings).model_fields:
        settings = settings.model_copy(update={"weights": None})  # they would be replaced at once
    segmenter = VideoSegmenter(part(settings, num_classes), experiment.video.propagation, experiment.video.flow_scale)
    if state is not None:
        segmenter_of(state, segmenter)
    return segmenter


def device_of(name: str) -> torch.device:
    """The device that a setting means; 'auto' takes CUDA, then Apple's, then the CPU.

    Raises:
        ConfigError: no such device on this machine.
    """
    if name != "auto":
        try:
            device = torch.device(name)
            torch.ones(1, device=device).tolist()
        except (RuntimeError, AssertionError):  # PyTorch's ways to say that it has no such device
            raise ConfigError(
                "this machine", [f"training.device  it has no '{name}'. Take cpu, or auto for the best there is"]
            ) from None
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


class Run:
    """An experiment in a folder: its settings, log, checkpoints and scores.

    Args:
        experiment: what to run.
        folder: where; a run that was stopped there goes on.

    Raises:
        ConfigError: the folder holds a run with other settings.
        DataError: a data set that cannot be used.
    """

    def __init__(self, experiment: Experiment, folder: Path) -> None:
        self.experiment, self.folder = experiment, folder
        _compare(folder, dump(experiment))
        checkpoint.seed_everything(experiment.seed)
        self.device = device_of(experiment.training.device)
        source = build_dataset(experiment.source)
        if source.taxonomy is None:
            raise DataError(f"the source {experiment.source.name} has no labels to learn from; see docs/data.md")
        self.taxonomy = source.taxonomy
        for part in experiment.validation.values():
            build_labelled(part, self.taxonomy)  # a mistake there would else be found when training is over
        method = find("davsn.methods", experiment.method.name, Method)
        self.method = method(experiment.method.settings, build_segmenter(experiment, len(self.taxonomy)))
        self.source = Samples(source, method.source)
        self.target: Samples | None = None
        if method.target is not None and experiment.target is not None:
            self.target = Samples(target_training(build_dataset(experiment.target)), method.target)
        optimisation = optimisation_of(self.method, experiment.optimiser, experiment.training)
        self.trainer = Trainer(self.method, optimisation, experiment.training, self.device)

    def train(self, progress: Callable[[int, Mapping[str, float]], None] = lambda step, line: None) -> bool:
        """Train to the end, or on from where the run stopped; see :func:`davsn.training.train`."""
        settings = dump(self.experiment)
        with replacing(_settings_file(self.folder)) as temporary:
            temporary.write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")
        extra = {"settings": settings, "taxonomy": self.taxonomy.as_data(), "version": davsn.__version__}
        return train(self.trainer, self._batches, self.folder, extra=extra, select=self._select_by(), progress=progress)

    def steps_saved(self) -> int:
        """How many steps the newest checkpoint in the folder has done; 0 for a new run."""
        return checkpoint.steps_of(checkpoint.latest(self.folder / "checkpoints"))

    def _batches(self, start: int) -> Iterator[tuple[Batch, Batch | None]]:
        settings = self.experiment.training
        share = {"batch_size": settings.batch_size, "workers": settings.workers, "start": start}
        sources = training_batches(self.source, seed=self.experiment.seed, **share)
        if self.target is None:
            return ((source, None) for source in sources)
        targets = training_batches(self.target, seed=self.experiment.seed + 1, **share)
        return zip(sources, targets, strict=True)

    def _select_by(self) -> Callable[[VideoSegmenter], float] | None:
        """The label-free score that chooses the best checkpoint; None where no target is seen."""
        if self.target is None:
            return None
        few = self.target.spread(16)
        precision = self.experiment.training.precision
        return lambda segmenter: information_maximisation(
            segmenter, evaluation_batches(few), device=self.device, precision=precision
        )


def _settings_file(folder: Path) -> Path:
    return folder / "settings.yaml"


def _compare(folder: Path, settings: dict[str, Any]) -> None:
    """Find that a folder holds no run, one with these settings, or one that ended before it had saved anything."""
    file = _settings_file(folder)
    if file.is_file() and checkpoint.latest(folder / "checkpoints") is not None:
        held = dict(_flat(read_yaml(file)))
        wanted = dict(_flat(settings))
        changed = [
            f"{key}  is {held.get(key)!r} there and {wanted.get(key)!r} here"
            for key in sorted(held.keys() | wanted.keys())
            if held.get(key) != wanted.get(key)
        ]
        if changed:
            raise ConfigError(
                f"{folder} holds a run with other settings (choose another --out, or delete it): it", changed
            )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@dataclass(frozen=True)
class Trained:
    """A trained network with what is needed to use it.

    Attributes:
        segmenter: on the CPU, in evaluation mode.
        taxonomy: its classes.
        experiment: the settings it was trained with.
        step: how many steps it was trained.
    """

    segmenter: VideoSegmenter
    taxonomy: Taxonomy
    experiment: Experiment
    step: int

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) of the target frames it was trained on, or of the source's; None for any."""
        part = self.experiment.target or self.experiment.source
        assert isinstance(part.settings, DatasetSettings)
        return part.settings.size

    @property
    def device(self) -> torch.device:
        """The device it was trained on, or the best there is where this machine has none of the kind."""
        try:
            return device_of(self.experiment.training.device)
        except ConfigError:
            return device_of("auto")


def open_trained(path: Path) -> Trained:
    """The network of a checkpoint, or of the newest checkpoint in a run's folder.

    Raises:
        CheckpointError: no checkpoint there, or one that cannot be read.
    """
    if path.is_dir():
        newest = checkpoint.latest(path / "checkpoints")
        if newest is None:
            raise CheckpointError(
                f"{path} holds no checkpoint yet. Give a checkpoint file, or a run that has saved one"
            )
        path = newest
    state = checkpoint.load(path)
    settings = dict(state["settings"])
    if settings["method"]["name"].endswith(".py"):
        settings["method"] = "source_only"  # predicting needs no method, and a checkpoint chooses no code to run
    experiment = validate(Experiment, settings, str(path), paths=False)  # its data may be elsewhere by now
    taxonomy = Taxonomy.from_data(state["taxonomy"])
    segmenter = build_segmenter(experiment, len(taxonomy), state)
    return Trained(segmenter.eval(), taxonomy, experiment, state["step"])


def scored_frames(trained: Trained, part: Part, *, labelled_only: bool = False) -> Samples:
    """The frames of a labelled data set, as an evaluation wants them.

    Args:
        trained: the network to be scored.
        part: the data set; its classes must be the network's.
        labelled_only: leave out frames without a label, which count in the temporal consistency alone.

    Raises:
        DataError: no labels there, or other classes than the network's.
    """
    dataset = build_labelled(part, trained.taxonomy)
    return Samples(dataset, replace(TWO_FRAMES, labels=True), every_frame=not labelled_only)
