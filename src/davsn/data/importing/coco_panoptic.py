"""COCO panoptic: a JSON file of categories and segments, and an image of segment ids for each image."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from davsn.core.clip import IGNORE
from davsn.core.errors import DataError
from davsn.data.images import read_picture
from davsn.data.importing.source import Item, Source, Untrusted, unlabelled
from davsn.data.labels.coding import packed
from davsn.data.labels.taxonomy import Taxonomy


class _Category(Untrusted):
    id: int
    name: str
    color: list[int] | None = Field(None, min_length=3, max_length=3)


class _Image(Untrusted):
    id: int | str
    file_name: str


class _Segment(Untrusted):
    id: int
    category_id: int


class _Annotation(Untrusted):
    image_id: int | str
    file_name: str
    segments_info: list[_Segment]


class _File(Untrusted):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category] = Field(max_length=10_000)


def read(source: Source) -> tuple[Taxonomy, Sequence[Item]]:
    """Read the JSON files that have categories and segments. The classes are the categories, in their order."""
    paths = [path for path in source.files if path.suffix.lower() == ".json"]
    files = [(path, content) for path in paths if (content := source.json(path, _File)) is not None]
    if not files:
        source.mistakes.append("holds no JSON file of COCO panoptic: it has images, annotations and categories")
        return Taxonomy((), ()), []
    categories = {each.id: each for _, content in files for each in content.categories}
    colours = [
        (each.color[0], each.color[1], each.color[2])
        if each.color and all(0 <= one < 256 for one in each.color)
        else None
        for each in categories.values()
    ]
    taxonomy = source.classes([each.name for each in categories.values()], colours)
    items = [item for path, content in files for item in _items(source, path, content, taxonomy)]
    return taxonomy, items


def _items(source: Source, path: Path, content: _File, taxonomy: Taxonomy) -> list[Item]:
    if not taxonomy.names:
        return []

    def holds_segments(image: Path) -> bool:
        return image.parent.name == path.stem or "panoptic" in image.parent.name.lower()

    twice = [number for number, count in Counter(each.id for each in content.categories).items() if count > 1]
    if twice:
        source.wrong(path, f"the categories {twice[:8]} occur more than once")
        return []
    known = {each.id: source.index(each.name, taxonomy, path) for each in content.categories}
    names = {image.id: image.file_name for image in content.images}
    items: list[Item] = []
    for each in content.annotations:
        strange = {segment.category_id for segment in each.segments_info} - known.keys()
        if each.image_id not in names or strange:
            what = f"the categories {sorted(strange)[:8]}" if strange else f"the image {str(each.image_id)[:80]}"
            source.wrong(path, f"the annotation of '{each.file_name[:80]}' names {what}, which the file does not list")
            continue
        frame = source.image(names[each.image_id], path, lambda image: not holds_segments(image))
        segments = source.image(each.file_name, path, holds_segments, "image of segments")
        if frame is not None and segments is not None:
            ids = {segment.id: known[segment.category_id] for segment in each.segments_info}
            items.append(Item(frame, partial(_paint, segments, ids, unlabelled(taxonomy))))
    return items


def _paint(path: Path, ids: Mapping[int, int | None], empty: int, height: int, width: int) -> NDArray[np.uint8]:
    """Look up the class of each segment. Its id is red + 256 green + 65536 blue, and 0 is no segment."""
    pixels = packed(read_picture(path)[..., ::-1])
    if pixels.shape != (height, width):
        size = f"{pixels.shape[1]}x{pixels.shape[0]}"
        raise DataError(f"is {size} pixels, and its image {width}x{height}", str(path), "Export both again")
    found, where = np.unique(pixels, return_inverse=True)
    unknown = [number for number in found.tolist() if number and number not in ids]
    if unknown:
        told = ", ".join(map(str, unknown[:8]))
        raise DataError(f"holds segments that the JSON file does not list: {told}", str(path), "Export both again")
    classes = [empty if not number else ids[number] for number in found.tolist()]
    lookup = np.array([IGNORE if index is None else index for index in classes], np.uint8)
    return np.asarray(lookup[where].reshape(pixels.shape))
