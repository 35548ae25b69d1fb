"""``davsn list``."""

from importlib.resources import files
from typing import Any, Literal

from rich.table import Table

from davsn.cli.console import console
from davsn.cli.train import recipe_file
from davsn.components import available
from davsn.data.base import VideoDataset
from davsn.errors import ConfigError
from davsn.flow.base import FlowEstimator
from davsn.methods.base import Method
from davsn.networks.base import ImageNetwork

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

    A file of your own (./mine.py) can stand wherever a name can.

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
    table = Table(what.removesuffix("s"), "what it is", "settings", box=None, pad_edge=False)
    if what == "recipes":
        for file in sorted(files("davsn.recipes").iterdir(), key=lambda file: file.name):
            if file.name.endswith(".yaml"):
                table.add_row(file.name.removesuffix(".yaml"), file.read_text().splitlines()[0].lstrip("# "), "")
    else:
        for name, part in available(*KINDS[what]).items():
            about = getattr(part, "paper", None) or (part.__doc__ or "").splitlines()[0]
            table.add_row(name, about, ", ".join(part.Config.model_fields))
    console.print(table)
