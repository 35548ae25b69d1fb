"""Every flow estimator that can run here, against exact flow.

Run: python -m benchmarks.studies.flow_quality --data FOLDER [--weights NAME=FILE]        (Linux)
The folder holds ``procity`` (neighbouring frames with KITTI files) and ``sintel_medium`` (one pair with a .flo file);
it is not part of this repository. Streets are drawn. Each pair is estimated as ``davsn flow measure`` does it, on one
thread. The time is processor time, the least of three passes over a set. Memory is the most by which a process grows
while it estimates Sintel's pair. Networks without weights get random ones: they are timed, in one pass, and not scored.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import torch
import yaml

from benchmarks.records import commit, write
from davsn.api.flow_inputs import estimated
from davsn.core.plugins import available
from davsn.data.pairs import Pair, pair_of, pairs_in, pairs_of
from davsn.data.sets.streets import Streets
from davsn.flow.estimator import FlowEstimator
from davsn.flow.measure import Tally, against_exact
from davsn.flow.setting import FlowSetting

STREETS = {"size": (512, 256), "clips": 6, "length": 8, "split": "val", "flow": "exact"}
PASSES = 3


def estimators(weights: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Title → flow setting of everything that davsn.flow offers, once for each preset or part that it has."""
    found: dict[str, dict[str, Any]] = {}
    for name, part in available(FlowEstimator).items():
        fields = part.Config.model_fields
        common = {"name": name} | ({"weights": weights.get(name, "random")} if "weights" in fields else {})
        choices = [
            (key, value) for key in ("preset", "part") if key in fields for value in get_args(fields[key].annotation)
        ]
        for key, value in choices or [("name", name)]:
            found[name if key == "name" else f"{name} {value}"] = {**common, key: value}
    return found


def sets(data: Path, number: int) -> dict[str, list[Pair]]:
    """The pairs with exact flow, by the name of their set."""
    sequences = sorted((data / "procity").iterdir())
    sintel = data / "sintel_medium"
    found = {
        "ProcCity": [
            pair
            for folder in sequences
            for pair in pairs_in(folder / "rgb", "previous-to-current", folder / "flow", "kitti", number // 4 or 1)
        ],
        "Sintel": list(pair_of(sintel / "frame_0002.png", sintel / "frame_0003.png", sintel / "frame_0002.flo")),
    }
    for domain in ("game", "camera"):
        dataset = Streets(Streets.Config(domain=domain, **STREETS))
        found[f"streets, {domain}"] = list(pairs_of(dataset, number))
    return found


def measured(estimator: FlowEstimator, pairs: list[Pair], scored: bool) -> dict[str, float | None]:
    """Pooled errors, and the processor's milliseconds a pair."""
    tally, times = Tally(), []
    for number in range(PASSES if scored else 1):
        begun = time.process_time()
        flows = [estimated(estimator, pair.a, pair.b) for pair in pairs]
        times.append(time.process_time() - begun)
        if number == 0 and scored:
            for pair, flow in zip(pairs, flows, strict=True):
                assert pair.flow is not None
                tally += against_exact(flow, *pair.flow, pair.label)
    rounded = {name: None if mean is None else round(mean, 3) for name, mean in tally.means().items()}
    return rounded | {"ms": round(1000 * min(times) / len(pairs), 2)}


def memory(setting: dict[str, Any], frames: list[Path]) -> float:
    """MiB by which a new process grows while it estimates a pair."""
    command = [sys.executable, "-m", __spec__.name, "--grow", yaml.safe_dump(setting), *map(str, frames)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def grow(setting: str, a: Path, b: Path) -> None:
    """Print the growth of this process; see :func:`memory`."""
    (pair,) = pair_of(a, b)
    small = pair.a[:64, :64]
    estimator = FlowSetting.model_validate(yaml.safe_load(setting)).build()
    estimated(estimator, small, small)  # libraries load what they need
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _resident("VmRSS")
    estimated(estimator, pair.a, pair.b)
    print(_resident("VmHWM") - before)


def _resident(key: str) -> float:
    """MiB of this process: VmRSS now, VmHWM at most (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--weights", nargs="*", default=[], metavar="NAME=FILE")
    parser.add_argument("--pairs", type=int, default=20, help="of each set that has more")
    parser.add_argument("--only", nargs="*", help="these estimators, by name; nothing is recorded")
    parser.add_argument("--grow", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.grow:
        grow(given.grow[0], *map(Path, given.grow[1:]))
        return
    code, weights, rows = commit(), dict(entry.split("=", 1) for entry in given.weights), []
    pairs, sintel = sets(given.data, given.pairs), given.data / "sintel_medium"
    for title, setting in estimators(weights).items():
        if given.only and setting["name"] not in given.only:
            continue
        scored = setting.get("weights") != "random"
        grown = memory(setting, [sintel / "frame_0002.png", sintel / "frame_0003.png"])
        estimator = FlowSetting.model_validate(setting).build()
        for name, members in pairs.items():
            if not scored and name.startswith("streets"):
                continue
            few = members if scored else members[:1]  # a network's time does not depend on the pair
            row = {"estimator": title, "scored": scored, "set": name, "pairs": len(few)}
            rows.append(row | measured(estimator, few, scored) | {"memory_mib": round(grown, 1)})
            print(rows[-1], flush=True)
        if not given.only:
            settings = {"streets": {**STREETS, "size": list(STREETS["size"])}, "passes": PASSES}
            write("flow_quality", "Flow estimators against exact flow", settings, code, rows=rows)


if __name__ == "__main__":
    main()
