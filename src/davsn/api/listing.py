"""``davsn.available`` and ``davsn.describe_method``: the plug-ins and recipes there are."""

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
"""Every kind of plug-in by the word that lists it. A new kind is one line here."""
_COSTS = "costs.json"
"""Beside what methods share: what their steps cost, written from a record of the benchmarks."""


@dataclass(frozen=True)
class MethodCard:
    """What a person wants to know of a method before taking it.

    Attributes:
        name: in recipes.
        paper: title, venue and year.
        year: of the paper; empty where it names none.
        when: when to take the method, in a sentence.
        needs: what its default settings ask for: frames, flow, discriminators, kept modules, a start.
        costs: variant → the cost of a step in steps of source_only; empty for a method that nobody has measured.
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
    """The plug-ins of a kind, or the recipes: name → what it is, in a line.

    Args:
        kind: 'methods', 'networks', 'data', 'flow' or 'recipes'.
    """
    if kind == "recipes":
        return {name: _first_line(name) for name in recipe_names()}
    return {name: (plugin.__doc__ or "").splitlines()[0] for name, plugin in plugins(KINDS[kind]).items()}


def settings_of(kind: str, name: str) -> list[str]:
    """The names of a plug-in's own settings.

    Args:
        kind: see :func:`available`; not 'recipes'.
        name: of the plug-in, or the path of a user's own file.

    Raises:
        ConfigError: no such plug-in.
    """
    return list(find(KINDS[kind], name).Config.model_fields)


def read_recipe_text(name: str) -> str:
    """The YAML of a recipe of ours, to read or to start your own from.

    Raises:
        ConfigError: no recipe of that name.
    """
    with recipe_file(name) as path:
        return path.read_text(encoding="utf-8")


def describe_method(name: str) -> MethodCard:
    """What there is to know of a method.

    Args:
        name: of the method, or the path of a user's own file.

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
    """What a method asks for with its default settings, read off the method itself, made without content."""
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
