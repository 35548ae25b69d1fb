"""The settings of a run: read from a recipe, and checked completely before anything is loaded."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from davsn.core.clip import PAIR, ClipSpec
from davsn.core.errors import ConfigError
from davsn.core.plugins import Choice as Choice
from davsn.core.plugins import choice_of, find
from davsn.core.plugins import choose as choose
from davsn.core.settings import Changes, Settings, override, read_yaml, validate
from davsn.data.dataset import DatasetSettings, VideoDataset
from davsn.learning.method import Method
from davsn.networks.image_network import ImageNetwork
from davsn.networks.video import Propagation
from davsn.ops.warp import FlowScale
from davsn.reference.accidents import with_faithful
from davsn.training.optimisation import OptimiserSettings
from davsn.training.settings import TrainingSettings


class VideoSettings(Settings):
    """How the network uses the previous frame."""

    propagation: Propagation = "warp"
    """'warp' samples backward along the flow (TPS); 'splat' rounds forward, as DA-VSN's public code does; 'none' makes
    a single-frame network (ADVENT), for which no previous frame and no flow is loaded."""
    flow_scale: FlowScale = "both"
    """'height' scales both flow components by the height ratio, as the public code does."""


Data = Annotated[Choice, choice_of(VideoDataset)]
FileName = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]
"""A name that is safe as the name of a file or folder."""


class Experiment(Settings):
    """All settings that decide the result of a run. The same settings and seed give the same weights."""

    name: FileName = "run"
    """Name of the run, and of its folder."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """'faithful' computes what the public code computes, with its accidents; docs/parity.md lists them."""
    seed: int = Field(0, ge=0)
    """Seed of the weights, the data order and the augmentation."""
    source: Data
    """The labelled video."""
    target: Data | None = None
    """The video to adapt to; its labels, if it has any, are never read in training."""
    validation: dict[FileName, Data] = Field(default_factory=dict)
    """Validation sets by name: labelled video that the run is scored on and never trained on."""
    network: Annotated[Choice, choice_of(ImageNetwork)]
    """The single-frame network inside the segmentation network."""
    video: VideoSettings = VideoSettings()
    method: Annotated[Choice, choice_of(Method)]
    """The method, which says what is minimised."""
    optimiser: OptimiserSettings = OptimiserSettings()
    training: TrainingSettings = TrainingSettings()
    start: Path | None = None
    """A checkpoint whose segmentation network this run starts from, such as a source-only one; or a run folder, for its
    newest checkpoint; or a weights file, of the public code (.pth, network deeplab) or exported (.safetensors)."""

    @field_validator("target")
    @classmethod
    def _gives_a_style(cls, target: Choice | None, info: ValidationInfo) -> Choice | None:
        if target is None and _styled(info.data.get("source")):
            raise ValueError(
                "source.style takes the style of target frames, but there is no target. Set 'target', or remove "
                "source.style"
            )
        if _styled(target):
            raise ValueError("style gives source frames the target's style. Set it in 'source', and remove it here")
        return target

    @field_validator("validation")
    @classmethod
    def _takes_no_style(cls, validation: dict[str, Choice]) -> dict[str, Choice]:
        if found := [name for name, part in validation.items() if _styled(part)]:
            raise ValueError(f"{', '.join(found)}: style changes training clips only. Set it in 'source', not here")
        return validation

    @field_validator("method")
    @classmethod
    def _has_what_it_needs(cls, method: Choice, info: ValidationInfo) -> Choice:
        given = info.data  # settings with mistakes are missing in it
        for part in _with_those_below(method):
            kind = find(Method, part.name)
            if kind.target is not None and given.get("target", ...) is None:
                raise ValueError(f"{part.name} adapts to a target, but there is none. Set 'target', or use source_only")
            if "video" in given and given["video"].propagation == "none" and not kind.single_frames:
                raise ValueError(
                    f"{part.name} compares frames, but video.propagation none makes a single-frame network. Set it to "
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
                raise ValueError(
                    f"{method.name} reads no source, so source samples cannot be drawn by class. Remove rare_classes"
                )
        given = info.data.get("source")
        if training.rare_classes is not None and given is not None and getattr(given.settings, "shares", None):
            raise ValueError(
                "source.shares and training.rare_classes both say how often a frame is drawn. Remove one of them"
            )
        return training

    @field_validator("training")
    @classmethod
    def _has_a_target_for_statistics(cls, training: TrainingSettings, info: ValidationInfo) -> TrainingSettings:
        if training.target_statistics and info.data.get("target", ...) is None:
            raise ValueError("target_statistics are estimated on target frames, and there is no target. Set 'target'")
        return training

    @field_validator("start")
    @classmethod
    def _is_trained(cls, start: Path | None, info: ValidationInfo) -> Path | None:
        method = info.data.get("method")
        if start is None and method is not None and (name := needs_start(method)):
            raise ValueError(
                f"{name} adapts a network that is already trained. Name one: a run folder, a checkpoint or a "
                "weights file; source_only trains one"
            )
        return start


def _styled(part: Choice | None) -> bool:
    """Whether a data set's settings ask for the style of target frames."""
    return part is not None and isinstance(part.settings, DatasetSettings) and part.settings.style is not None


