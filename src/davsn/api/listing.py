"""``davsn.available`` and ``davsn.describe_method``: list and describe the plug-ins and recipes.

A list is read off the files of the plug-ins. Only the description of one plug-in imports it, and PyTorch with it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from davsn.core.plugins import Plugin, described, find
from davsn.experiment.built_in import recipe_file, recipe_names

if TYPE_CHECKING:
    from davsn.learning.method import Method


class Kind(NamedTuple):
    """A kind of plug-in: the package of its plug-ins, and its base class as ``module:name``."""

    package: str
    base: str


KINDS: Mapping[str, Kind] = {
    "methods": Kind("davsn.methods", "davsn.learning.method:Method"),
    "networks": Kind("davsn.networks.image", "davsn.networks.image_network:ImageNetwork"),
    "encoders": Kind("davsn.networks.encoders", "davsn.networks.encoder:Encoder"),
    "heads": Kind("davsn.networks.heads", "davsn.networks.head:Head"),
    "data": Kind("davsn.data.sets", "davsn.data.dataset:VideoDataset"),
    "flow": Kind("davsn.flow.estimators", "davsn.flow.estimator:FlowEstimator"),
    "metrics": Kind("davsn.scoring.metrics", "davsn.scoring.metric:Metric"),
}
"""Every kind of plug-in, by its name in ``davsn list``. A new kind is one line here."""
_COSTS = "costs.json"
"""File of ``davsn.learning`` with the cost of a step of each method, written from a record of the benchmarks."""


@dataclass(frozen=True)
class MethodLine:
    """Facts about a method, for a list.

    Attributes:
        name: the name in recipes.
        paper: title, venue and year.
        when: when to use the method, in one sentence.
        costs: variant → the cost of a step, as a multiple of a step of source_only; empty if it was not measured.
    """

    name: str
    paper: str
    when: str
    costs: Mapping[str, float]

    @property
    def year(self) -> str:
        """The year of the paper; empty if ``paper`` names none."""
        return next(reversed(re.findall(r"\b(?:19|20)\d\d\b", self.paper)), "")


@dataclass(frozen=True)
class MethodCard(MethodLine):
    """Facts about a method that help to choose one.

    Attributes:
        needs: what the method needs by default: frames, flow, discriminators, kept modules, a start.
        settings: name → (default, meaning).
    """

    needs: tuple[str, ...]
    settings: Mapping[str, tuple[Any, str]]


def available(kind: str) -> dict[str, str]:
    """List the plug-ins of a kind, or the recipes: name → description in one line.

    Args:
        kind: 'methods', 'networks', 'encoders', 'heads', 'data', 'flow', 'metrics' or 'recipes'. Encoders are
            listed by families.
    """
    if kind == "recipes":
        return {name: _first_line(name) for name in recipe_names()}
    return {name: plugin.about for name, plugin in described(KINDS[kind].package).items()}


def list_methods() -> list[MethodLine]:
    """List the methods of davsn, in alphabetical order."""
    costs, methods = _costs(), described(KINDS["methods"].package)
    return [
        MethodLine(name, method.texts.get("paper", ""), method.texts.get("when", ""), costs.get(name, {}))
        for name, method in methods.items()
    ]


def base_of(kind: str) -> type[Plugin]:
    """Import the base class of a kind of plug-in; see :data:`KINDS`."""
    module, _, name = KINDS[kind].base.partition(":")
    base: type[Plugin] = getattr(import_module(module), name)
    return base


def settings_of(kind: str, name: str) -> dict[str, tuple[Any, str]]:
    """List a plug-in's own settings: name → (default, meaning).

    Args:
        kind: see :func:`available`; not 'recipes'.
        name: the name of the plug-in, or the path of a user's own file.

    Raises:
        ConfigError: no such plug-in.
    """
    fields = find(base_of(kind), name).Config.model_fields
    return {
        key: (
            "required" if field.is_required() else field.get_default(call_default_factory=True),
            " ".join((field.description or "").split()),
        )
        for key, field in fields.items()
    }


def read_recipe_text(name: str) -> str:
    """Read the YAML of a built-in recipe, which can be the start of your own.

    Raises:
        ConfigError: no recipe of that name.
    """
    with recipe_file(name) as path:
        return path.read_text(encoding="utf-8")


def describe_method(name: str) -> MethodCard:
    """Describe a method: its paper, needs, cost and settings.

    Args:
        name: the name of the method, or the path of a user's own file.

    Raises:
        ConfigError: no such method.
    """
    method = cast("type[Method]", find(base_of("methods"), name))
    needs = tuple(_needs(method))
    return MethodCard(name, method.paper, method.when, _costs().get(name, {}), needs, settings_of("methods", name))


def _costs() -> dict[str, Mapping[str, float]]:
    costs: dict[str, Mapping[str, float]] = json.loads(
        files("davsn.learning").joinpath(_COSTS).read_text(encoding="utf-8")
    )
    return costs


def _first_line(recipe: str) -> str:
    return read_recipe_text(recipe).splitlines()[0].lstrip("# ")


def _needs(method: "type[Method]") -> Iterator[str]:
    """List what a method needs by default. The method itself tells it; it is built without memory for its tensors."""
    import torch

    from davsn.networks.image.deeplab import DeepLab, DeepLabSettings
    from davsn.networks.video import VideoSegmenter

    config = method.Config()
    source, target = method.clips(config)
    with torch.device("meta"):
        segmenter = VideoSegmenter(DeepLab(DeepLabSettings(layers=(1, 1, 1, 1)), num_classes=2))
        made = method(config, segmenter)
    for domain, spec in (("source", source), ("target", target)):
        if spec is not None and spec.frames:
            yield f"{domain} {', '.join(map(str, spec.frames))}{' and flow' if spec.flows else ''}"
    if method.single_frames and (source.flows or (target and target.flows)):
        yield "or single frames"
    if judges := len(made.parts) - 1:
        yield f"{judges} discriminator{'s' if judges > 1 else ''}"
    if made.kept:
        yield ", ".join(made.kept)
    if method.needs_start:
        yield "start"
