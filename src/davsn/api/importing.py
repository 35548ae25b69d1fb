"""``davsn.import_labels``: makes a labelled folder of what a labelling tool wrote."""

from pathlib import Path

from davsn.api.choices import ImportForm
from davsn.core.console import progress, silent
from davsn.data.importing.convert import Imported, convert


def import_labels(
    form: ImportForm, source: Path | str, out: Path | str, *, classes: Path | str | None = None, quiet: bool = False
) -> Imported:
    """Write what a labelling tool wrote as a labelled folder: frames/, labels/, classes.yaml.

    Args:
        form: 'cvat', 'supervisely', 'labelme' or 'coco-panoptic'.
        source: the folder that the tool wrote.
        out: a new or empty folder.
        classes: a class table to use instead of the tool's classes.
        quiet: print no progress.

    Returns:
        how many frames and clips there are, the classes, and what was left out.

    Raises:
        ConfigError: mistakes in the input, or in the class table; names all of them.
        DataError: a folder is missing or not empty, or cannot be written to.
    """
    table = None if classes is None else Path(classes)
    with silent(quiet), progress("importing", None) as report:
        return convert(form, Path(source), Path(out), table, lambda done, total: report(done))
