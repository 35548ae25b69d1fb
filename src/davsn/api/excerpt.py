"""A short overlay video of a run's own target, so that one sees at once what the network makes of it."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import tee
from pathlib import Path

from davsn.core.console import progress
from davsn.core.errors import FileError
from davsn.core.plugins import Choice
from davsn.data.dataset import VideoDataset
from davsn.data.sets.video import Video
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

    No video is written if none of its frames can be read and ``bad_files`` is 'skip'.

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
    shown, seen = tee(_read(dataset, range(begin, begin + number)))  # holds one frame: each is written when predicted
    video = PaintedVideo(path, Brush(predictor.taxonomy, Look(legend=True)).overlay, rate)
    with progress("overlay", number) as report, video:
        predicted = predictor.label(shot.frame for shot in seen)
        for done, (shot, said) in enumerate(zip(shown, predicted, strict=True), 1):
            video.write(shot, said)
            report(done)
    return whole


def _read(dataset: VideoDataset, positions: range) -> Iterator[Shot]:
    """Read frames of the first clip, by the policy of the data set; frames of a video keep their times.

    Raises:
        DataError: a frame cannot be read, and ``bad_files`` is not 'skip'.
    """
    for position in positions:
        try:
            frame = dataset.read_frame(0, position)
        except FileError as error:
            if dataset.config.bad_files == "error":
                raise error.or_skip("the target") from None
            continue
        times: tuple[float | None, float | None] = (None, None)
        if isinstance(dataset, Video):
            begin = dataset.seconds(0, positions.start)
            times = dataset.seconds(0, position) - begin, dataset.duration(0, position)
        yield Shot(dataset.clips[0].frames[position], frame, *times)
