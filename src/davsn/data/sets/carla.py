"""Recordings of the CARLA simulator: folders of frames, and of semantic tags in the red channel or in colours."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from davsn.core.clip import IGNORE
from davsn.core.errors import DataError
from davsn.data.folder_layout import split
from davsn.data.labels.carla import OLDER, TAGS, Tags
from davsn.data.labels.class_tables import ClassSet, RawIds, taxonomy, train_ids
from davsn.data.labels.coding import Channel, Colour, LabelCoding, packed
from davsn.data.labels.files import stored
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.sets.folder import Folder

_RAW: dict[Tags, RawIds] = {"0.9.10": "carla_0.9.10", "0.9.14": "carla_0.9.14"}
_LOOKED_AT = 8
"""Number of label maps, evenly spread, from which it is found out which version wrote them."""
_ROAD: dict[Tags, list[int]] = {"0.9.10": [7, 6], "0.9.14": [1, 24]}
"""The tags of road and road lines, which fill the lower part of most frames."""


class Carla(Folder):
    """Recordings of CARLA: any folders of frames, each with the images of a semantic camera beside it.

    Every folder of frames is a clip, so a recording with several cameras has a clip for each of them. A label map holds
    the tags in its red channel, in its only channel, or in the colours of ``CityScapesPalette``. Files whose channels
    were stored as blue, green, red are recognised.

    Args:
        config: where the recordings are.

    Raises:
        DataError: there are no frames, the label maps do not say which version wrote them, or as for ``folder``.
    """

    class Config(Folder.Config):
        """Where recordings are, and what their tags mean."""

        tags: Tags | None = None
        """Which tags the label maps hold: '0.9.10' for CARLA 0.9.10 to 0.9.13 and older, '0.9.14' for CARLA 0.9.14 and
        later. null finds it out from the label maps, and says so."""
        classes: ClassSet | Literal["own"] = "viper"  # type: ignore[assignment]  # CARLA needs no file of classes
        """The class set: 'viper' has 15 classes, 'synthia' 12, 'vkitti2' 10, 'gta5' 19. 'own' has CARLA's tags as
        classes: 22 or 28."""

    def _split(self, files: Sequence[str]) -> tuple[list[str], list[str]]:
        return split(files, raw=True)

    def _read_classes(self, paths: Sequence[Path]) -> None:
        """Find out which version wrote the label maps, and how."""
        assert isinstance(self.config, Carla.Config)
        tags, seen = self.config.tags, _seen(paths)
        if tags is None:
            tags, because = _version(seen, paths[0])
            self.notes = [
                *self.notes,
                f"the tags are those of CARLA {_span(tags)}, {because}. If that is wrong, set tags",
            ]
        self.taxonomy, self._coding = _classes(tags, self.config.classes)
        self._channel = seen.channel


def _classes(tags: Tags, classes: ClassSet | Literal["own"]) -> tuple[Taxonomy, LabelCoding]:
    """The class table, and which tags and colours stand for its classes."""
    table = TAGS[tags]
    if classes == "own":
        chosen = Taxonomy(tuple(tag.name for tag in table[1:]), tuple(tag.colour for tag in table[1:]))
        values = {0: IGNORE, **{number: number - 1 for number in range(1, len(table))}}
    else:
        chosen = taxonomy(classes, _RAW[tags])
        values = dict(enumerate(train_ids(_RAW[tags], classes)[: len(table)].tolist()))
    numbers = {tag.name: number for number, tag in enumerate(table)}
    colours = {tag.colour: values[number] for number, tag in enumerate(table)}
    older = {colour: values[numbers[name]] for colour, name in OLDER.items() if colour not in colours}
    return chosen, LabelCoding(chosen.names, values, older | colours, told=True)


class _Seen(NamedTuple):
    """What a few label maps hold.

    Attributes:
        whole: (256,) the pixels of each tag.
        low: (256,) the pixels of each tag in the lower half.
        colours: the colours of tags, if most pixels that are not black have one.
        channel: how files with several channels hold the tags: in 'colours', in 'red', or in 'blue'.
    """

    whole: NDArray[np.int64]
    low: NDArray[np.int64]
    colours: frozenset[Colour]
    channel: Channel


def _seen(paths: Sequence[Path]) -> _Seen:
    """Look at a few label maps, evenly spread."""
    whole, low = np.zeros((2, 256), np.int64)
    colours, reds, blues = set[Colour](), False, False
    known = {int(packed(np.array(tag.colour, np.uint8))): tag.colour for table in TAGS.values() for tag in table[1:]}
    for index in np.linspace(0, len(paths) - 1, min(_LOOKED_AT, len(paths))).round().astype(int):
        try:
            values = stored(paths[index]).values
        except DataError:  # whoever reads it as a label map reports it
            continue
        if values.ndim == 3:
            found, pixels = np.unique(packed(values), return_counts=True)
            painted = np.isin(found, list(known))
            if pixels[painted].sum() > pixels[found > 0].sum() / 2:
                colours |= {known[number] for number in found[painted].tolist()}
            red, blue = bool(values[..., 0].any()), bool(values[..., 2].any())
            reds, blues = reds or red, blues or (blue and not red)
            values = values[..., 0 if red else 2]
        tags = np.minimum(values, 255)
        whole += np.bincount(tags.ravel(), minlength=256)
        low += np.bincount(tags[len(tags) // 2 :].ravel(), minlength=256)
    return _Seen(whole, low, frozenset(colours), "colours" if colours else "blue" if blues and not reds else "red")


def _version(seen: _Seen, example: Path) -> tuple[Tags, str]:
    """Which version wrote label maps, and from what that is known.

    Args:
        seen: what the label maps hold.
        example: one of them, which an error names.

    Raises:
        DataError: the label maps do not say it.
    """
    if seen.colours:
        own = {tags: {tag.colour for tag in table} for tags, table in TAGS.items()}
        older, newer = own["0.9.10"] - own["0.9.14"], own["0.9.14"] - own["0.9.10"]
        is_older = len(seen.colours & older) > len(seen.colours & newer)
        return ("0.9.10" if is_older else "0.9.14"), "by their colours"
    highest = int(np.flatnonzero(seen.whole).max(initial=0))
    if highest >= len(TAGS["0.9.10"]):
        return "0.9.14", f"since the label maps hold the tag {highest}"
    roads = {tags: int(seen.low[numbers].sum()) for tags, numbers in _ROAD.items()}
    if roads["0.9.10"] == roads["0.9.14"]:
        raise DataError(
            "does not say by its tags whether CARLA 0.9.13 or 0.9.14 wrote it: the numbers of the tags changed there",
            str(example),
            "Set tags: 0.9.10 for CARLA 0.9.13 and older, or tags: 0.9.14 for later versions",
        )
    tags: Tags = "0.9.10" if roads["0.9.10"] > roads["0.9.14"] else "0.9.14"
    return tags, f"since the lower half of the label maps shows much of the tag {_ROAD[tags][0]}, their road"


def _span(tags: Tags) -> str:
    return "0.9.13 or older" if tags == "0.9.10" else "0.9.14 or later"
