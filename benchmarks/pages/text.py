"""Fills the Markdown texts of the results. Each text is a jinja2 template, in which an unknown name is an error."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml

from benchmarks.pages import overview, tables, tables_of_flow, tables_of_methods
from benchmarks.records import RESULTS, Record

TEXTS = Path(__file__).with_name("text")
MISSING = "Not recorded yet.\n"
FUNCTIONS: tuple[Callable[..., Any], ...] = (
    *(tables.averages, tables.classes, tables.columns, tables.difference, tables.number, tables.plain),
    *(tables.score, tables.summary, tables_of_flow.flow_quality, tables_of_methods.comparison),
    *(tables_of_methods.corrections, tables_of_methods.ious, tables_of_methods.regrets),
    *(tables_of_methods.settings_of_methods, tables_of_methods.statistics, tables_of_methods.step_costs),
    *(overview.overview, overview.step_cost, overview.regret, overview.consistency_lost),
)
"""What a text can call, by its name."""


@dataclass(frozen=True)
class Section:
    """The text on one record, benchmarks/results/<name>.md.

    Attributes:
        name: name of the record.
        page: the page of docs/results that shows it.
        place: its position on that page; lower comes first.
        title: heading of the section.
        text: the template.
    """

    name: str
    page: str
    place: int
    title: str
    text: str


def sections(folder: Path = RESULTS) -> list[Section]:
    """The sections of all pages, in the order of their places.

    Raises:
        ValueError: a text does not begin with a head between two lines of ``---``.
    """
    found = []
    for path in sorted(folder.glob("*.md")):
        if path.name != "README.md":
            before, *parts = path.read_text(encoding="utf-8").split("---\n", 2)
            if before or len(parts) < 2:
                raise ValueError(f"{path}: begin with page, place and title between two lines of ---")
            found.append(Section(path.stem, **yaml.safe_load(parts[0]), text=parts[1]))
    return sorted(found, key=lambda section: (section.place, section.name))


def section_text(section: Section, records: Mapping[str, Record]) -> str:
    """A section with its heading, its text and where its record comes from."""
    if section.name not in records:
        return f"## {section.title}\n\n{MISSING}"
    return f"## {section.title}\n\n{body(section, records)}"


def body(section: Section, records: Mapping[str, Record]) -> str:
    """The same without the heading."""
    record = records[section.name]
    filled = fill(section.text, **record, record=record, records=records).strip()
    return f"{filled}\n\n{tables.origin(record)}"


def fill(text: str, **names: Any) -> str:
    """A template, filled.

    Raises:
        jinja2.UndefinedError: the template uses a name that does not exist.
    """
    loader = jinja2.FileSystemLoader(TEXTS / "shared")
    environment = jinja2.Environment(  # Markdown, so nothing is escaped
        loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {function.__name__: function for function in FUNCTIONS}
    return environment.from_string(text).render(names)
