"""``davsn demo``: the whole way on the embedded world, in one command."""

import json
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from cyclopts import Parameter
from numpy.typing import NDArray
from rich.table import Table

import davsn
from davsn.cli.console import Report, console, progress, say
from davsn.cli.train import recipe_values, score, train_in
from davsn.data.loading import evaluation_batches
from davsn.data.painting import colourise, overlay
from davsn.data.streets import Streets
from davsn.data.streets.write import write
from davsn.experiment import Experiment, load
from davsn.report.page import ResultRow, RunReport, Strip, write_page
from davsn.saving import replacing
from davsn.scores import percent
from davsn.settings import override
from davsn.trained import Trained, open_trained, scored_frames

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Scale:
    """How large the demo is: frames are (width, height), clips are (number, frames each)."""

    size: tuple[int, int]
    training: tuple[int, int]
    unseen: tuple[int, int]
    steps: int


FULL = Scale((256, 128), (16, 16), (6, 12), 240)
QUICK = Scale((256, 128), (3, 5), (2, 3), 6)

RUNS = {
    "source only": {"method": "source_only"},
    "da_vsn": {},
    "trained on target labels": {"method": "source_only", "source.root": "camera"},
}
"""Rows of the table: what each run changes in the recipe 'demo'. All start from the same weights."""
ORACLE = "trained on target labels"


def demo_(
    *changes: str,
    out: Annotated[Path, Parameter(alias="-o")] = Path("runs/demo"),
    quick: Annotated[bool, Parameter(negative="")] = False,
    seed: int = 1,
) -> int:
    """See what adaptation does: two street worlds, three networks, one table and a page of pictures.

    A clean 'game' with labels and a hazy 'camera' without are rendered. One network learns from the game alone,
    one adapts to the camera's unlabelled video, and one is allowed the camera's labels, to show what there is to
    gain. All are scored on camera clips that none has seen.

    Try:

        davsn demo

        davsn demo --quick -o runs/quick

    Parameters
    ----------
    changes:
        Settings that replace those of the recipe 'demo' in every run, key=value.
    out:
        Where everything is written; a demo that was stopped goes on from there.
    quick:
        A minute instead of five: shows that everything works, and learns next to nothing.
    seed:
        Of the world, of the weights and of the order of the samples. Seed 0 is the one the settings were chosen on.
    """
    scale = QUICK if quick else FULL
    for name in RUNS:
        experiment_of(name, out, scale, seed, list(changes), paths=False)  # mistakes are told before work begins
    say("1. Drawing two looks of one world, and clips that no network will train on")
    draw(out / "world", scale, seed)
    rows = []
    for number, name in enumerate(RUNS, 2):
        say(f"{number}. {name[0].upper()}{name[1:]}")
        row = run(name, out, scale, seed, list(changes))
        if row is None:
            say(f"Stopped and saved in {out}. The same command goes on from there.")
            return 130
        rows.append(row)
    record(rows, out / "results.json", seed)
    write_page(report(rows, out, scale, seed, list(changes)), out / "report.html")
    console.print(table(rows))
    say(f"Pictures, classes and curves: {out / 'report.html'}")
    return 0


def draw(folder: Path, scale: Scale, seed: int) -> None:
    """Render the three sets that are not there yet. The two domains' training clips show different streets."""
    sets = {
        "game": {"domain": "game", "seed": 2 * seed},
        "camera": {"domain": "camera", "seed": 2 * seed + 1},
        "unseen": {"domain": "camera", "seed": 2 * seed + 1, "split": "val"},
    }
    for name, options in sets.items():
        if not (folder / name / "classes.yaml").is_file():
            clips, length = scale.unseen if name == "unseen" else scale.training
            dataset = Streets(Streets.Config(size=scale.size, clips=clips, length=length, **options))
            with progress(f"drawing {name}", clips * length) as show:
                write(dataset, folder / name, partial(_show, show))


def _show(show: Report, done: int, total: int) -> None:
    show(done)


