"""What a run is: settings from a recipe, checked whole before anything loads, and the parts built from them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationInfo, field_validator, model_serializer

from davsn import checkpoint
from davsn.clip import ClipSpec
from davsn.components import find
from davsn.data.base import VideoDataset
from davsn.data.taxonomy import Taxonomy
from davsn.errors import ConfigError, DataError
from davsn.methods.base import Method
from davsn.networks.base import ImageNetwork
from davsn.networks.video import Propagation, VideoSegmenter
from davsn.networks.weights import WEIGHTS_ALONE, load_weights
from davsn.ops.warp import FlowScale
from davsn.optimisation import OptimiserSettings
from davsn.settings import Settings, override, read_yaml, validate
from davsn.training import TrainingSettings, segmenter_of

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
    """A checkpoint whose segmenter this run starts from, such as a source-only one; or a file of weights alone: a
    snapshot of the public code (.pth, of network deeplab) or an exported network (.safetensors)."""

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


def known_classes(part: Part) -> Taxonomy | None:
    """The class table that a data set's settings tell without its files; None where they do not."""
    return find("davsn.data", part.name, VideoDataset).classes_of(part.settings)  # type: ignore[arg-type]  # as above


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


def build_segmenter(
    experiment: Experiment, num_classes: int, start: Path | Mapping[str, Any] | None = None
) -> VideoSegmenter:
    """The video network.

    Args:
        experiment: says which.
        num_classes: ``C``.
        start: a file that it takes its weights from, or a checkpoint's content; None takes ``experiment.start``, or
            where there is none the initial weights.

    Raises:
        CheckpointError: a file that cannot be read, or that is of another network or number of classes.
    """
    start = experiment.start if start is None else start
    part, settings = find("davsn.networks", experiment.network.name, ImageNetwork), experiment.network.settings
    if start is not None and "weights" in type(settings).model_fields:
        settings = settings.model_copy(update={"weights": None})  # they would be replaced at once
    segmenter = VideoSegmenter(part(settings, num_classes), experiment.video.propagation, experiment.video.flow_scale)
    if isinstance(start, Path) and start.suffix in WEIGHTS_ALONE:
        load_weights(segmenter, start)
    elif isinstance(start, Path):
        segmenter_of(checkpoint.load(start), segmenter, str(start))
    elif start is not None:
        segmenter_of(start, segmenter)
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
