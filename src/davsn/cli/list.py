"""``davsn list``."""

from typing import Literal

from rich.table import Table
from rich.text import Text

from davsn.api.listing import MethodCard, available, describe_method, read_recipe_text, settings_of
from davsn.core.console import console
from davsn.core.errors import ConfigError


def list_(what: Literal["methods", "networks", "data", "flow", "recipes"] = "methods", name: str | None = None) -> None:
    """List what a recipe can name, or show one method or recipe in full.

    A file of your own (./mine.py) can take the place of a name. A method is shown with what its default settings need,
    and with the cost of a step as a multiple of a step of source_only, measured on a CPU (see docs/results.md).

    Try:

        davsn list methods

        davsn list methods tps

        davsn list recipes

        davsn list recipes da_vsn_viper > mine.yaml

    Parameters
    ----------
    what:
        The kind to list.
    name:
        After methods: the method whose paper, needs, cost and settings are shown. After recipes: the recipe whose file
        is shown, which can be the start of your own.
    """
    if what == "methods":
        cards = [describe_method(each) for each in ([name] if name else available("methods"))]
        console.print(_whole(cards[0]) if name else _cards(cards))
    elif name is None:
        console.print(_others(what))
    elif what == "recipes":
        print(read_recipe_text(name), end="")
    else:
        raise ConfigError(
            "davsn list", [f"{name}  only a method or a recipe can be shown in full: davsn list methods {name}"]
        )


def _others(what: str) -> Table:
    table = Table(what.removesuffix("s"), "what it is", box=None, pad_edge=False)
    for name, about in available(what).items():
        settings = "" if what == "recipes" else f"\nsettings: {', '.join(settings_of(what, name))}"
        table.add_row(name, Text(about) + Text(settings, style="dim"))
    return table


def _cards(cards: list[MethodCard]) -> Table:
    """Make a table with two lines for each method, or more if the terminal is narrow."""
    table = Table("method", "year", "when to use it, and what a step costs", box=None, pad_edge=False)
    for card in cards:
        table.add_row(card.name, card.year, Text(card.when) + Text(f"\n{_costs(card)}", style="dim"))
    table.caption = "davsn list methods NAME: its paper, what it needs, its settings"
    table.caption_justify = "left"
    return table


def _costs(card: MethodCard) -> str:
    """Format the cost of a step by variant; a dash for a method that was not measured, such as a user's own."""
    return ", ".join(f"{ratio:.1f} × {variant}" for variant, ratio in card.costs.items()) or "–"


def _whole(card: MethodCard) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("method", card.name)
    table.add_row("paper", card.paper)
    table.add_row("when", card.when)
    table.add_row("needs", "\n".join(card.needs))
    table.add_row("cost of a step", _costs(card))
    for number, (name, (default, meaning)) in enumerate(card.settings.items()):
        table.add_row("settings" if number == 0 else "", Text(f"{name} = {default}  ") + Text(meaning, style="dim"))
    return table
