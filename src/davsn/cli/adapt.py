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

    What comes of it is a run's folder, for davsn predict and davsn eval. A run that was stopped goes on when the
    same command is given again. A method that changes a trained network, such as batch_norm, gets one that was
    trained on the source alone, in OUT/source_only, unless start=... names another.

    Try:

        davsn adapt --source game --target drive1.mp4 drive2.mp4

        davsn adapt --source game --target camera --validation camera_val training.steps=4000 -o runs/longer

        davsn adapt --source game --target drive1.mp4 --method batch_norm

    Parameters
    ----------
    changes:
        Further settings, key=value; davsn adapt starts from the recipe 'adapt'.
    source:
        The labelled folder: frames/CLIP/NAME.jpg, labels/CLIP/NAME.png, classes.yaml.
    target:
        A folder of frames, or video files (mp4, mov, mkv, avi, webm) or folders of them.
    classes:
        The class table; without it, classes.yaml in the source's folder.
    validation:
        A labelled folder of the target domain, scored at the end; never trained on.
    method:
        How to adapt (davsn list methods). It has its own defaults, but for settings that the recipe states and it has.
    out:
        The run's folder.
    """
    return show(adapt(source, target, method=method, classes=classes, validation=validation, changes=changes, out=out))
