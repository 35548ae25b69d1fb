"""``davsn.available`` and ``davsn.describe_method``: list and describe the plug-ins and recipes."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import torch

from davsn.core.plugins import Plugin, find
from davsn.core.plugins import available as plugins
from davsn.data.dataset import VideoDataset
from davsn.experiment.recipes import recipe_file, recipe_names
from davsn.flow.estimator import FlowEstimator
from davsn.learning.method import Method
from davsn.networks.image.deeplab import DeepLab, DeepLabSettings
from davsn.networks.image_network import ImageNetwork
from davsn.networks.video import VideoSegmenter

KINDS: Mapping[str, type[Plugin]] = {
    "methods": Method,
    "networks": ImageNetwork,
    "data": VideoDataset,
    "flow": FlowEstimator,
}
"""Every kind of plug-in, by its name in ``davsn list``. A new kind is one line here."""
_COSTS = "costs.json"
"""File of ``davsn.learning`` with the cost of a step of each method, written from a record of the benchmarks."""


@dataclass(frozen=True)
class MethodCard:
    """Facts about a method that help to choose one.

    Attributes:
        name: the name in recipes.
        paper: title, venue and year.
        year: the year of the paper; empty if ``paper`` names none.
        when: when to use the method, in one sentence.
        needs: what the method needs by default: frames, flow, discriminators, kept modules, a start.
        costs: variant → the cost of a step, as a multiple of a step of source_only; empty if it was not measured.
        settings: name → (default, meaning).
    """

    name: str
    paper: str
    year: str
    when: str
    needs: tuple[str, ...]
    costs: Mapping[str, float]
    settings: Mapping[str, tuple[Any, str]]


def available(kind: str) -> dict[str, str]:
    """List the plug-ins of a kind, or the recipes: name → description in one line.

    Args:
        kind: 'methods', 'networks', 'data', 'flow' or 'recipes'.
    """
    if kind == "recipes":
        return {name: _first_line(name) for name in recipe_names()}
    return {name: (plugin.__doc__ or "").splitlines()[0] for name, plugin in plugins(KINDS[kind]).items()}


def settings_of(kind: str, name: str) -> list[str]:
    """List the names of a plug-in's own settings.

    Args:
        kind: see :func:`available`; not 'recipes'.
        name: the name of the plug-in, or the path of a user's own file.

    Raises:
        ConfigError: no such plug-in.
    """
    return list(find(KINDS[kind], name).Config.model_fields)


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
    method = find(Method, name)
    costs = json.loads(files("davsn.learning").joinpath(_COSTS).read_text(encoding="utf-8"))
    fields = method.Config.model_fields
    return MethodCard(
        name,
        method.paper,
        next(reversed(re.findall(r"\b(?:19|20)\d\d\b", method.paper)), ""),
        method.when,
        tuple(_needs(method)),
        costs.get(name, {}),
        {
            key: (field.get_default(call_default_factory=True), " ".join((field.description or "").split()))
            for key, field in fields.items()
        },
    )


def _first_line(recipe: str) -> str:
    return read_recipe_text(recipe).splitlines()[0].lstrip("# ")


def _needs(method: type[Method]) -> Iterator[str]:
    """List what a method needs by default. The method itself tells it; it is built without memory for its tensors."""
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
