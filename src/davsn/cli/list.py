"""``davsn list``."""

from typing import Literal

from rich.table import Table
from rich.text import Text

from davsn.api.listing import MethodCard, available, describe_method, read_recipe_text, settings_of
from davsn.core.console import console
from davsn.core.errors import ConfigError


def list_(what: Literal["methods", "networks", "data", "flow", "recipes"] = "methods", name: str | None = None) -> None:
    """List what a recipe can name, or show one method or recipe whole.

    A file of your own (./mine.py) can stand wherever a name can. A method is shown with what its default settings need
    and what a step costs, in steps of source_only, as measured on a processor (docs/results.md says how).

    Try:

        davsn list methods

        davsn list methods tps

        davsn list recipes

        davsn list recipes da_vsn_viper > mine.yaml

    Parameters
    ----------
    what:
        Which kind.
    name:
        After methods, the name of one: its paper, needs, cost and settings. After recipes, the name of one: its file,
        to read or to start your own from.
    """
    if what == "methods":
        cards = [describe_method(each) for each in ([name] if name else available("methods"))]
        console.print(_whole(cards[0]) if name else _cards(cards))
    elif name is None:
        console.print(_others(what))
    elif what == "recipes":
        print(read_recipe_text(name), end="")
    else:
        raise ConfigError("davsn list", [f"{name}  only methods and recipes can be shown: davsn list methods {name}"])


def _others(what: str) -> Table:
    table = Table(what.removesuffix("s"), "what it is", box=None, pad_edge=False)
    for name, about in available(what).items():
        settings = "" if what == "recipes" else f"\nsettings: {', '.join(settings_of(what, name))}"
        table.add_row(name, Text(about) + Text(settings, style="dim"))
    return table


def _cards(cards: list[MethodCard]) -> Table:
    """Two lines a method, and more where a line of the terminal is too short for one."""
    table = Table("method", "year", "when to take it, and what a step costs", box=None, pad_edge=False)
    for card in cards:
        table.add_row(card.name, card.year, Text(card.when) + Text(f"\n{_costs(card)}", style="dim"))
    table.caption = "davsn list methods NAME: its paper, what it needs, its settings"
    table.caption_justify = "left"
    return table


def _costs(card: MethodCard) -> str:
    """The cost of a step by variant; a dash for a method that nobody has measured, such as one of the user's own."""
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
