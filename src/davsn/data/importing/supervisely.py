"""A project of Supervisely: ``meta.json``, and in each data set ``img/x.jpg`` and ``ann/x.jpg.json``."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from davsn.core.clip import IGNORE
from davsn.data.importing import regions
from davsn.data.importing.source import Item, Source, Untrusted, unlabelled
from davsn.data.labels.coding import Colour
from davsn.data.labels.taxonomy import Taxonomy


class _Class(Untrusted):
    title: str
    color: str | None = None


class _Meta(Untrusted):
    classes: list[_Class] = Field(max_length=10_000)


class _Points(Untrusted):
    exterior: regions.Ring = Field(default_factory=list)
    interior: list[regions.Ring] = Field(default_factory=list, max_length=10_000)


class _Bitmap(Untrusted):
    data: str
    origin: regions.Point


class _Object(Untrusted):
    classTitle: str  # Supervisely's own key
    geometryType: str | None = None
    points: _Points | None = None
    bitmap: _Bitmap | None = None

    @property
    def kind(self) -> str:
        """What it is; old exports do not say it."""
        return self.geometryType or ("bitmap" if self.bitmap is not None else "polygon")


class _File(Untrusted):
    objects: list[_Object] = Field(max_length=100_000)


def read(source: Source) -> tuple[Taxonomy, Sequence[Item]]:
    """Read all annotations of the project. The classes are those of ``meta.json``, in its order."""
    metas = [path for path in source.files if path.name == "meta.json"]
    if len(metas) != 1:
        source.mistakes.append(f"holds {len(metas)} files meta.json, where a project of Supervisely has one")
        return Taxonomy((), ()), []
    meta = source.json(metas[0], _Meta)
    if meta is None:
        return Taxonomy((), ()), []
    taxonomy = source.classes([each.title for each in meta.classes], [_colour(each.color) for each in meta.classes])
    items: list[Item] = []
    for path in source.files:
        if path.suffix.lower() != ".json" or path.parent.name != "ann" or not taxonomy.names:
            continue
        content = source.json(path, _File)
        beside = path.parent.with_name("img")
        frame = source.image(path.stem, path, lambda image, folder=beside: image.parent == folder)  # type: ignore[misc]  # a default argument binds the folder now
        if content is not None:
            drawn = [(one, _index(source, one, taxonomy, path)) for one in content.objects if _has_area(source, one)]
            if frame is not None:
                items.append(Item(frame, partial(_paint, drawn, unlabelled(taxonomy), str(path))))
    if not items and not source.mistakes:
        source.mistakes.append("holds no annotation: expected DATASET/ann/IMAGE.jpg.json beside DATASET/img")
    return taxonomy, items


def _colour(text: str | None) -> Colour | None:
    if text is None or re.fullmatch("#[0-9a-fA-F]{6}", text) is None:
        return None
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def _has_area(source: Source, one: _Object) -> bool:
    enough = {"polygon": 3, "rectangle": 2}.get(one.kind)
    drawn = one.bitmap is not None if enough is None else one.points is not None and len(one.points.exterior) >= enough
    drawn = drawn and one.kind in ("polygon", "rectangle", "bitmap")
    if not drawn:
        source.leave_out(one.kind)
    return drawn


def _index(source: Source, one: _Object, taxonomy: Taxonomy, path: Path) -> int:
    index = source.index(one.classTitle, taxonomy, path)
    return IGNORE if index is None else index


def _paint(drawn: Sequence[tuple[_Object, int]], empty: int, where: str, height: int, width: int) -> NDArray[np.uint8]:
    label = np.full((height, width), empty, np.uint8)
    for one, value in drawn:  # later objects lie on top
        if one.kind == "bitmap" and one.bitmap is not None:
            mask = regions.decode_mask(one.bitmap.data, where, compressed=True)
            regions.draw_mask(label, mask, one.bitmap.origin, value)
        elif one.points is not None and one.kind == "rectangle":
            regions.draw_rectangle(label, one.points.exterior, value)
        elif one.points is not None:
            hole = np.zeros_like(label)
            regions.draw_polygon(hole, [one.points.exterior, *one.points.interior], 1)
            label[hole > 0] = value
    return label
