"""``davsn list``."""

from importlib.resources import files
from typing import Any, Literal

from rich.table import Table

from davsn.cli.console import console
from davsn.components import available
from davsn.data.base import VideoDataset
from davsn.flow.base import FlowEstimator
from davsn.methods.base import Method
from davsn.networks.base import ImageNetwork

KINDS: dict[str, tuple[str, type[Any]]] = {
    "methods": ("davsn.methods", Method),
    "networks": ("davsn.networks", ImageNetwork),
    "data": ("davsn.data", VideoDataset),
    "flow": ("davsn.flow", FlowEstimator),
}


def list_(what: Literal["methods", "networks", "data", "flow", "recipes"] = "methods") -> None:
    """List what a recipe can name.

    A file of your own (./mine.py) can stand wherever a name can.

    Try:

        davsn list methods

        davsn list recipes

    Parameters
    ----------
    what:
        Which kind of part.
    """
    table = Table(what.removesuffix("s"), "what it is", "settings", box=None, pad_edge=False)
    if what == "recipes":
        for recipe in sorted(files("davsn.recipes").iterdir(), key=lambda file: file.name):
            if recipe.name.endswith(".yaml"):
                table.add_row(recipe.name.removesuffix(".yaml"), recipe.read_text().splitlines()[0].lstrip("# "), "")
    else:
        for name, part in available(*KINDS[what]).items():
            about = getattr(part, "paper", None) or (part.__doc__ or "").splitlines()[0]
            table.add_row(name, about, ", ".join(part.Config.model_fields))
    console.print(table)
