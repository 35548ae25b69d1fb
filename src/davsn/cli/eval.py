"""``davsn eval``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

import davsn
from davsn.cli.options import AtTestTime, Flag, Opening, Several, Together
from davsn.core.console import console, say
from davsn.core.errors import ConfigError

if TYPE_CHECKING:
    from davsn.api.evaluation import CheckpointScores, Evaluation, Scores


@Parameter(name="*")
@dataclass(frozen=True)
class Data:
    """What a network is scored on.

    Attributes
    ----------
    data:
        A labelled folder: frames/CLIP/NAME.jpg, labels/CLIP/NAME.png.
    classes:
        Its class table: classes.yaml, labelmap.txt or another form. Default: the one in DIR, else the
        network's.
    labelled_only:
        Predict only frames that have labels, and measure no temporal consistency.
    """

    data: Path | None = None
    classes: Path | None = None
    labelled_only: Flag = False


@Parameter(name="*")
@dataclass(frozen=True)
class Ensemble(Together):
    """The networks of an ensemble, also as the public code joins them.

    Attributes
    ----------
    first_only:
        Run the first network in place of each of the others, as the public code does by mistake.
    """

    first_only: Flag = False


@Parameter(name="*")
@dataclass(frozen=True)
class Counted:
    """What is counted.

    Attributes
    ----------
    metrics:
        Metrics beside mIoU and temporal consistency: names (davsn list metrics), paths of your own .py files, or
        "{name: NAME, key: value}" with settings.
    full:
        Count every metric that the network and the data allow.
    protocol:
        davsn, the published protocol, or unified, that of UnifiedVideoDA; with both, every set is scored twice.
    """

    metrics: Annotated[list[str] | None, Several] = None
    full: Flag = False
    protocol: Annotated[list[str] | None, Several] = None

    @property
    def options(self) -> dict[str, object]:
        """The options as the API takes them."""
        return {"metrics": self.metrics or (), "full": self.full, "protocols": self.protocol or ("davsn",)}


def eval_(  # noqa: PLR0913 - groups of options
    checkpoint: Path,
    *changes: str,
    on: Data = Data(),
    every: Flag = False,
    watch: Flag = False,
    opening: Opening = Opening(),
    together: Ensemble = Ensemble(),
    at_test_time: AtTestTime = AtTestTime(),
    counted: Counted = Counted(),
    against: Path | None = None,
    pictures: Path | None = None,
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
    every:
        Score every checkpoint in the run folder that has no scores yet; show the last and the best.
    watch:
        Like --every, while another process trains: wait for new checkpoints until the last step is scored.
    against:
        Compare with the scores of another network on the same clips: a scores file, or a run folder.
    pictures:
        A folder for the predictions of the labelled frames, as PNGs in the colours of the classes.
    out:
        The JSON file for the scores. Default: a file in the run folder.
    """
    options: dict[str, Any] = {**vars(on), **vars(opening), **counted.options, "changes": changes, "out": out}
    if every or watch:
        one = {"recipe": options.pop("recipe"), "against": against, "pictures": pictures}
        _refuse({**vars(together), **vars(at_test_time), **one})
        _show_all(davsn.evaluate_checkpoints(checkpoint, watch=watch, **options))
        return
    from davsn.api import evaluation as api

    evaluations = davsn.evaluate_sets(
        checkpoint,
        together=api.Together(together.with_ or (), together.weights or (), together.first_only),
        at_test_time=api.AtTestTime(at_test_time.flip, tuple(at_test_time.scales or ()), at_test_time.bf16),
        against=against,
        pictures=pictures,
        **options,
    )
    _show(evaluations, counted, against)


def _show_all(found: "Mapping[str, CheckpointScores]") -> None:
    """Print the scores of all checkpoints, and where they are."""
    for scored in found.values():
        console.print(scored.table())
    for file in {scored.file for scored in found.values()}:
        say(f"written to {file}")


def _show(evaluations: "Iterable[Evaluation]", counted: Counted, against: Path | None) -> None:
    """Print each evaluation when it is finished; with several protocols, all of a set side by side at the end."""
    from davsn.api.comparing import difference_table
    from davsn.api.evaluation import by_protocol

    sets: dict[str, list[Scores]] = {}
    for each in evaluations:
        title = f"{each.network}, on {each.name}"
        console.print(each.scores.table(f"{title}, protocol {each.scores.protocol}" if counted.protocol else title))
        if counted.metrics or counted.full:
            console.print(each.scores.metric_table())
        if each.differences:
            console.print(difference_table(each.differences, str(against)))
        more = f", predictions to {each.pictures}" if each.pictures else ""
        say(f"written to {each.file}, the scores of every frame to {each.frames}{more}")
        sets.setdefault(each.name, []).append(each.scores)
    for name, scores in sets.items():
        if len(scores) > 1:
            console.print(by_protocol(scores, name))


def _refuse(options: Mapping[str, object]) -> None:
    one = "cannot be combined with --every or --watch, which score the checkpoints of a run"
    given = [name for name, value in options.items() if value not in (None, False)]
    if given:
        raise ConfigError("davsn eval", [f"--{name.strip('_').replace('_', '-')}  {one}" for name in given])
