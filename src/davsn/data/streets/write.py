"""Streets on disk: a labelled folder as any user's own data would be laid out."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from davsn.data.streets import Streets
from davsn.data.taxonomy import write_classes
from davsn.errors import DataError
from davsn.saving import replacing


def write(dataset: Streets, folder: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Write all frames, labels and the class table of a data set.

    The folder holds ``frames/<clip>/<frame>.png``, ``labels/<clip>/<frame>.png`` (palette pictures whose values
    are train ids, 255 = ignore) and ``classes.yaml``, which comes last: a folder without it is not complete.

    Args:
        dataset: what to write.
        folder: a new or empty folder.
        progress: called after every frame with the number of frames written and of all frames.

    Raises:
        DataError: the folder holds something already, or cannot be written to.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError("is not an empty folder", str(folder), "Name a new one, or remove what is there")
    total, done = sum(len(clip.frames) for clip in dataset.clips), 0
    palette = dataset.taxonomy.palette.tobytes()
    for index, clip in enumerate(dataset.clips):
        for position, name in enumerate(clip.frames):
            label = Image.fromarray(dataset.read_label(index, position)).convert("L")
            label.putpalette(palette)
            for kind, image in (
                ("frames", Image.fromarray(dataset.read_frame(index, position))),
                ("labels", label),
            ):
                with replacing(folder / kind / clip.name / f"{name}.png") as path:
                    image.save(path)
            done += 1
            if progress is not None:
                progress(done, total)
    with replacing(folder / "classes.yaml") as path:
        write_classes(dataset.taxonomy, path)
