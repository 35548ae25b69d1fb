"""``davsn.predict``: segments video and writes the result."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from davsn.api.model import Model, opened_model
from davsn.core import ranks
from davsn.core.console import progress, say, silent
from davsn.core.errors import ConfigError, DataError
from davsn.data.transforms import Size
from davsn.data.video.brush import Look
from davsn.data.video.footage import BadFiles, Source, footage
from davsn.data.video.outputs import Output
from davsn.data.video.recordings import recordings
from davsn.scoring.inference import Predictor, Progress, Summary


def predict(  # noqa: PLR0913 - the options of a command
    model: Model | Path | str,
    source: Source,
    out: Path | str,
    *,
    outputs: Sequence[str] = (),
    alpha: float | None = None,
    classes: Sequence[str] = (),
    legend: bool = False,
    flow: str = "dis",
    size: Size | None = None,
    bad_files: BadFiles | None = None,
    stream: int | None = None,
    quiet: bool = False,
) -> Summary:
    """Segment a video and write the result: an overlay video, masks, and other outputs.

    Processes that torchrun starts share several recordings; the first process alone segments a single one.

    Args:
        model: see :func:`davsn.load`; :meth:`davsn.Model.using` chooses how it is run.
        source: see :meth:`davsn.Model.segment`; also a folder of videos, or of folders of frames. Each of these gets
            its outputs below ``out``.
        out: without ``outputs``, a name ending in .mp4, .mov or .mkv for an overlay video, which keeps the times and
            the audio of the input; in .csv for the shares of the classes; for a single image, .png for its mask or
            .jpg for its overlay; any other name is a folder of masks.
        outputs: names of the outputs: 'overlay', 'side-by-side', 'masks', 'palette', 'shares', 'confidence'. Several
            are written in one pass, into the folder ``out``.
        alpha: share of the class colours in overlays, in [0, 1]; None: 0.55.
        classes: the classes to show; pixels of all others count as without a class. Empty: all classes.
        legend: add a legend of the classes below pictures in their colours.
        flow: see :meth:`davsn.Model.segment`.
        size: see :meth:`davsn.Model.segment`.
        bad_files: see :meth:`davsn.Model.segment`.
        stream: see :meth:`davsn.Model.segment`.
        quiet: print no progress.

    Raises:
        DataError: the source cannot be read, or the output cannot be written. Finished frames are kept.
        KeyboardInterrupt: the user stopped it. Finished frames are kept, and a line says where.
        ConfigError: wrong choices, all named at once.
        CheckpointError: see :func:`davsn.load`.
    """
    with ranks.joined(), silent(quiet):
        model, out = opened_model(model), Path(out)
        output = Output(out, tuple(outputs), Look(alpha, tuple(classes), legend))
        if mistakes := output.mistakes(model.trained.taxonomy):
            raise ConfigError("davsn predict", mistakes)
        several = recordings(Path(source), without=out) if isinstance(source, str | Path) else {}
        if len(several) == 1 and output.is_file:
            several, source = {}, next(iter(several.values()))
        if several and output.is_file:
            found = f"is one file, but {source} holds {len(several)} recordings"
            raise DataError(found, str(out), "Give a folder, for their masks or the outputs that --as names")
        predictor, policy = model.predictor(flow, size), bad_files or model.bad_files
        if several:
            return _predict_each(predictor, ranks.from_first(several), output, policy, stream)
        alone = _predict_one(predictor, source, output, policy, stream) if ranks.rank() == 0 else None
        done = ranks.from_first(alone)
        assert done is not None  # rank 0 has it
        return done


def _predict_one(predictor: Predictor, source: Source, output: Output, policy: BadFiles, stream: int | None) -> Summary:
    with progress("segmenting", footage(source, policy, stream).count) as report:
        return predictor.predict(source, output, lambda at: report(at.done, _note(at)), policy, stream)


def _note(at: Progress) -> str:
    return f"{at.dropped} dropped" if at.dropped else ""


def _predict_each(
    predictor: Predictor, several: Mapping[str, Path], output: Output, policy: BadFiles, stream: int | None
) -> Summary:
    """Segment recordings one after another. The policy 'skip' also passes over a recording that cannot be read.

    Of several ranks, each segments every n-th recording.

    Raises:
        DataError: a recording cannot be read, or none can be with the policy 'skip'.
        KeyboardInterrupt: the user stopped it; lines say what is written.
    """
    parts: list[Summary] = []
    failed: list[DataError] = []
    for name, one in ranks.every(list(several.items())):
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
    shares = ranks.gathered((parts, len(failed)))
    parts = [part for share, _ in shares for part in share]
    if not parts and failed:
        raise failed[0]
    frames, seconds = sum(part.frames for part in parts), max(_seconds(share) for share, _ in shares)
    skipped = sum(part.skipped for part in parts) + sum(number for _, number in shares)
    return Summary(output.path, frames, seconds, skipped)


def _seconds(parts: Sequence[Summary]) -> float:
    return sum(part.seconds for part in parts)


def _finished(parts: Sequence[Summary], several: Mapping[str, Path], out: Path) -> str:
    return f"{len(parts)} of {len(several)} recordings are finished in {out}"
