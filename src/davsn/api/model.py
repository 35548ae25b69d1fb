"""``davsn.load``: opens a trained network, and segments video with it."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from davsn.core.console import progress, say, silent
from davsn.core.errors import ConfigError, DataError
from davsn.core.settings import Settings, validate
from davsn.data.dataset import DatasetSettings
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.painting import overlay
from davsn.data.transforms import Size
from davsn.data.video.footage import BadFiles, Frame, Source, footage
from davsn.data.video.recordings import recordings
from davsn.data.video.writers import Output
from davsn.experiment.experiment import Experiment
from davsn.experiment.recipes import Recipe, read_recipe
from davsn.experiment.trained import Trained, open_trained
from davsn.flow.setting import FlowSetting
from davsn.networks.windows import window_of
from davsn.scoring.inference import Predictor, Summary


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

    def overlay(self, legend: bool = False) -> NDArray[np.uint8]:
        """Tint the frame with the colours of its classes; (H, W, 3) uint8 RGB, higher with a legend of the classes."""
        return overlay(self.frame, self.mask, self.taxonomy, with_legend=legend)


@dataclass(frozen=True)
class Model:
    """A trained network, ready to segment video; :func:`load` makes one.

    Attributes:
        trained: the network, its class table and the settings that it was trained with.
        path: the run folder or the file that it was opened from.
    """

    trained: Trained
    path: Path

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, by train id."""
        return self.trained.taxonomy.names

    @property
    def step(self) -> int | None:
        """Number of steps that the network was trained; None for a weights file, which does not tell."""
        return self.trained.step

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
                frames such as a list or a generator, or the index of a camera.
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
        setting = chosen_flow(flow if trained.segmenter.looks_back else "zero", "--flow")  # unused then
        if setting.cached or setting.checked:
            raise ConfigError(
                "--flow", [f"{setting}: prediction uses every flow once, unchecked. Name the estimator alone"]
            )
        return Predictor(
            trained.segmenter,
            trained.taxonomy,
            setting.build(),
            size or trained.size,
            trained.device,
            trained.experiment.training.precision,
        )


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


def predict(  # noqa: PLR0913 - the options of a command
    model: Model | Path | str,
    source: Source,
    out: Path | str,
    *,
    overlay: bool = False,
    legend: bool = False,
    flow: str = "dis",
    size: Size | None = None,
    bad_files: BadFiles | None = None,
    stream: int | None = None,
    quiet: bool = False,
) -> Summary:
    """Segment a video and write the result: an overlay video, or masks as palette PNGs.

    Args:
        model: see :func:`load`.
        source: see :meth:`Model.segment`; also a folder of videos, or of folders of frames. Each of these gets a
            folder of masks, or an overlay video, below ``out``.
        out: a name ending in .mp4, .mov or .mkv for an overlay video, which keeps the times and the audio of the
            input; for a single image, .png for its mask or .jpg for its overlay; any other name is a folder of masks.
        overlay: write overlays where ``out`` is a folder, each under the name of its source, or a .png.
        legend: add a legend of the classes below each overlay.
        flow: see :meth:`Model.segment`.
        size: see :meth:`Model.segment`.
        bad_files: see :meth:`Model.segment`.
        stream: see :meth:`Model.segment`.
        quiet: print no progress.

    Raises:
        DataError: the source cannot be read, or the output cannot be written. Finished frames are kept.
        KeyboardInterrupt: the user stopped it. Finished frames are kept, and a line says where.
        ConfigError, CheckpointError: see :func:`load` and :meth:`Model.segment`.
    """
    model, out = opened_model(model), Path(out)
    output = Output(out, "overlay" if overlay else None, legend)
    several = recordings(Path(source), without=out) if isinstance(source, str | Path) else {}
    if several and output.is_file:
        found = f"is one file, but {source} holds {len(several)} recordings"
        raise DataError(found, str(out), "Give a folder, for their masks or with --overlay for their overlay videos")
    predictor, policy = model.predictor(flow, size), bad_files or model.bad_files
    with silent(quiet):
        if several:
            return _predict_each(predictor, several, output, policy, stream)
        with progress("segmenting", footage(source, policy, stream).count) as report:
            return predictor.predict(source, output, lambda at: report(at.done), policy, stream)


def _predict_each(
    predictor: Predictor, several: Mapping[str, Path], output: Output, policy: BadFiles, stream: int | None
) -> Summary:
    """Segment recordings one after another. The policy 'skip' also passes over a recording that cannot be read.

    Raises:
        DataError: a recording cannot be read, or none can be with the policy 'skip'.
        KeyboardInterrupt: the user stopped it; lines say what is written.
    """
    parts: list[Summary] = []
    failed: list[DataError] = []
    for name, one in several.items():
        try:
            with progress(f"segmenting {name}", footage(one, policy, stream).count) as report:
                written = output.of_recording(name, one)
                parts.append(predictor.predict(one, written, lambda at: report(at.done), policy, stream))
        except DataError as error:
            if policy == "error":
                say(_finished(parts, several, output.path))
                raise
            say(f"{error}; passed over (bad_files: skip)", "yellow")
            failed.append(error)
        except KeyboardInterrupt:
            say(_finished(parts, several, output.path))
            raise
    if not parts:
        raise failed[0]
    frames, seconds = sum(part.frames for part in parts), sum(part.seconds for part in parts)
    return Summary(output.path, frames, seconds, sum(part.skipped for part in parts) + len(failed))


def _finished(parts: Sequence[Summary], several: Mapping[str, Path], out: Path) -> str:
    return f"{len(parts)} of {len(several)} recordings are finished in {out}"


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