def experiment_of(name: str, out: Path, scale: Scale, seed: int, changes: list[str], paths: bool = True) -> Experiment:
    """The settings of one run of the demo; without ``paths`` the world need not be drawn yet."""
    values = recipe_values("demo") | {"name": name.replace(" ", "_"), "seed": seed}
    own = {"training.steps": scale.steps, "training.save_every": scale.steps, **RUNS[name]}
    values = override(values, [f"{key}={value}" for key, value in own.items()])
    for domain in ("source", "target"):
        values[domain]["root"] = out / "world" / values[domain]["root"]
    values["validation"] = {"unseen": {"name": "folder", "root": out / "world" / "unseen", "missing": "repeat"}}
    return load(override(values, changes), where="davsn demo", paths=paths)


def run(name: str, out: Path, scale: Scale, seed: int, changes: list[str]) -> ResultRow | None:
    """Train one network and score it on the unseen clips; None if a signal stopped it."""
    experiment = experiment_of(name, out, scale, seed, changes)
    resumed = (out / experiment.name).exists()
    begun = time.monotonic()
    if not train_in(experiment, out / experiment.name):
        return None
    seconds = None if resumed else time.monotonic() - begun
    scores = score(open_trained(out / experiment.name, own_code=True), experiment.validation["unseen"], "unseen clips")
    scores.save(out / experiment.name / "scores_unseen.json")
    return ResultRow(name, scores, seconds, uses_target_labels=name == ORACLE)


def record(rows: list[ResultRow], path: Path, seed: int) -> None:
    """Write the numbers, for scripts."""
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


def table(rows: list[ResultRow]) -> Table:
    """The result, for the terminal."""
    shown = Table("camera clips that no network has seen", title="The gain")
    for row in rows:
        shown.add_column(row.name, justify="right")
    shown.add_row("mIoU %", *(percent(row.scores.miou) for row in rows), style="bold")
    shown.add_row("temporal consistency %", *(percent(row.scores.temporal_consistency) for row in rows))
    shown.add_row("training, s", *("–" if row.seconds is None else f"{row.seconds:.0f}" for row in rows))
    shown.add_section()
    for name in rows[0].scores.names:
        shown.add_row(name, *(percent(row.scores.iou[name] * 100) for row in rows))
    return shown


def report(rows: list[ResultRow], out: Path, scale: Scale, seed: int, changes: list[str]) -> RunReport:
    """The page: what was done, the table, frames of the unseen clips, curves."""
    networks = {row.name: open_trained(out / row.name.replace(" ", "_"), own_code=True) for row in rows}
    logs = {name: out / name.replace(" ", "_") / "log.jsonl" for name in networks}
    return RunReport(
        title="davsn demo: from a game to a camera, without the camera's labels",
        rows=rows,
        taxonomy=next(iter(networks.values())).taxonomy,
        strips=list(strips(networks)),
        curves={name: [json.loads(line) for line in log.read_text().splitlines()] for name, log in logs.items()},
        facts={
            "command": " ".join(["davsn demo", f"--seed {seed}", *changes]),
            "scale": ", ".join(f"{key} {value}" for key, value in asdict(scale).items()),
            "date": date.today().isoformat(),
            "davsn": davsn.__version__,
            "machine": f"{platform.machine()}, {platform.system()}, torch {torch.__version__}, "
            f"{torch.get_num_threads()} threads",
        },
        notes=[
            "All networks start from the same random weights, see the same number of steps, and are scored once, at "
            "the end, on clips that none was trained or selected on.",
            "One seed of a small embedded world: docs/results/streets.md has the spread over seeds. Nothing here "
            "compares with a published benchmark.",
        ],
    )


def strips(networks: dict[str, Trained]) -> Iterator[Strip]:
    """Three frames of the first and of the last unseen clip, with the truth and every network's prediction."""
    some = next(iter(networks.values()))
    samples = scored_frames(some, some.experiment.validation["unseen"])
    for clip in (0, len(samples.dataset.clips) - 1):
        chosen = samples.only([place for place in samples.places if place[0] == clip]).spread(3)
        rows: dict[str, list[Picture]] = {"frame": [], "truth": []}
        for loaded in evaluation_batches(chosen):
            batch = loaded.to("cpu")
            frame = (batch.current[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
            assert batch.labels is not None
            rows["frame"].append(frame)
            rows["truth"].append(colourise(batch.labels[0].numpy(), some.taxonomy))
            for name, trained in networks.items():
                mask = trained.segmenter.predict(*batch.seen, batch.size)
                rows.setdefault(name, []).append(overlay(frame, mask[0].numpy(), some.taxonomy))
        yield Strip(samples.dataset.clips[clip].name, rows)
