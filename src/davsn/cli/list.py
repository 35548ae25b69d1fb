"""``davsn list``."""

import re
from collections.abc import Iterator
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
    frames by their offset from the current one, flow, discriminators, kept modules such as a teacher, a start.

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
    table = Table("method", "what it is, and when to take it", "year", "needs", "settings", box=None, pad_edge=False)
    for name, method in available(*KINDS["methods"]).items():
        year = re.findall(r"\b(?:19|20)\d\d\b", method.paper)
        about = f"{method.paper}\n{method.when}"
        table.add_row(name, about, *year[-1:] or [""], "\n".join(_needs(method)), ", ".join(method.Config.model_fields))
    return table


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
