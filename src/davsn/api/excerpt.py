"""A short overlay video of a run's own target, so that one sees at once what the network makes of it."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import tee
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davsn.core.console import progress
from davsn.core.plugins import Choice
from davsn.data.video.brush import Brush, Look
from davsn.data.video.footage import Shot
from davsn.data.video.writer import PICTURES_RATE
from davsn.data.video.writers import PaintedVideo
from davsn.experiment.building import build_dataset
from davsn.scoring.inference import Predictor

SECONDS = 3
"""Seconds of video in an excerpt."""


def write_excerpt(predictor: Predictor, part: Choice, path: Path, frames: int | None = None) -> int:
    """Predict the middle of a data set's first clip, and write an overlay video with a legend of the classes.

    Args:
        predictor: the network.
        part: the data set; its labels are not read.
        path: the video (.mp4).
        frames: number of frames to write; None: :data:`SECONDS` of video.

    Returns:
        the number of frames in a whole excerpt.

    Raises:
        DataError: a frame cannot be read, or the video cannot be written.
    """
    dataset = build_dataset(part)
    clip = dataset.clips[0]
    rate = PICTURES_RATE if clip.rate is None else Fraction(clip.rate).limit_denominator(1001)
    whole = min(len(clip.frames), max(round(SECONDS * rate), 1))
    begin, number = (len(clip.frames) - whole) // 2, min(frames or whole, whole)

    def read() -> Iterator[NDArray[np.uint8]]:
        return (dataset.read_frame(0, position) for position in range(begin, begin + number))

    shown, seen = tee(read())  # holds one frame: each is written right after its prediction
    video = PaintedVideo(path, Brush(predictor.taxonomy, Look(legend=True)).overlay, rate)
    with progress("overlay", number) as report, video:
        for done, (frame, said) in enumerate(zip(shown, predictor.label(seen), strict=True), 1):
            video.write(Shot(clip.frames[begin + done - 1], frame), said)
            report(done)
    return whole
