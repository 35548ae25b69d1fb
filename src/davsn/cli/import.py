"""``davsn import``."""

from pathlib import Path

import davsn
from davsn.api.choices import ImportForm
from davsn.core.console import say


def import_(form: ImportForm, source: Path, out: Path, *, classes: Path | None = None) -> None:
    """Make a labelled folder of what a labelling tool wrote: frames/, labels/, classes.yaml.

    Try:

        davsn import cvat export mydata

        davsn import labelme pictures mydata --classes classes.yaml

        davsn adapt --source mydata --target drive.mp4

    Parameters
    ----------
    form:
        cvat (masks with labelmap.txt, also Datumaro's and VOC's), supervisely, labelme or coco-panoptic.
    source:
        The folder that the tool wrote, with the images.
    out:
        A new or empty folder. It appears when it is complete.
    classes:
        A class table to use instead of the tool's classes. Its class 'background' takes the pixels without a label.
    """
    made = davsn.import_labels(form, source, out, classes=classes)
    for kind, number in made.left_out.items():
        say(f"left out {number} of kind {kind}, which have no area")
    say(f"{made.frames} labelled frames in {made.clips} clips, {len(made.classes)} classes: {out}")
