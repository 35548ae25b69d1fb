"""Masks of CVAT, Datumaro and VOC: ``JPEGImages``, ``SegmentationClass`` in colours, and ``labelmap.txt``."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import ConfigError, DataError
from davsn.data.images import PICTURE_SUFFIXES
from davsn.data.importing.source import Item, Source
from davsn.data.labels.coding import LabelCoding
from davsn.data.labels.files import channel_of, read_label
from davsn.data.labels.taxonomy import Taxonomy, read_class_table

_MASKS = "SegmentationClass"


def read(source: Source) -> tuple[Taxonomy, Sequence[Item]]:
    """Read all masks below folders named ``SegmentationClass``. The classes are those of ``labelmap.txt``."""
    table = source.table
    listed = next((path for path in source.files if path.name == "labelmap.txt"), None)
    if table is None and listed is not None:
        try:
            table = read_class_table(listed)
        except ConfigError as error:
            source.mistakes += [f"{listed.name}: {mistake}" for mistake in error.mistakes]
            return Taxonomy((), ()), []
    masks = [path for path in source.files if _MASKS in path.parts and path.suffix.lower() == ".png"]
    if table is None or not masks:
        source.mistakes += [] if table else ["holds no labelmap.txt. Export it too, or give --classes TABLE"]
        source.mistakes += [] if masks else [f"holds no masks: expected {_MASKS}/IMAGE.png"]
        return Taxonomy((), ()), []
    channel = channel_of(masks, table.coding)
    by_stem = {path.stem: path.name for path in reversed(source.files) if not _is_mask(path)}
    items: list[Item] = []
    for mask in masks:
        frame = source.image(by_stem.get(mask.stem, f"{mask.stem}.jpg"), mask, lambda image: not _is_mask(image))
        if frame is not None:
            items.append(Item(frame, partial(_paint, mask, table.coding, channel)))
    return table.taxonomy, items


def _is_mask(path: Path) -> bool:
    return not {_MASKS, "SegmentationObject"}.isdisjoint(path.parts) or path.suffix.lower() not in PICTURE_SUFFIXES


def _paint(path: Path, coding: LabelCoding, channel: str | None, height: int, width: int) -> NDArray[np.uint8]:
    label = read_label(path, coding, channel)
    if label.shape != (height, width):
        size = f"{label.shape[1]}x{label.shape[0]}"
        raise DataError(f"is {size} pixels, and its image {width}x{height}", str(path), "Export both again")
    return label
