"""``davsn.demo``: the whole workflow on `streets`, the built-in synthetic data set, in one call."""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from davsn.api.excerpt import write_excerpt
from davsn.api.model import load as load_model
from davsn.api.report import Subject, try_report
from davsn.core.console import Report, progress, say
from davsn.core.errors import ConfigError
from davsn.core.files.writing import replacing
from davsn.core.plugins import Choice, choose
from davsn.core.settings import override
from davsn.data.dataset import VideoDataset
from davsn.data.export.writing import write
from davsn.data.sets.streets import Streets
from davsn.experiment.building import build_dataset
from davsn.experiment.experiment import Experiment, load
from davsn.experiment.recipes import recipe_values
from davsn.experiment.running import train_in
from davsn.experiment.scoring import score
from davsn.experiment.showing import Extent
from davsn.experiment.trained import open_trained, settings_of
from davsn.scoring.scores import Scores
from davsn.scoring.scores import percent as percent
from davsn.training.folder import RunFolder


@dataclass(frozen=True)
class Scale:
    """Size of the demo. Frames are (width, height); clips are (number of clips, frames in each)."""

    size: tuple[int, int]
    training: tuple[int, int]
    unseen: tuple[int, int]
    steps: int


FULL = Scale((256, 128), (16, 16), (6, 12), 140)
QUICK = Scale((256, 128), (3, 5), (2, 3), 6)

SINGLE = {"video.propagation": "none"}
"""A network of single frames. Plain training gains nothing from pairs of frames, and single frames cost half."""

_RECIPE: dict[str, Any] = {
    **SINGLE,
    "method": {"name": "source_only", "adjust": 0.5},
    "source.photometric": {"share": 0.5, "strength": 0.6},
    "training.target_statistics": 50,
}
RUNS: dict[str, dict[str, Any]] = {
    "source only": {"method": "source_only", **SINGLE},
    "strong recipe": {**_RECIPE, "source.style": {"share": 0.5, "kind": "lab"}},
    "trained on target labels": {**_RECIPE, "source.root": "camera"},
}
"""Rows of the table, with each run's overrides of the recipe 'demo'. All runs start from the same weights:
those of ImageNet, if the package that has them is installed."""
ORACLE = "trained on target labels"
_SHOWN = 3
"""Number of unseen clips in the report."""
ADAPTED = "strong recipe"
"""The row whose network is shown on a video of the user's own."""


@dataclass(frozen=True)
class ResultRow:
    """One network of the demo, and one row of its table.

    Attributes:
        name: its name.
        scores: its scores on the unseen clips.
        seconds: the time of training in seconds; None for a run that was resumed.
        uses_target_labels: whether it was trained on labels of the target domain.
    """

    name: str
    scores: Scores
    seconds: float | None
    uses_target_labels: bool


@dataclass(frozen=True)
class Demonstration:
    """Results of the demo.

    Attributes:
        rows: the three networks, with their scores on the unseen clips.
        page: the file of the report; None if it could not be written.
        overlay: an overlay video of a few seconds of the user's own video; None without one.
    """

    rows: list[ResultRow]
    page: Path | None
    overlay: Path | None = None


def demo(
    changes: Sequence[str] = (),
    *,
    out: Path | str = "runs/demo",
    quick: bool = False,
    seed: int = 1,
    video: Path | str | None = None,
) -> Demonstration | None:
    """Render `streets` in two domains, train three networks, score them on unseen clips, and write a report.

    Args:
        changes: overrides of the recipe 'demo' for every run, ``key=value``.
        out: the folder of all results; a demo that was stopped is resumed from it.
        quick: take only a minute. This shows that everything works, but the networks learn almost nothing.
        seed: seed of the synthetic data, the weights and the order of the samples.
        video: a video of the user's own. At the end, the adapted network segments a few seconds of it.

    Returns:
        the results; None if a signal stopped the demo.

    Raises:
        ConfigError: mistakes in the settings.
    """
    scale, out = QUICK if quick else FULL, Path(out)
    for name in RUNS:
        experiment_of(name, out, scale, seed, list(changes), paths=False)  # mistakes are reported before work begins
    own = None if video is None else _own_video(Path(video))
    say("1. Rendering the source domain, the target domain, and clips that no network is trained on")
    draw(out / "world", scale, seed)
    rows = []
    for number, name in enumerate(RUNS, 2):
        say(f"{number}. {name[0].upper()}{name[1:]}")
        row = run(name, out, scale, seed, list(changes))
        if row is None:
            return None
        rows.append(row)
    record(rows, out / "results.json", seed)
    overlay = None
    if own is not None:
        say(f"{len(RUNS) + 2}. Your own video, by the network that was adapted to the drawn camera")
        overlay = out / "overlay.mp4"
        write_excerpt(load_model(out / folder_name(ADAPTED), own_code=True).predictor(), own, overlay)
    notes = []
    if overlay is not None:
        notes = [f"{overlay.name}, beside this page, shows {video} by '{ADAPTED}', which never saw real video."]
    facts = {"command": " ".join(["davsn demo", f"--seed {seed}", *changes])}
    return Demonstration(rows, write_page(rows, out, scale, facts, notes), overlay)


