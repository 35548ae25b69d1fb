"""What the pictures of methods share: the studies that they show, their colours, and how a picture is saved."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from benchmarks.pages.text import sections
from benchmarks.records import Record

TRAINED, AFTER, INK = "#0072b2", "#d55e00", "#333333"
"""Blue and vermilion of Okabe and Ito's palette, which colour-blind readers tell apart; and the colour of text."""


def studies(records: Mapping[str, Record]) -> dict[str, Record]:
    """Title → record of every study that compares all methods, in the order of the pages; the streets come first."""
    titles = {section.name: section.title for section in sections()}
    names = sorted((name for name in records if name.startswith("methods_") and records[name]["costs"]), reverse=True)
    return {titles[name]: records[name] for name in names}


def first_set(record: Record) -> str:
    """The set that a picture shows of a study: the first one that the record has."""
    return str(record["rows"][0]["set"])


def save(figure: Figure, path: Path, numbers: Mapping[str, Any]) -> None:
    """Write a PNG that keeps the numbers it shows in its description; a test holds these to the records."""
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, facecolor="white", metadata={"Software": None, "Description": json.dumps(numbers)})


def shown(path: Path) -> Any:
    """The numbers that a picture shows."""
    with Image.open(path) as picture:
        return json.loads(picture.text["Description"])
