"""labelme: a JSON file of shapes beside each image."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from davsn.core.clip import IGNORE
from davsn.data.importing import regions
from davsn.data.importing.source import Item, Source, Untrusted, unlabelled
from davsn.data.labels.taxonomy import Taxonomy

_NONE = "__ignore__"
"""labelme's label for pixels that no class has."""
_DRAWN = {"polygon": 3, "oriented_rectangle": 3, "rectangle": 2, "circle": 2, "mask": 1}
"""The shapes that have an area, and the smallest number of their points."""


class _Shape(Untrusted):
    label: str
    points: regions.Ring
    shape_type: str | None = "polygon"
    mask: str | None = None


class _File(Untrusted):
    shapes: list[_Shape] = Field(max_length=100_000)
    imagePath: str  # labelme's own key


def read(source: Source) -> tuple[Taxonomy, Sequence[Item]]:
    """Read all JSON files below the folder.

    Without a class table, the classes are the labels in alphabetical order. ``__ignore__`` means no class.
    """
    found: list[tuple[Path, _File]] = []
    for path in source.files:
        content = source.json(path, _File) if path.suffix.lower() == ".json" else None
        if content is not None:
            found.append((path, content))
    if not found:
        source.mistakes += [] if source.mistakes else ["holds no JSON file of labelme"]
        return Taxonomy((), ()), []
    labels = {shape.label for _, content in found for shape in content.shapes} - {_NONE}
    names = sorted({"background" if label == "_background_" else label for label in labels})
    taxonomy = source.classes(names)
    items: list[Item] = []
    for path, content in found if taxonomy.names else []:
        frame = source.image(content.imagePath, path, lambda image, stem=path.stem: image.stem == stem)  # type: ignore[misc]  # a default argument binds the name now
        drawn = [(shape, _index(source, shape, taxonomy, path)) for shape in content.shapes if _has_area(source, shape)]
        if frame is not None:
            items.append(Item(frame, partial(_paint, drawn, unlabelled(taxonomy), str(path))))
    return taxonomy, items


def _has_area(source: Source, shape: _Shape) -> bool:
    kind = shape.shape_type or "polygon"
    drawn = kind in _DRAWN and len(shape.points) >= _DRAWN[kind] and (kind != "mask" or shape.mask is not None)
    if not drawn:
        source.leave_out(kind)
    return drawn


def _index(source: Source, shape: _Shape, taxonomy: Taxonomy, path: Path) -> int:
    index = IGNORE if shape.label == _NONE else source.index(shape.label, taxonomy, path)
    return IGNORE if index is None else index


def _paint(drawn: Sequence[tuple[_Shape, int]], empty: int, where: str, height: int, width: int) -> NDArray[np.uint8]:
    label = np.full((height, width), empty, np.uint8)
    for shape, value in drawn:  # later shapes lie on top
        if shape.shape_type == "rectangle":
            regions.draw_rectangle(label, shape.points, value)
        elif shape.shape_type == "circle":
            regions.draw_circle(label, shape.points, value)
        elif shape.mask is not None:
            regions.draw_mask(label, regions.decode_mask(shape.mask, where), shape.points[0], value)
        else:
            regions.draw_polygon(label, [shape.points], value)
    return label
