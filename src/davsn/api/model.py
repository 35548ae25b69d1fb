"""``davsn.load``: opens a trained network, and segments video with it."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from davsn.core.errors import ConfigError
from davsn.core.settings import Settings, validate
from davsn.data.dataset import DatasetSettings
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.painting import ALPHA, overlay
from davsn.data.transforms import Size
from davsn.data.video.footage import BadFiles, Frame, Source, footage
from davsn.experiment.experiment import Experiment
from davsn.experiment.joining import USUAL, AtTestTime, joined
from davsn.experiment.recipes import Recipe, read_recipe
from davsn.experiment.trained import Trained, open_trained
from davsn.flow.setting import FlowSetting
from davsn.networks.predicting import Precision, faster_precision
from davsn.networks.views import SegmentationNetwork, Views
from davsn.networks.windows import window_of
from davsn.scoring.inference import Predictor
from davsn.scoring.streaming import SMOOTH


@dataclass(frozen=True)
class Result:
    """Prediction of a network for one frame.

    Attributes:
        name: the name of the frame, unique in its source: its file name, or its position in a video.
        time: seconds since the video's first frame, or since the camera was opened; None for images and arrays.
        frame: (H, W, 3) uint8 RGB, as it was read.
        mask: (H, W) uint8 train ids: positions in ``classes``.
        probabilities: (C, H, W) float32 in [0, 1], which add up to 1 over the classes; None unless requested.
        taxonomy: the class table.
    """

    name: str
    time: float | None
    frame: Frame
    mask: NDArray[np.uint8]
    probabilities: NDArray[np.float32] | None
    taxonomy: Taxonomy

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, by train id."""
        return self.taxonomy.names

    def overlay(self, legend: bool = False, alpha: float = ALPHA) -> NDArray[np.uint8]:
        """Tint the frame with the colours of its classes; (H, W, 3) uint8 RGB, higher with a legend of the classes.

        Args:
            legend: whether to add a legend below the frame.
            alpha: share of the class colours, in [0, 1].
        """
        return overlay(self.frame, self.mask, self.taxonomy, alpha, legend)


