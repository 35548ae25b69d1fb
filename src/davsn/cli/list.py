"""``davsn list``."""

import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Literal

import torch
from rich.table import Table

from davsn.cli.console import console
from davsn.cli.train import recipe_file
from davsn.components import available
from davsn.data.base import VideoDataset
from davsn.errors import ConfigError
from davsn.flow.base import FlowEstimator
from davsn.methods.base import Method
from davsn.networks.base import ImageNetwork
from davsn.networks.deeplab import DeepLab, DeepLabSettings
from davsn.networks.video import VideoSegmenter

_COSTS = "costs.json"
"""Beside the methods: what their steps cost, written by benchmarks/pages from a record."""
KINDS: dict[str, tuple[str, type[Any]]] = {
    "methods": ("davsn.methods", Method),
    "networks": ("davsn.networks", ImageNetwork),
    "data": ("davsn.data", VideoDataset),
    "flow": ("davsn.flow", FlowEstimator),
}


def list_(
    what: Literal["methods", "networks", "data", "flow", "recipes"] = "methods", recipe: str | None = None
) -> None:
    """List what a recipe can name, or show a recipe: what it needs, its commands and its settings.

    A file of your own (./mine.py) can stand wherever a name can. Of methods it says what their default settings need:
    frames by their offset from the current one, flow, discriminators, kept modules such as a teacher, a start; and what
    a step costs, in steps of source_only, as measured on a processor: with video, with single frames, and with small
    discriminators (docs/results/costs.md says how).

    Try:

        davsn list methods

        davsn list recipes

        davsn list recipes da_vsn_viper > mine.yaml

    Parameters
    ----------
    what:
        Which kind of part.
    recipe:
        After recipes, the name of one: its file, to read or to start your own from.
    """
    if recipe is not None:
        if what != "recipes":
            raise ConfigError("davsn list", [f"{recipe}  only recipes can be shown: davsn list recipes {recipe}"])
        with recipe_file(recipe) as path:
            print(path.read_text(encoding="utf-8"), end="")
        return
    console.print(_methods() if what == "methods" else _others(what))


def _others(what: str) -> Table:
    table = Table(what.removesuffix("s"), "what it is", "settings", box=None, pad_edge=False)
    if what == "recipes":
        for file in sorted(files("davsn.recipes").iterdir(), key=lambda file: file.name):
            if file.name.endswith(".yaml"):
                table.add_row(file.name.removesuffix(".yaml"), file.read_text().splitlines()[0].lstrip("# "), "")
    else:
        for name, part in available(*KINDS[what]).items():
            table.add_row(name, (part.__doc__ or "").splitlines()[0], ", ".join(part.Config.model_fields))
    return table


def _methods() -> Table:
    heads = ("method", "what it is, and when to take it", "year", "needs", "cost of a step", "settings")
    table = Table(*heads, box=None, pad_edge=False)
    costs = json.loads(files("davsn.methods").joinpath(_COSTS).read_text(encoding="utf-8"))
    for name, method in available(*KINDS["methods"]).items():
        year = re.findall(r"\b(?:19|20)\d\d\b", method.paper)
        about = f"{method.paper}\n{method.when}"
        cost = "\n".join(_cost(costs.get(name, {})))
        settings = ", ".join(method.Config.model_fields)
        table.add_row(name, about, *year[-1:] or [""], "\n".join(_needs(method)), cost, settings)
    return table


def _cost(measured: Mapping[str, float]) -> Iterator[str]:
    """A line a variant; a dash for a method that nobody has measured, such as one of the user's own."""
    for variant, ratio in measured.items():
        yield f"{ratio:.1f} × {variant}"
    if not measured:
        yield "–"


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
