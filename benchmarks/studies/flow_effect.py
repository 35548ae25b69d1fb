"""How much an adaptation gains from better flow.

Run: python -m benchmarks.studies.flow_effect [--seeds 1 2 3]
da_vsn is trained as ``davsn demo`` trains it, on the demo's streets, with four kinds of flow: exact flow (with its mask
of visible pixels), DIS, no motion, and flow of the wrong sign (benchmarks/studies/wrong_sign.py). source_only with DIS
is the floor. A network is scored with the flow of its training, since it is used as it was trained. A second row scores
every network with exact flow, which shows the effect of training alone. Frames are drawn from the world itself, not
read from files, since the world has exact flow. The weights of da_vsn's losses were chosen on seed 0, which is
therefore no result. Rows that the record has are not run again. A stopped run is resumed; its row then has no seconds.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.records import PROJECT, commit, recorded, row, write
from davsn.api.demo import FULL, QUICK, Scale
from davsn.core.settings import override
from davsn.experiment.experiment import Experiment, load
from davsn.experiment.recipes import recipe_values
from davsn.experiment.running import train_in
from davsn.experiment.scoring import score
from davsn.experiment.trained import open_trained
from davsn.training import checkpoint

WRONG = str(Path(__file__).with_name("wrong_sign.py"))


@dataclass(frozen=True)
class Kind:
    """A row of the table: what is trained, and with which flow."""

    method: str
    flow: str


KINDS = {
    "source_only, dis": Kind("source_only", "dis"),
    "da_vsn, exact": Kind("da_vsn", "exact"),
    "da_vsn, dis": Kind("da_vsn", "dis"),
    "da_vsn, zero": Kind("da_vsn", "zero"),
    "da_vsn, wrong sign": Kind("da_vsn", WRONG),
}


def streets(domain: str, seed: int, scale: Scale, flow: str, split: str = "train") -> dict[str, object]:
    """A data set of the demo's world; see davsn.cli.demo.draw."""
    clips, length = scale.unseen if split == "val" else scale.training
    world = {"name": "streets", "domain": domain, "seed": seed, "split": split, "size": list(scale.size)}
    return {**world, "clips": clips, "length": length, "flow": flow}


def experiment_of(kind: Kind, name: str, seed: int, scale: Scale, changes: list[str]) -> Experiment:
    """The demo's recipe on streets with this flow."""
    values = recipe_values("demo") | {"name": name, "seed": seed}
    if kind.method == "source_only":
        values["method"] = "source_only"
    values["source"] = streets("game", 2 * seed, scale, kind.flow) | {"mirror": True}
    values["target"] = streets("camera", 2 * seed + 1, scale, kind.flow) | {"mirror": True}
    for name_of_set, flow in (("as_trained", kind.flow), ("exact_flow", "exact")):
        unseen = streets("camera", 2 * seed + 1, scale, flow, "val")
        values.setdefault("validation", {})[name_of_set] = unseen | {"missing": "repeat"}
    steps = [f"training.steps={scale.steps}", f"training.save_every={max(scale.steps // 4, 1)}"]
    return load(override(values, [*steps, *changes]), where="benchmarks/studies/flow_effect.py")


def weight_of_previous(folder: Path) -> float:
    """What a trained fusion gives a class's score in the previous frame, over what it gives the current one's."""
    newest = checkpoint.latest(folder / "checkpoints")
    assert newest is not None
    weight = checkpoint.load(newest)["parts"]["segmenter"]["fusion.weight"][:, :, 0, 0]
    classes = len(weight)
    return float(weight[:, classes:].diagonal().mean() / weight[:, :classes].diagonal().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=PROJECT / "runs" / "benchmark_flow_effect")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it works; nothing is recorded")
    parser.add_argument("changes", nargs="*", help="settings that replace the recipe's in every run, key=value")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    scale = QUICK if given.quick else FULL
    code, rows = commit(), [] if given.quick else recorded("flow_effect")
    known = {(done["method"], done["seed"]) for done in rows}
    for seed in given.seeds:
        for title, kind in KINDS.items():
            if (title, seed) in known:
                continue
            name = title.replace(", ", "_").replace(" ", "_")
            folder = given.out / f"seed{seed}" / name
            experiment = experiment_of(kind, name, seed, scale, given.changes)
            resumed, begun = folder.exists(), time.monotonic()
            if not train_in(experiment, folder):
                return
            seconds = None if resumed else time.monotonic() - begun
            trained = open_trained(folder, own_code=True)
            for name_of_set, part in experiment.validation.items():
                scores = score(trained, part, f"{title}, {name_of_set}")
                rows.append(row(title, seed, scores, seconds, set=name_of_set.replace("_", " ")))
                rows[-1]["weight_of_previous"] = round(weight_of_previous(folder), 4)
            if not given.quick:
                settings = {"recipe": "demo", "size": scale.size, "clips": scale.training, "steps": scale.steps}
                settings |= {"changes": given.changes} if given.changes else {}
                write("flow_effect", "What flow quality buys an adaptation", settings, code, rows=rows)
    for done in rows:
        print(done["method"], done["set"], done["seed"], done["miou"], done["temporal_consistency"], done["seconds"])


if __name__ == "__main__":
    main()
