"""Inputs for showing and measuring flow: pairs of frames, and estimators by name."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from davsn.api.model import chosen_flow
from davsn.core.errors import ConfigError
from davsn.core.plugins import find
from davsn.core.settings import override, validate
from davsn.data.dataset import VideoDataset
from davsn.data.pairs import Pairs, pair_of, pairs_in, pairs_of
from davsn.data.video.footage import Frame
from davsn.experiment.building import device_of
from davsn.flow.estimator import FlowEstimator
from davsn.flow.files.direction import Direction, settled
from davsn.ops.arrays import pictures, to_arrays


def estimator_of(text: str) -> FlowEstimator:
    """Build the estimator that a text names as a recipe would, such as ``dis`` or ``{name: dis, preset: fast}``.

    Raises:
        ConfigError: no such estimator, unknown settings, or a data set's own flow, which is not estimated.
    """
    return chosen_flow(text, "--estimator").build()


@torch.no_grad()
def estimated(estimator: FlowEstimator, a: Frame, b: Frame) -> NDArray[np.float32]:
    """Estimate the flow a→b of two frames, (H, W, 2) pixels. A neural network runs on the best available device."""
    device = device_of("auto") if estimator.on_device else "cpu"
    flow = estimator.estimate(pictures([a]).to(device), pictures([b]).to(device))
    return to_arrays(flow)[0]


def pairs_from(
    words: Sequence[str],
    flow: Path | None,
    form: str | None,
    direction: Direction | None,
    number: int | None,
) -> Pairs:
    """Find the pairs of frames that the arguments of a command name.

    Args:
        words: two images; or a video or a folder of frames; or the name of a data set and its settings, key=value.
        flow: the flow file of two images, or the folder of flow files that belongs to a folder of frames.
        form: the format of those files.
        direction: the direction of the pairs of a video or folder.
        number: the largest number of pairs; None: all.

    Raises:
        ConfigError: arguments that name none of these.
        FileError: frames or flow that cannot be used.
    """
    if not words:
        raise ConfigError("the command line", ["gives no frames: name two images, a video, a folder or a data set"])
    first, rest = Path(words[0]), words[1:]
    if words[0].endswith(".py") or not (first.exists() or first.suffix):
        part = find(VideoDataset, words[0])
        return pairs_of(part(validate(part.Config, override({}, rest), words[0])), number)
    if len(rest) > 1 or (rest and first.is_dir()):
        raise ConfigError(
            "the command line", [f"{rest[-1]}  is one too many: give two images, one folder or one video"]
        )
    if rest:
        return pair_of(first, Path(rest[0]), flow, form)
    told: Direction = settled(flow, direction) if flow else direction or "current-to-previous"
    return pairs_in(first, told, flow, form, number)
