"""What flow on the fly adds to a training step: DIS in the loader's workers, against no flow at all.

Run: python -m benchmarks.costs.flow_cost [--rounds 5] [--steps 2] [--width 320 --height 160] [--save]
The step is DA-VSN's with ResNet-101, batch size 1, random weights. Frames of the streets lie in a folder as PNG. Each
domain has one worker, and the step has one thread. A block is a new loader and a few steps. The cost of a step is the
processor time of its process, plus the wall time that it waits for its batches; a loader that cannot keep up shows
there. Blocks with `flow: dis` and `flow: zero` take turns. The ratio is the median over neighbouring blocks, since
other work on the machine comes and goes. What the workers do is measured in this process: the processor time to load
one sample of each domain with either flow.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.costs.step import trainer_of
from benchmarks.records import commit, write
from davsn.core.settings import validate
from davsn.data.export.writing import write as write_streets
from davsn.data.loading import target_training, training_batches
from davsn.data.samples import Samples
from davsn.data.sets.folder import Folder
from davsn.data.sets.streets import Streets
from davsn.methods.da_vsn import DaVsn
from davsn.training.loop import Trainer

LARGEST_RATIO = 1.10
FLOWS = ("dis", "zero")


def worlds(folder: Path, size: tuple[int, int]) -> dict[str, Path]:
    """A folder of frames and labels for each domain."""
    for domain in ("game", "camera"):
        config = Streets.Config.model_validate({"domain": domain, "clips": 1, "length": 8, "size": size})
        write_streets(Streets(config), folder / domain)
    return {domain: folder / domain for domain in ("game", "camera")}


def samples_of(roots: dict[str, Path], flow: str) -> tuple[Samples, Samples]:
    """Source and target as a run reads them."""
    sets = [
        Folder(validate(Folder.Config, {"root": root, "flow": flow, "mirror": True}, "the benchmark"))
        for root in roots.values()
    ]
    assert DaVsn.target is not None
    return Samples(sets[0], DaVsn.source), Samples(target_training(sets[1]), DaVsn.target)


def block(trainer: Trainer, samples: tuple[Samples, Samples], steps: int, seed: int) -> dict[str, float]:
    """Processor seconds a step and seconds of waiting; the first step, which begins the workers, is left out."""
    source, target = (training_batches(domain, 1, seed, workers=1) for domain in samples)
    trainer.step(next(source), next(target))
    computing = waiting = 0.0
    for _ in range(steps):
        asked = time.perf_counter()
        pair = next(source), next(target)
        waiting += time.perf_counter() - asked
        begin = time.process_time()
        trainer.step(*pair)
        computing += time.process_time() - begin
    return {"computing": computing / steps, "waiting": waiting / steps}


def loading(samples: tuple[Samples, Samples], times: int = 15) -> float:
    """Least processor seconds of loading one sample of each domain."""
    taken = []
    for _ in range(times):
        begin = time.process_time()
        for domain in samples:
            domain.load(3)
        taken.append(time.process_time() - begin)
    return min(taken)


def measure(roots: dict[str, Path], rounds: int, steps: int) -> dict[str, list[dict[str, float]]]:
    """Blocks by flow, in turns."""
    torch.manual_seed(0)
    trainer, found = trainer_of("fp32"), {flow: list[dict[str, float]]() for flow in FLOWS}
    for number in range(rounds):
        for flow in FLOWS if number % 2 else FLOWS[::-1]:
            found[flow].append(block(trainer, samples_of(roots, flow), steps, number))
            print(number, flow, {key: round(value, 3) for key, value in found[flow][-1].items()}, flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--height", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/flow_cost.json")
    options, code = parser.parse_args(), commit()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        roots = worlds(Path(folder), (options.width, options.height))
        blocks = measure(roots, options.rounds, options.steps)
        apart = {flow: loading(samples_of(roots, flow)) for flow in FLOWS}
    rows = [
        {
            "flow": flow,
            "step_s": round(statistics.median(taken["computing"] for taken in blocks[flow]), 3),
            "waiting_s": round(statistics.median(taken["waiting"] for taken in blocks[flow]), 4),
            "loading_both_samples_ms": round(1e3 * apart[flow], 2),
        }
        for flow in FLOWS
    ]
    pairs = zip(blocks["dis"], blocks["zero"], strict=True)
    ratio = statistics.median(sum(dis.values()) / sum(zero.values()) for dis, zero in pairs)
    more = (apart["dis"] - apart["zero"]) / min(taken["computing"] for taken in blocks["zero"])
    for row in rows:
        print(row)
    print(f"step with dis over step with zero {ratio:.3f} (at most {LARGEST_RATIO})", end="  ")
    print("pass" if ratio <= LARGEST_RATIO else "FAIL")
    print(f"processor time of both estimates over the fastest step {more:.4f}")
    if options.save:
        settings = {key: value for key, value in vars(options).items() if key != "save"}
        results = {"dis_over_zero": round(ratio, 3), "both_estimates_over_the_fastest_step": round(more, 4)}
        write("flow_cost", "Flow on the fly beside a training step", settings, code, rows=rows, results=results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
