"""Writing ``streets`` to disk: as a labelled folder, like a user's data, or in the layout of a published data set."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from davsn.core.errors import DataError
from davsn.core.files.writing import replacing
from davsn.data import export
from davsn.data.benchmarks import Benchmark
from davsn.data.export.files import Place
from davsn.data.labels.taxonomy import write_classes
from davsn.data.sets.streets import Streets


def write(
    dataset: Streets,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    layout: Benchmark | None = None,
) -> None:
    """Write all frames and label maps of a data set.

    By default the folder holds ``frames/<clip>/<frame>.png``, ``labels/<clip>/<frame>.png`` (palette PNGs whose
    values are train ids, 255 = ignore) and ``classes.yaml``. The class table is written last, so a folder without it is
    incomplete.

    Args:
        dataset: the data set to write.
        folder: a new or empty folder.
        progress: called after every frame with the number of frames written and the number of all frames.
        layout: write the layout of this published data set instead, with its ids, and exact flow under public names;
            see :mod:`davsn.data.export`.

    Raises:
        DataError: the folder is not empty, or cannot be written to.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError("is not an empty folder", str(folder), "Name a new folder, or empty this one")
    total, done = sum(len(clip.frames) for clip in dataset.clips), 0
    for index, clip in enumerate(dataset.clips):
        for position in range(len(clip.frames)):
            if layout is None:
                _write_frame(dataset, folder, index, position)
            else:
                export.write_frame(layout, Place(dataset, folder, index, position))
            done += 1
            if progress is not None:
                progress(done, total)
    if layout is None:
        with replacing(folder / "classes.yaml") as path:
            write_classes(dataset.taxonomy, path)


def _write_frame(dataset: Streets, folder: Path, index: int, position: int) -> None:
    clip = dataset.clips[index]
    label = Image.fromarray(dataset.read_label(index, position)).convert("L")
    label.putpalette(dataset.taxonomy.palette.tobytes())
    for kind, image in (("frames", Image.fromarray(dataset.read_frame(index, position))), ("labels", label)):
        with replacing(folder / kind / clip.name / f"{clip.frames[position]}.png") as path:
            image.save(path)
