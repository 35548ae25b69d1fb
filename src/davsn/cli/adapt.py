"""``davsn adapt``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from davsn.api.training import adapt
from davsn.cli.train import show


def adapt_(
    *changes: str,
    source: Path,
    target: Annotated[list[Path], Parameter(consume_multiple=True, negative="")],
    classes: Path | None = None,
    validation: Path | None = None,
    method: str = "da_vsn",
    out: Annotated[Path, Parameter(alias="-o")] = Path("runs/adapt"),
) -> int:
    """Adapt a network from your labelled video to your unlabelled video.

    The result is a run folder, for davsn predict and davsn eval. The same command resumes a run that was stopped.
    A method that adapts a trained network, such as batch_norm, needs one to start from. It is first trained on the
    source alone, in OUT/source_only, unless start=... names another one.

    Try:

        davsn adapt --source game --target drive1.mp4 drive2.mp4

        davsn adapt --source game --target camera --validation camera_val training.steps=4000 -o runs/longer

        davsn adapt --source game --target drive1.mp4 --method batch_norm

    Parameters
    ----------
    changes:
        Overrides of the recipe 'adapt', key=value.
    source:
        The labelled folder: frames/CLIP/NAME.jpg, labels/CLIP/NAME.png, classes.yaml.
    target:
        A folder of frames, or video files (mp4, mov, mkv, avi, webm) or folders of them.
    classes:
        The class table: classes.yaml, labelmap.txt or another form. Default: the one in the source's folder.
    validation:
        A labelled folder of the target domain, scored at the end; never trained on.
    method:
        The method (davsn list methods). It uses its own defaults, except for settings that the recipe states too.
    out:
        The run folder.
    """
    return show(adapt(source, target, method=method, classes=classes, validation=validation, changes=changes, out=out))