def _own_video(path: Path) -> Choice:
    """Find the user's video before work begins.

    Raises:
        ConfigError: there is no such file.
        DataError: it holds no video that can be read.
    """
    try:
        part = choose(VideoDataset, {"name": "video", "paths": [path]})
    except ConfigError as error:
        raise ConfigError("davsn demo", [f"--{mistake}" for mistake in error.mistakes]) from None
    build_dataset(part).read_frame(0, 0)
    return part


def draw(folder: Path, scale: Scale, seed: int, target: str = "camera") -> None:
    """Render the sets that do not exist yet. The training clips of the two domains show different streets.

    Args:
        folder: gets the folders ``game``, ``camera`` and ``unseen``.
        scale: the number and size of the clips.
        seed: seed of the world.
        target: the domain of ``camera`` and ``unseen``.
    """
    sets = {
        "game": {"domain": "game", "seed": 2 * seed},
        "camera": {"domain": target, "seed": 2 * seed + 1},
        "unseen": {"domain": target, "seed": 2 * seed + 1, "split": "val"},
    }
    for name, options in sets.items():
        if not (folder / name / "classes.yaml").is_file():
            clips, length = scale.unseen if name == "unseen" else scale.training
            dataset = Streets(Streets.Config(size=scale.size, clips=clips, length=length, **options))
            unfinished = folder / f".{name}"  # what a stopped demo left there is drawn anew
            shutil.rmtree(unfinished, ignore_errors=True)
            with progress(f"rendering {name}", clips * length) as show:
                write(dataset, unfinished, partial(_show, show))
            unfinished.rename(folder / name)


def _show(show: Report, done: int, total: int) -> None:
    show(done)


def folder_name(name: str) -> str:
    """The folder of a row's run, which is also the run's name."""
    return name.replace(" ", "_")


def experiment_of(name: str, out: Path, scale: Scale, seed: int, changes: list[str], paths: bool = True) -> Experiment:
    """Make the settings of one run of the demo. With ``paths=False`` the data need not be rendered yet.

    A name that :data:`RUNS` lacks runs the recipe 'demo' as it is, which has the method da_vsn.
    """
    values = recipe_values("demo") | {"name": folder_name(name), "seed": seed}
    own: dict[str, Any] = {"training.steps": scale.steps, "training.save_every": scale.steps, **RUNS.get(name, {})}
    values = override(values, own)
    for domain in ("source", "target"):
        values[domain]["root"] = out / "world" / values[domain]["root"]
    values["validation"] = {"unseen": {"name": "folder", "root": out / "world" / "unseen", "missing": "repeat"}}
    return load(override(values, changes), where="davsn demo", paths=paths)


def run(name: str, out: Path, scale: Scale, seed: int, changes: list[str]) -> ResultRow | None:
    """Train one network and score it on the unseen clips; return None if a signal stopped it."""
    experiment = experiment_of(name, out, scale, seed, changes)
    resumed = (out / experiment.name).exists()
    begun = time.monotonic()
    if not train_in(experiment, out / experiment.name):
        return None
    seconds = None if resumed else time.monotonic() - begun
    scores = score(open_trained(out / experiment.name, own_code=True), experiment.validation["unseen"], "unseen clips")
    scores.save(RunFolder(out / experiment.name).scores("unseen"))
    return ResultRow(name, scores, seconds, uses_target_labels=name == ORACLE)


def record(rows: list[ResultRow], path: Path, seed: int) -> None:
    """Write the scores as JSON, for scripts."""
    content = [
        {
            "method": row.name,
            "seed": seed,
            "miou": row.scores.exact_miou,
            "iou": row.scores.iou,
            "temporal_consistency": row.scores.temporal_consistency,
            "seconds": row.seconds,
        }
        for row in rows
    ]
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_page(
    rows: list[ResultRow], out: Path, scale: Scale, facts: Mapping[str, str], notes: Sequence[str]
) -> Path | None:
    """Write the report: settings, scores, curves, and a few unseen clips with all predictions."""
    subjects = [
        Subject(
            (folder := out / folder_name(row.name),),
            row.name,
            uses_target_labels=row.uses_target_labels,
            seconds=row.seconds,
            runs=(settings_of(folder, own_code=True),),
        )
        for row in rows
    ]
    return try_report(
        subjects,
        out / "report.html",
        title="davsn demo: from a game to a camera, without the camera's labels",
        notes=[
            "All networks start from the same weights and are trained for the same number of steps. Each is "
            "scored once, at the end, on clips that no network was trained or selected on.",
            "These are the results of one seed on a small synthetic data set; docs/results.md has the spread over "
            "seeds. They cannot be compared with a published benchmark.",
            *notes,
        ],
        facts={**facts, "scale": ", ".join(f"{key} {value}" for key, value in asdict(scale).items())},
        extent=Extent(clips=_SHOWN),
    )
