"""``davsn list``."""

from collections.abc import Mapping
from typing import Any, Literal

from rich.table import Table
from rich.text import Text

from davsn.api.listing import (
    MethodCard,
    MethodLine,
    available,
    describe_method,
    list_methods,
    read_recipe_text,
    settings_of,
)
from davsn.core.console import console


def list_(
    what: Literal["methods", "networks", "encoders", "heads", "data", "flow", "metrics", "recipes"] = "methods",
    name: str | None = None,
) -> None:
    """List what a recipe or davsn eval can name, or show one of them in full.

    A file of your own (./mine.py) can take the place of a name. A method is shown with what its default settings need,
    and with the cost of a step as a multiple of a step of source_only, measured on a CPU (see docs/results.md).

    Try:

        davsn list methods

        davsn list methods tps

        davsn list data folder

        davsn list recipes da_vsn_viper > mine.yaml

    Parameters
    ----------
    what:
        The kind to list.
    name:
        The one to show, with all its settings: for a method, its paper, needs and cost too. A recipe's file is shown,
        which can be the start of your own.
    """
    if what == "recipes" and name is not None:
        print(read_recipe_text(name), end="")
    elif what == "methods":
        console.print(_lines(list_methods()) if name is None else _card(describe_method(name)))
    else:
        console.print(_others(what) if name is None else _part(what, name))


def _others(what: str) -> Table:
    table = Table(what.removesuffix("s"), "what it is", box=None, pad_edge=False)
    for name, about in available(what).items():
        table.add_row(name, Text(about))
    shown = "its file" if what == "recipes" else "its settings"
    return _with_hint(table, f"davsn list {what} NAME: {shown}")


def _with_hint(table: Table, hint: str) -> Table:
    table.caption, table.caption_justify = hint, "left"
    return table


def _part(what: str, name: str) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row(what.removesuffix("s"), name)
    about = available(what).get(name)  # none for a user's own file
    if about is not None:
        table.add_row("what it is", Text(about))
    _add_settings(table, settings_of(what, name))
    return table


def _add_settings(table: Table, settings: Mapping[str, tuple[Any, str]]) -> None:
    for number, (name, (default, meaning)) in enumerate(settings.items()):
        table.add_row("settings" if number == 0 else "", Text(f"{name} = {default}  ") + Text(meaning, style="dim"))


def _lines(methods: list[MethodLine]) -> Table:
    """Make a table with two lines for each method, or more if the terminal is narrow."""
    table = Table("method", "year", "when to use it, and what a step costs", box=None, pad_edge=False)
    for card in methods:
        table.add_row(card.name, card.year, Text(card.when) + Text(f"\n{_costs(card)}", style="dim"))
    hint = "davsn list methods NAME: its paper, what it needs, its settings\n"
    return _with_hint(table, f"{hint}Where a network has no auxiliary classifier, a method leaves out its losses")


def _costs(card: MethodLine) -> str:
    """Format the cost of a step by variant; a dash for a method that was not measured, such as a user's own."""
    return ", ".join(f"{ratio:.1f} × {variant}" for variant, ratio in card.costs.items()) or "–"


def _card(card: MethodCard) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("method", card.name)
    table.add_row("paper", card.paper)
    table.add_row("when", card.when)
    table.add_row("needs", "\n".join(card.needs))
    table.add_row("cost of a step", _costs(card))
    _add_settings(table, card.settings)
    return table
