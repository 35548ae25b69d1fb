"""Choice of the frames that a report shows: a few windows of consecutive frames, spread evenly over a set."""

from collections.abc import Iterable, Sequence

import numpy as np

from davsn.data.samples import Samples

Place = tuple[int, int]
"""(clip, position) of a frame in its data set."""


def windows(samples: Samples, number: int, length: int) -> list[list[Place]]:
    """Choose windows of consecutive frames.

    Where there are labels, only windows with a labelled frame are chosen. A set of stills gives windows of stills.

    Args:
        samples: the samples to choose from.
        number: the largest number of windows.
        length: the largest number of frames in a window.

    Returns:
        the windows in the order of the set, each with at least one place.
    """
    pieces = _pieces(samples, length)
    labelled = [piece for piece in pieces if any(_has_label(samples, place) for place in piece)]
    pieces = labelled or pieces
    longest = max(map(len, pieces), default=0)
    pieces = [piece for piece in pieces if 2 * len(piece) >= longest]  # the short rests of long clips show little
    chosen = np.linspace(0, len(pieces) - 1, min(number, len(pieces))).round().astype(int)
    return [pieces[index] for index in chosen]


def windows_of(samples: Samples, names: Iterable[str], number: int, length: int) -> list[list[Place]]:
    """Choose the windows that hold certain frames.

    Args:
        samples: the samples to choose from.
        names: the names ``clip/frame`` of the frames, the most important first; unknown names are left out.
        number: the largest number of windows.
        length: the largest number of frames in a window.

    Returns:
        the windows, in the order of the names.
    """
    held = {samples.name(*place): piece for piece in _pieces(samples, length) for place in piece}
    found: list[list[Place]] = []
    for name in names:
        if name in held and held[name] not in found:
            found.append(held[name])
    return found[:number]


def _pieces(samples: Samples, length: int) -> list[list[Place]]:
    """All windows of a set, in order. Stills are put together."""
    pieces = [piece for run in _runs(samples.places) for piece in _cut(run, length)]
    return _cut(samples.places, length) if all(len(piece) == 1 for piece in pieces) else pieces


def _runs(places: Sequence[Place]) -> list[list[Place]]:
    """Group places that follow one another in the same clip."""
    runs: list[list[Place]] = []
    for clip, position in places:
        if runs and runs[-1][-1] == (clip, position - 1):
            runs[-1].append((clip, position))
        else:
            runs.append([(clip, position)])
    return runs


def _cut(run: Sequence[Place], length: int) -> list[list[Place]]:
    return [list(run[begin : begin + length]) for begin in range(0, len(run), length)]


def _has_label(samples: Samples, place: Place) -> bool:
    clip, position = place
    return position in samples.dataset.clips[clip].labelled
