"""What a run is: settings from a recipe, checked whole before anything loads, and the parts built from them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from davsn.core.clip import PAIR, ClipSpec
from davsn.core.plugins import Choice as Choice
from davsn.core.plugins import choice_of, find
from davsn.core.plugins import choose as choose
from davsn.core.settings import Changes, Settings, override, read_yaml, validate
from davsn.data.dataset import VideoDataset
from davsn.learning.method import Method
from davsn.networks.image_network import ImageNetwork
from davsn.networks.video import Propagation
from davsn.ops.warp import FlowScale
from davsn.reference.accidents import with_faithful
from davsn.training.loop import TrainingSettings
from davsn.training.optimisation import OptimiserSettings


class VideoSettings(Settings):
    """How the previous frame helps the current one."""

    propagation: Propagation = "warp"
    """'warp' samples backward along the flow (TPS); 'splat' rounds forward, as DA-VSN's public code does; 'none' is a
    network of single frames (ADVENT): no previous frame is loaded and no flow."""
    flow_scale: FlowScale = "both"
    """'height' scales both flow components by the height ratio, as the public code does."""


Data = Annotated[Choice, choice_of(VideoDataset)]
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
    network: Annotated[Choice, choice_of(ImageNetwork)]
    """The network of single frames."""
    video: VideoSettings = VideoSettings()
    method: Annotated[Choice, choice_of(Method)]
    """What is minimised."""
    optimiser: OptimiserSettings = OptimiserSettings()
    training: TrainingSettings = TrainingSettings()
    start: Path | None = None
    """A checkpoint whose segmenter this run starts from, such as a source-only one, or a run's folder for its newest;
    or a file of weights alone: a snapshot of the public code (.pth, of network deeplab) or an exported network
    (.safetensors)."""

    @field_validator("method")
    @classmethod
    def _has_what_it_needs(cls, method: Choice, info: ValidationInfo) -> Choice:
        given = info.data  # what has mistakes is not in the data
        for part in _with_those_below(method):
            kind = find(Method, part.name)
            if kind.target is not None and given.get("target", ...) is None:
                raise ValueError(
                    f"{part.name} adapts to a target, and there is none. Set 'target', or take source_only"
                )
            if "video" in given and given["video"].propagation == "none" and not kind.single_frames:
                raise ValueError(
                    f"{part.name} compares frames, and video.propagation none is a network of single ones. Set it to "
                    "warp or splat"
                )
        return method

    @field_validator("training")
    @classmethod
    def _has_classes_to_draw(cls, training: TrainingSettings, info: ValidationInfo) -> TrainingSettings:
        method = info.data.get("method")
        if training.rare_classes is not None and method is not None:
            source, _ = find(Method, method.name).clips(method.settings)
            if not source.frames:
                raise ValueError(f"{method.name} reads no source, so none can be drawn by classes. Remove rare_classes")
        return training

    @field_validator("start")
    @classmethod
    def _is_trained(cls, start: Path | None, info: ValidationInfo) -> Path | None:
        method = info.data.get("method")
        if start is None and method is not None and (name := needs_start(method)):
            raise ValueError(
                f"{name} changes a network that is trained already. Name one: a run's folder, a checkpoint or a "
                "file of weights; source_only trains one"
            )
        return start


def _with_those_below(method: Choice) -> Iterator[Choice]:
    """A method and those that it is built over, as 'masked' is over a teacher method: its settings hold them."""
    yield method
    for value in vars(method.settings).values():
        if isinstance(value, Choice):
            yield from _with_those_below(value)


def needs_start(method: Choice) -> str | None:
    """Which of a method and those below it cannot do without a trained network to start from; None where all can."""
    names = (part.name for part in _with_those_below(method))
    return next((name for name in names if find(Method, name).needs_start), None)


def load(
    recipe: Path | Mapping[str, Any],
    changes: Changes = (),
    where: str = "settings",
    paths: bool = True,
) -> Experiment:
    """An experiment from a recipe file or a mapping, with changes.

    Args:
        recipe: the file, or what stands in one.
        changes: see :func:`davsn.core.settings.override`.
        where: named in the error; a file is named by itself.
        paths: see :func:`davsn.core.settings.validate`.

    Raises:
        ConfigError: every mistake found, files and folders that do not exist among them, before anything is loaded.
    """
    if isinstance(recipe, Path):
        where, values = str(recipe), read_yaml(recipe)
    else:
        values = dict(recipe)
    values = override(values, changes)
    if values.get("mode") == "faithful":
        values = {**with_faithful(values), "mode": "faithful"}
    return validate(Experiment, values, where, paths)


def asked(experiment: Experiment, spec: ClipSpec = PAIR) -> ClipSpec:
    """What of a spec is loaded in this experiment. Of a network of single frames, only the current one ever is.

    Everything that reads samples for an experiment's network asks here first, so that nobody loads a previous frame
    or estimates a flow that nothing looks at.

    Args:
        experiment: says how the network looks at video.
        spec: what a method asks for, or by default what a video network needs to predict.
    """
    if experiment.video.propagation != "none":
        return spec
    return replace(spec, frames=tuple(offset for offset in spec.frames if offset == 0), flows=())


def clips_of(experiment: Experiment) -> tuple[ClipSpec, ClipSpec | None]:
    """What the experiment's method asks of source and target samples; None where it sees no target."""
    kind = find(Method, experiment.method.name)
    source, target = kind.clips(experiment.method.settings)
    return asked(experiment, source), None if target is None else asked(experiment, target)


def dump(experiment: Experiment) -> dict[str, Any]:
    """The settings as plain data, from which :func:`load` makes the same experiment."""
    return experiment.model_dump(mode="json")