def _with_those_below(method: Choice) -> Iterator[Choice]:
    """Iterate over a method and the methods in its settings; 'masked', for example, holds a teacher method."""
    yield method
    for value in vars(method.settings).values():
        if isinstance(value, Choice):
            yield from _with_those_below(value)


def compares_frames(method: Choice) -> bool:
    """Whether a method, or a method in its settings, needs a video network and cannot train a single-frame one."""
    return not all(find(Method, part.name).single_frames for part in _with_those_below(method))


def needs_start(method: Choice) -> str | None:
    """Name the method, among a method and those in its settings, that needs a trained start; None if none does."""
    names = (part.name for part in _with_those_below(method))
    return next((name for name in names if find(Method, name).needs_start), None)


def load(
    recipe: Path | Mapping[str, Any],
    changes: Changes = (),
    where: str = "settings",
    paths: bool = True,
) -> Experiment:
    """Load an experiment from a recipe file or a mapping, with overrides.

    Args:
        recipe: the file, or its content.
        changes: see :func:`davsn.core.settings.override`.
        where: what an error message names; for a file it is the file.
        paths: see :func:`davsn.core.settings.validate`.

    Raises:
        ConfigError: names every mistake, missing files and folders included, before anything is loaded.
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
    """Reduce a spec to what this experiment loads. For a single-frame network that is only the current frame.

    All code that reads samples for the network of an experiment calls this first. So no previous frame is loaded, and
    no flow estimated, that the network does not use.

    Args:
        experiment: says how the network uses video.
        spec: what a method needs, or by default what a video network needs for prediction.
    """
    if experiment.video.propagation != "none":
        return spec
    return replace(spec, frames=tuple(offset for offset in spec.frames if offset == 0), flows=())


def clips_of(experiment: Experiment) -> tuple[ClipSpec, ClipSpec | None]:
    """Say what the experiment's method needs of source and target samples; None if it reads no target."""
    kind = find(Method, experiment.method.name)
    source, target = kind.clips(experiment.method.settings)
    if target is not None and not kind.target_motion:
        target = asked(experiment, target)
    return asked(experiment, source), target


def completed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that were written before, as plain data, with the defaults of all that did not exist then.

    So a run is compared by what it does, and not by which version of davsn has written it.
    """
    try:
        return dump(validate(Experiment, settings, "settings", paths=False))
    except ConfigError:  # for example of a plug-in file that is gone
        return dict(settings)


def dump(experiment: Experiment) -> dict[str, Any]:
    """Return the settings as plain data, from which :func:`load` makes the same experiment."""
    return experiment.model_dump(mode="json")
