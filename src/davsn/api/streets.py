"""``davsn.write_streets``: writes `streets`, the built-in synthetic data set, to disk."""

from pathlib import Path

from davsn.api.choices import Layout
from davsn.core.console import if_interrupted, progress, silent
from davsn.core.settings import Changes, override, validate
from davsn.data.export.writing import write
from davsn.data.sets.streets import Streets


def write_streets(
    folder: Path | str, changes: Changes = (), *, layout: Layout = "folder", quiet: bool = False
) -> tuple[int, int]:
    """Write the synthetic data set `streets` to disk, by default as a labelled folder: frames/, labels/, classes.yaml.

    Args:
        folder: a new or empty folder.
        changes: settings of the data set ``streets``, such as ``{"domain": "camera", "clips": 4}`` or
            ``{"variety": 1, "clips": 30}``.
        layout: 'folder', or a published data set, whose folders, names, ids and flow files are used.
        quiet: print no progress.

    Returns:
        the number of clips, and the number of frames in each.

    Raises:
        ConfigError: mistakes in the settings.
        DataError: the folder is not empty, or cannot be written to.
    """
    config = validate(Streets.Config, override({}, changes), "davsn streets")
    left = f"Stopped; {folder} is not whole. Delete it, and give the command again."
    with silent(quiet), if_interrupted(lambda: left), progress("rendering", config.clips * config.length) as report:
        write(Streets(config), Path(folder), lambda done, total: report(done), None if layout == "folder" else layout)
    return config.clips, config.length