@dataclass(frozen=True)
class Model:
    """A trained network, ready to segment video; :func:`load` makes one, and :meth:`using` changes how it is run.

    Attributes:
        trained: the network, its class table and the settings that it was trained with.
        path: the run folder or the file that it was opened from.
        joined: the network as it is run: alone, in an ensemble, with test-time augmentation; None: alone.
        at_test_time: how it is run.
        smooth: the weight of the past in the moving average of the class probabilities; 0: no smoothing.
    """

    trained: Trained
    path: Path
    joined: SegmentationNetwork | Views | None = None
    at_test_time: AtTestTime = USUAL
    smooth: float = 0.0

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, by train id."""
        return self.trained.taxonomy.names

    @property
    def step(self) -> int | None:
        """Number of steps that the network was trained; None for a weights file, which does not tell."""
        return self.trained.step

    @property
    def network(self) -> SegmentationNetwork | Views:
        """The network as it is run."""
        return self.joined or self.trained.segmenter

    @property
    def precision(self) -> Precision:
        """The precision that it is run in."""
        return self.at_test_time.precision(self.trained)

    def using(
        self,
        *,
        flip: bool = False,
        scales: Sequence[float] = (),
        bf16: bool = False,
        smooth: bool | float = False,
        others: "Sequence[Model | Path | str]" = (),
        weights: Sequence[float] = (),
    ) -> "Model":
        """Choose how the network is run; gives a model with the same weights. See docs/predict.md for costs and gains.

        Args:
            flip: show the network each frame mirrored too, and average the logits.
            scales: show it each frame at these sizes, divided by the usual size, and average the logits.
            bf16: run it in bf16. On a CPU that is measured to be slower in bf16, video is predicted in fp32.
            smooth: average the class probabilities over time along the flow: a weight of the past in [0, 1), or True
                for 0.5. It is used on video alone, not by :func:`davsn.evaluate`.
            others: further networks of an ensemble, whose logits are averaged.
            weights: the weights of the networks in that mean, this one first; empty: equal weights.

        Raises:
            ConfigError: networks of different classes, or values out of range.
            CheckpointError: see :func:`load`.
        """
        share = SMOOTH if smooth is True else float(smooth)
        if not 0 <= share < 1:
            raise ConfigError("smooth", [f"should be in [0, 1), but got {share:g}"])
        models = [self, *map(opened_model, others)]
        chosen = AtTestTime(flip, tuple(scales), bf16)
        trained, paths = [model.trained for model in models], [model.path for model in models]
        network = joined(trained, paths, "davsn predict", weights, at_test_time=chosen)
        return replace(self, joined=network, at_test_time=chosen, smooth=share)

    @cached_property
    def experiment(self) -> Experiment:
        """The settings that the network was trained with."""
        return self.trained.experiment

    @property
    def bad_files(self) -> BadFiles:
        """The policy for unreadable files of the data that the network was adapted to, or else trained on."""
        part = self.experiment.target or self.experiment.source
        assert isinstance(part.settings, DatasetSettings)
        return part.settings.bad_files

    def segment(
        self,
        source: Source,
        *,
        flow: str = "dis",
        size: Size | None = None,
        probabilities: bool = False,
        bad_files: BadFiles | None = None,
        stream: int | None = None,
    ) -> Iterator[Result]:
        """Segment a video frame by frame. Memory use does not grow with its length.

        Args:
            source: a video file, a folder of images, an image, one frame (H, W, 3) uint8 RGB, any iterable of
                frames such as a list or a generator; the index of a camera or the address of a live stream, of which
                frames are dropped that come faster than they are segmented.
            flow: the flow estimator, written as in a recipe; a single-frame network does not use it.
            size: the size of the network's input: (width, height), or the height alone, and the aspect is kept. None
                takes the size that it was trained with.
            probabilities: whether to return the probability of every class too.
            bad_files: 'error' stops at a frame that cannot be read; 'skip' says so and passes over it. None takes the
                policy that the network was trained with.
            stream: position of the video stream in a file that holds several, from 0. None takes the default stream,
                else the one with the most pixels.

        Raises:
            DataError: a source, or a frame of it, that cannot be read.
            ConfigError: no such flow estimator.
        """
        found = footage(source, bad_files or self.bad_files, stream)
        shown, seen = itertools.tee(found.frames)  # holds one frame: each is returned right after its prediction
        labelled = self.predictor(flow, size).label((shot.frame for shot in seen), probabilities)
        taxonomy = self.trained.taxonomy
        return (
            Result(shot.name, shot.time, shot.frame, said.mask, said.probabilities, taxonomy)
            for said, shot in zip(labelled, shown, strict=True)
        )

    def predictor(self, flow: str = "dis", size: Size | None = None) -> Predictor:
        """Join the network with a flow estimator; see :meth:`segment`."""
        trained = self.trained
        needed = self.network.looks_back or self.smooth
        setting = chosen_flow(flow if needed else "zero", "--flow")  # zero: unused
        if setting.cached or setting.checked:
            raise ConfigError(
                "--flow", [f"{setting}: prediction uses every flow once, unchecked. Name the estimator alone"]
            )
        where = (size or trained.size, trained.device, faster_precision(self.precision, trained.device))
        return Predictor(self.network, trained.taxonomy, setting.build(), *where, self.smooth)


def load(
    path: Path | str,
    recipe: Recipe | None = None,
    *,
    own_code: bool = False,
    window: tuple[int, int] | None = None,
    overlap: float | None = None,
) -> Model:
    """Open a trained network.

    Args:
        path: a run folder, for its newest checkpoint; a checkpoint; or a weights file (.pth, .safetensors).
        recipe: for a weights file: the recipe that names its network, classes and video settings.
        own_code: whether to run Python files that the checkpoint names, as plug-ins of your own. Never allow this for
            somebody else's checkpoint.
        window: (width, height) of the windows in which the network sees each frame, in pixels of its input, so that
            its memory does not grow with the frame; None: whole frames.
        overlap: smallest share of a window that the next one shares, from 0 to 0.9; None: 0.5.

    Raises:
        CheckpointError: there is no checkpoint; it cannot be read; it names Python files without ``own_code``; or a
            weights file comes without a recipe.
        ConfigError: a recipe was given for a checkpoint, which holds its own settings; or such windows cannot be.
    """
    windows = window_of(window, overlap)
    named = None if recipe is None else read_recipe(recipe, paths=False)
    return Model(open_trained(Path(path), own_code, named).windowed(windows), Path(path))


def opened_model(model: Model | Path | str) -> Model:
    """Return a model as it is, or open the one at a path; see :func:`load`."""
    return model if isinstance(model, Model) else load(model)


def chosen_flow(text: str, where: str) -> FlowSetting:
    """Parse a flow setting, written as in a recipe after ``flow:``.

    Raises:
        ConfigError: no such estimator, or mistakes in its options.
    """
    try:
        return validate(_Flow, {"flow": yaml.safe_load(text)}, where).flow
    except yaml.YAMLError:
        raise ConfigError(where, [f"{text} cannot be read. Write it as in a recipe: dis, or {{name: dis}}"]) from None


class _Flow(Settings):
    flow: FlowSetting
