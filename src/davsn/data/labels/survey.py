"""What the label maps of a data set say in total: classes that occur in none, and the share of ignored pixels."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from davsn.core.errors import FileError
from davsn.data.dataset import VideoDataset
from davsn.data.labels.taxonomy import Taxonomy

Places = Sequence[tuple[int, int]]
"""(clip, position) of labelled frames."""

_MOSTLY = 0.5
"""The share of ignored pixels from which a warning is given."""
_FIRST, _MORE = 16, 48
"""Number of label maps that :func:`sampled` reads, and how many more if some class is in none of them."""
_TABLE = "say in the class table which values, colours or channel stand for the classes (docs/data.md)"


class Survey(NamedTuple):
    """Counts over label maps.

    Attributes:
        counts: (label maps, classes + 1) pixels of each class; last, the ignored pixels.
        of: the number of label maps in the data set, of which some may not have been read.
    """

    counts: NDArray[np.int64]
    of: int

    @property
    def nothing(self) -> bool:
        """Whether all label maps were read, and all their pixels are ignored: there is nothing to learn or to score."""
        return 0 < self.of == len(self.counts) and not self.counts[:, :-1].any()


class Doubt(NamedTuple):
    """Something suspicious: what it is, and what to do."""

    what: str
    remedy: str


def count(label: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    """(classes + 1,) the pixels of each class in a label map (H, W) of train ids; last, the ignored pixels."""
    return np.bincount(np.minimum(label, classes).ravel(), minlength=classes + 1)


def sampled(
    dataset: VideoDataset, places: Places, report: Callable[[FileError], object] = lambda error: None, share: int = 1
) -> Survey:
    """Survey a few label maps, evenly spread; a few more if some class is in none of them.

    If all their pixels are ignored, it reads on until one label map has a class.

    Args:
        dataset: a data set with label maps.
        places: its labelled frames.
        report: called with the error of each label map that cannot be read, which is left out.
        share: number of data sets that share the label maps that are read, so that several take the time of one.
    """
    taxonomy = dataset.taxonomy
    assert taxonomy is not None, "a data set without labels"
    rows: dict[tuple[int, int], NDArray[np.int64]] = {}
    totals = np.zeros(len(taxonomy) + 1, np.int64)

    def read(place: tuple[int, int]) -> None:
        if place in rows:
            return
        rows[place] = np.zeros_like(totals)
        try:
            rows[place] = count(dataset.read_label(*place), len(taxonomy))
        except FileError as error:
            report(error)
        np.add(totals, rows[place], out=totals)

    for number in (_FIRST, _FIRST + _MORE):
        for index in np.linspace(0, len(places) - 1, min(max(number // share, 1), len(places))).round().astype(int):
            read(places[index])
        if not _absent(totals, taxonomy):
            break
    for place in places:
        if totals[:-1].any():
            break
        read(place)
    readable = [row for row in rows.values() if row.any()]
    return Survey(np.array(readable, np.int64).reshape(-1, len(taxonomy) + 1), len(places))


def doubts(survey: Survey, taxonomy: Taxonomy) -> Iterator[Doubt]:
    """Yield what is suspicious about label maps.

    Args:
        survey: the counts.
        taxonomy: the class table. Classes that are not scored may be absent, since a data set may not show them.
    """
    read, totals = len(survey.counts), survey.counts.sum(0)
    if not totals.any():
        return
    labels = f"{read} label map{'' if read == 1 else 's'}"
    where = f"none of the {labels}" if read == survey.of else f"none of {labels} that were read, of {survey.of}"
    share = totals[-1] / totals.sum()
    ignored = f"{share:.0%} of all pixels in the label maps are ignored"
    value = ", such as value: 255 for pixels that are ignored now" if share else ""
    absent = _absent(totals, taxonomy)
    if absent:
        remedy = f"If the label maps should show {'it' if len(absent) == 1 else 'them'}, {_TABLE}{value}"
        if absent == [0] and taxonomy.names[0].lower() != "background":
            remedy += ". If the ids begin at 1, set reduce_zero_label: true there"
        yield Doubt(f"{_named(absent, taxonomy)} in {where}; {ignored}", remedy)
    elif share > _MOSTLY:
        yield Doubt(ignored, f"If an ignored value or colour is a class, {_TABLE}{value}")


def size_doubt(label: tuple[int, ...], frame: tuple[int, ...]) -> Doubt | None:
    """What is suspicious about the sizes (height, width, …) of a label map and its frame; None if they are equal."""
    if label[:2] == frame[:2]:
        return None
    what = f"the label is {label[1]}x{label[0]} pixels, its frame {frame[1]}x{frame[0]}"
    return Doubt(what, "It would be stretched to the frame. Is it the label of another version of this frame?")


def rare(survey: Survey, taxonomy: Taxonomy) -> Iterator[str]:
    """Yield a sentence for each class that occurs in very few label maps: at most 1 in 50, and at most 3."""
    held = (survey.counts[:, :-1] > 0).sum(0)
    for index, number in enumerate(held):
        if 0 < number <= min(3, len(survey.counts) / 50):
            pixels = survey.counts[:, index].sum()
            yield (
                f"the class {taxonomy.names[index]} is in {number} of {len(survey.counts)} label maps ({pixels} pixels)"
            )


def _absent(totals: NDArray[np.int64], taxonomy: Taxonomy) -> list[int]:
    return [index for index in taxonomy.scored if not totals[index]]


def _named(absent: Sequence[int], taxonomy: Taxonomy) -> str:
    names = [taxonomy.names[index] for index in absent]
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"the class{'' if len(names) == 1 else 'es'} {', '.join(names[:8])}{more} occur{'s' * (len(names) == 1)}"
