"""``davsn eval``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.table import Table

import davsn
from davsn.core.console import console, say
from davsn.core.errors import ConfigError

if TYPE_CHECKING:
    from davsn.api.comparing import Difference


def eval_(  # noqa: PLR0913 - a parameter for each option
    checkpoint: Path,
    *changes: str,
    data: Path | None = None,
    classes: Path | None = None,
    labelled_only: Annotated[bool, Parameter(negative="")] = False,
    every: Annotated[bool, Parameter(negative="")] = False,
    watch: Annotated[bool, Parameter(negative="")] = False,
    recipe: str | None = None,
    with_: Annotated[list[Path] | None, Parameter(name="--with", negative="")] = None,
    weights: Annotated[list[float] | None, Parameter(negative="", consume_multiple=True)] = None,
    first_only: Annotated[bool, Parameter(negative="")] = False,
    flip: Annotated[bool, Parameter(negative="")] = False,
    scales: Annotated[list[float] | None, Parameter(negative="", consume_multiple=True)] = None,
    bf16: Annotated[bool, Parameter(negative="")] = False,
    metrics: Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)] = None,
    full: Annotated[bool, Parameter(negative="")] = False,
    protocol: Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)] = None,
    against: Path | None = None,
    pictures: Path | None = None,
    window: Annotated[tuple[int, int] | None, Parameter(negative="")] = None,
    overlap: float | None = None,
    own_code: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Score a trained network on labelled video by the published protocol, and measure its temporal consistency.

    Without --data, the network is scored on the validation sets of the run's recipe. docs/evaluation.md describes all
    scores.

    Try:

        davsn eval runs/streets_da_vsn

        davsn eval runs/mine --data DIR --classes classes.yaml -o scores.json

        davsn eval runs/mine --data DIR frames=stills labels=stills_labels stills=true missing=repeat

        davsn eval davsn_viper2city_pretrained.pth --recipe da_vsn_viper --pictures masks

        davsn eval one.pth --with two.pth --weights 2 1 --recipe da_vsn_viper

        davsn eval runs/mine validation.camera.root=DIR

        davsn eval runs/mine --metrics tc flicker calibration

        davsn eval runs/mine --full --against runs/other

        davsn eval runs/mine --protocol davsn unified

        davsn eval runs/mine --every

        davsn eval runs/mine --watch

        davsn eval runs/mine --window 1024 1024

    Parameters
    ----------
    checkpoint:
        A run folder, for its newest checkpoint; a checkpoint; or a weights file (.pth, .safetensors).
    changes:
        Overrides, key=value: with --data, of the labelled folder's settings; else with --recipe, of the recipe; else of
        the run's validation sets.
    data:
        A labelled folder: frames/CLIP/NAME.jpg, labels/CLIP/NAME.png.
    classes:
        Its class table: classes.yaml, labelmap.txt or another form. Default: the one in DIR, else the
        network's.
    labelled_only:
        Predict only frames that have labels, and measure no temporal consistency.
    every:
        Score every checkpoint in the run folder that has no scores yet; show the last and the best.
    watch:
        Like --every, while another process trains: wait for new checkpoints until the last step is scored.
    recipe:
        For a weights file: the recipe that names its network, classes and video settings.
    with_:
        A further network of an ensemble, whose logits are averaged. Repeat the option for each network.
    weights:
        Weights of the networks in that mean, CHECKPOINT first. Default: equal weights.
    first_only:
        Run the first network in place of each of the others, as the public code does by mistake.
    flip:
        Show the network each frame mirrored too, and average the logits.
    scales:
        Show the network each frame at these sizes, divided by the usual size, and average the logits.
    bf16:
        Run the network in bf16. Default: the precision of its training.
    metrics:
        Metrics beside mIoU and temporal consistency: names (davsn list metrics), paths of your own .py files, or
        "{name: NAME, key: value}" with settings.
    full:
        Count every metric that the network and the data allow.
    protocol:
        davsn, the published protocol, or unified, that of UnifiedVideoDA; with both, every set is scored twice.
    against:
        Compare with the scores of another network on the same clips: a scores file, or a run folder.
    pictures:
        A folder for the predictions of the labelled frames, as PNGs in the colours of the classes.
    window:
        Width and height of overlapping windows of the network's input, whose logits are averaged. The network's memory
        then does not grow with the frames. Default: whole frames.
    overlap:
        Smallest share of a window that the next one shares, from 0 to 0.9. Default: 0.5.
    own_code:
        Run the .py files that the checkpoint names, as plug-ins of your own. Never for somebody else's checkpoint.
    out:
        The JSON file for the scores. Default: a file in the run folder.
    """
    if every or watch:
        _refuse(
            {
                "--recipe": recipe,
                "--with": with_,
                "--weights": weights,
                "--pictures": pictures,
                "--first-only": first_only or None,
                "--flip": flip or None,
                "--scales": scales,
                "--bf16": bf16 or None,
                "--protocol": protocol,
                "--against": against,
            }
        )
        found = davsn.evaluate_checkpoints(
            checkpoint,
            data=data,
            classes=classes,
            changes=changes,
            labelled_only=labelled_only,
            watch=watch,
            metrics=metrics or (),
            full=full,
            own_code=own_code,
            out=out,
            window=window,
            overlap=overlap,
        )
        for scored in found.values():
            console.print(scored.table())
        for file in {scored.file for scored in found.values()}:
            say(f"written to {file}")
        return
    from davsn.api.evaluation import AtTestTime, Together

    named = bool(metrics or full)
    evaluations = davsn.evaluate_sets(
        checkpoint,
        data=data,
        classes=classes,
        changes=changes,
        labelled_only=labelled_only,
        recipe=recipe,
        together=Together(with_ or (), weights or (), first_only),
        at_test_time=AtTestTime(flip, tuple(scales or ()), bf16),
        metrics=metrics or (),
        full=full,
        protocols=protocol or ("davsn",),
        against=against,
        pictures=pictures,
        own_code=own_code,
        out=out,
        window=window,
        overlap=overlap,
    )
    for each in evaluations:
        title = f"{each.network}, on {each.name}"
        console.print(each.scores.table(title if protocol is None else f"{title}, protocol {each.scores.protocol}"))
        if named:
            console.print(each.scores.metric_table())
        if each.differences:
            console.print(_compared(each.differences, str(against)))
        say(f"written to {each.file}" + (f", predictions to {each.pictures}" if each.pictures else ""))


def _compared(differences: "Sequence[Difference]", other: str) -> Table:
    """Make a table of paired differences to another network."""
    table = Table("metric", "value", title=f"Difference to {other}, in percentage points")
    for column in ("other", "this", "difference", "95 % interval"):
        table.add_column(column, justify="right")
    for one in differences:
        numbers = [f"{value:.2f}" for value in (one.one, one.other)]
        interval = "–" if one.interval is None else f"{one.interval[0]:+.2f} … {one.interval[1]:+.2f}"
        table.add_row(one.metric, one.value, *numbers, f"{one.difference:+.2f}", interval)
    table.caption = "intervals: paired bootstrap over clips; one without 0 shows a difference"
    return table


def _refuse(options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        one = "cannot be combined with --every or --watch, which score the checkpoints of a run"
        raise ConfigError("davsn eval", [f"{name}  {one}" for name in given])
