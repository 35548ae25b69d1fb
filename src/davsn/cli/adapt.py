"""``davsn adapt``."""

import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import davsn
from davsn.cli.train import show
from davsn.core.console import say


def adapt_(  # noqa: PLR0913 - each is an option
    *changes: str,
    target: Annotated[list[Path], Parameter(consume_multiple=True, negative="")],
    source: Path | None = None,
    classes: Path | None = None,
    validation: Path | None = None,
    method: str | None = None,
    time: str | None = None,
    steps: int | None = None,
    size: str | None = None,
    batch: int | None = None,
    device: str | None = None,
    out: Annotated[Path, Parameter(alias="-o")] = Path("runs/adapt"),
) -> int:
    """Adapt a network to your unlabelled video, from a drawn world or from your labelled video.

    Without --source, the network learns from streets, a drawn world with labels of its own. The result is a run folder,
    for davsn predict and davsn eval, with a short overlay video and a report. The same command resumes a run that was
    stopped. A method that adapts a trained network, such as batch_norm, needs one to start from. It is first trained on
    the source alone, in OUT/source_only, unless start=... names another one.

    Try:

        davsn adapt --target drive.mp4

        davsn adapt --target drive.mp4 --time 10m

        davsn adapt --source game --target camera --validation camera_val --steps 1000 -o runs/longer

    Parameters
    ----------
    changes:
        Overrides of the recipe 'adapt', key=value.
    target:
        A folder of frames; or video files, of any format that FFmpeg decodes, or folders of them.
    source:
        The labelled folder: frames/CLIP/NAME.jpg, labels/CLIP/NAME.png, classes.yaml. Default: the drawn world.
    classes:
        The class table: classes.yaml, labelmap.txt or another form. Default: the one in the source's folder, or the 15
        classes of the drawn world.
    validation:
        A labelled folder of the target domain, scored at the end; never trained on.
    method:
        The method (davsn list methods); without it, source_only as the recipe has it. A method uses its own defaults,
        except for settings that the recipe states too.
    time:
        The time that the command may take, such as 10m, 90s or 1h. A few steps are measured to choose the number of
        steps; a run that is resumed keeps it.
    steps:
        The number of training steps.
    size:
        The size of training: a height, which keeps the aspect, or WIDTHxHEIGHT.
    batch:
        Samples a step.
    device:
        cpu, cuda, mps, or auto for the best available.
    out:
        The run folder.
    """
    run = davsn.adapt(
        source,
        target,
        method=method,
        classes=classes,
        validation=validation,
        size=size,
        steps=steps,
        batch=batch,
        time=time,
        device=device,
        changes=changes,
        out=out,
    )
    code = show(run)
    if run.overlay is not None:
        say(f"A few seconds of your video: {run.overlay}")
    if run.report is not None:
        say(f"Frames, confidence and curves: {run.report}")
    if run.finished:
        outputs = "-o overlays --as overlay" if target[0].is_dir() else "-o overlay.mp4"
        say(f"Next: davsn predict {shlex.join([str(run.folder), str(target[0])])} {outputs}", whole=True)
    return code
