"""``davsn.write_streets``: the embedded world on disk."""

from pathlib import Path
from typing import Literal

from davsn.core.console import progress, silent
from davsn.core.settings import Changes, override, validate
from davsn.data.export import Benchmark
from davsn.data.export.writing import write
from davsn.data.sets.streets import Streets

Layout = Literal["folder"] | Benchmark


def write_streets(
    folder: Path | str, changes: Changes = (), *, layout: Layout = "folder", quiet: bool = False
) -> tuple[int, int]:
    """Write the embedded world to disk, by default as a labelled folder: frames/, labels/, classes.yaml.

    Args:
        folder: a new or empty folder.
        changes: settings of the data set ``streets``, such as ``{"domain": "camera", "clips": 4}``.
        layout: 'folder', or a published data set, whose folders, names, ids and flow files are written.
        quiet: print no progress.

    Returns:
        the number of clips, and the frames of each.

    Raises:
        ConfigError: mistakes in the settings.
        DataError: the folder holds something already, or cannot be written to.
    """
    config = validate(Streets.Config, override({}, changes), "davsn streets")
    with silent(quiet), progress("drawing", config.clips * config.length) as report:
        write(Streets(config), Path(folder), lambda done, total: report(done), None if layout == "folder" else layout)
    return config.clips, config.length
