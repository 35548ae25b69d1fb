"""What a step and a frame cost on this device, beside three bounds: the public code, the networks alone, the card.

Run: python -m benchmarks.costs.device [--device auto] [--scale 1] [--rounds 5] [--threads 1] [--save]
On a CPU, take --scale 0.25 --rounds 2. PyTorch from 2.4 on is enough; neither the packages of the command line nor
PyAV are needed, and nothing is downloaded. From a copy of the source: PYTHONPATH=src python -m benchmarks.costs.device

ResNet-101, 15 classes, batch size 1, random weights, source frames of 1280×720, target frames of 1024×512. Steps are
all of `Trainer.step`: the copy to the device, forward, losses, backward, clipping, optimisers. A frame is a frame of a
stream: one pass, fusion, upsampling to twice its size, the largest score, and its copy to the host. da_vsn and tps are
faithful, since their baselines are; the other methods have their defaults.

- `literal`: the step and the frame of da_vsn and tps as their public code computes them (benchmarks/costs/literal).
- `passes`: the passes through the networks alone, on random input of the same shapes (benchmarks/costs/passes.py).
- `matrix rate`: large matrix products. `of the rate` is the step's counted operations in its seconds, relative to it.

On CUDA all times are wall time between synchronisations, and memory is the most that PyTorch allocated. On the CPU they
are processor time, since other work disturbs it less, and the most memory that the process held.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.costs import loading, passes
from benchmarks.costs.literal import literal_of
from benchmarks.records import command, commit, machine, write
from benchmarks.records import load as load_records
from davsn.core.clip import Batch, ClipSpec
from davsn.data.loading import training_batches
from davsn.experiment.experiment import clips_of, load
from davsn.learning.method import build_method
from davsn.networks.image.deeplab import DeepLab
from davsn.networks.predicting import bf16_slowdown, predicting
from davsn.networks.video import VideoSegmenter
from davsn.training.loop import Trainer, optimisation_of

CLASSES, LAYERS = 15, (3, 4, 23, 3)
SOURCE, TARGET = (720, 1280), (512, 1024)
METHODS: dict[str, list[str]] = {
    "da_vsn": ["mode=faithful"],
    "tps": ["mode=faithful", "method.split=null"],  # at the published size null is what faithful says
    "mean_teacher": [],
    "masked": [],
}
"""Method → its settings that differ from the defaults."""
Row = dict[str, Any]


class Device:
    """A device: how its time and its memory are measured.

    Args:
        name: 'cuda', 'cpu', or 'auto' for CUDA where there is one.
        rounds: how often a thing is timed, after one time that counts for nothing.
    """

    def __init__(self, name: str, rounds: int) -> None:
        found = ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
        self.torch, self.rounds = torch.device(found), rounds
        self.cuda = self.torch.type == "cuda"

    @property
    def title(self) -> str:
        """What it is called in the record."""
        return torch.cuda.get_device_name(self.torch) if self.cuda else "CPU"

    @property
    def precisions(self) -> list[str]:
        """What is measured; bf16 only where it is faster."""
        return ["fp32", "bf16"] if self.cuda or bf16_slowdown() < 1 else ["fp32"]

    def now(self) -> float:
        """Seconds: of the clock when all work is done, or of the processor."""
        if not self.cuda:
            return time.process_time()
        torch.cuda.synchronize(self.torch)
        return time.perf_counter()

    def seconds(self, call: Callable[[], object]) -> float:
        """The median of the rounds."""
        taken = []
        for _ in range(self.rounds + 1):
            begun = self.now()
            call()
            taken.append(self.now() - begun)
        return statistics.median(taken[1:])

    def peak(self, call: Callable[[], object]) -> float:
        """GiB: the most memory during a call; see the head of this file."""
        if self.cuda:
            torch.cuda.reset_peak_memory_stats(self.torch)
            call()
            return torch.cuda.max_memory_allocated(self.torch) / 2**30
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak up to now
        call()
        (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**20

    def matrix_rate(self, precision: str) -> float:
        """10¹² operations a second of a square matrix product, the best of the rounds. TF32 as convolutions use it."""
        side = 8192 if self.cuda else 1024
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
        a = torch.randn(side, side, device=self.torch, dtype=torch.bfloat16 if precision == "bf16" else torch.float32)
        return 2 * side**3 / min(self.seconds(lambda: a @ a) for _ in range(3)) / 1e12


def trainer_of(name: str, precision: str, device: torch.device, *changes: str) -> tuple[Trainer, ClipSpec, ClipSpec]:
    """The trainer of a method, with some settings changed, and what it needs of source and target."""
    recipe = {"source": "streets", "target": "streets", "network": "deeplab", "method": name}
    experiment = load(recipe, [f"training.precision={precision}", *METHODS[name], *changes])
    segmenter = VideoSegmenter(
        DeepLab(DeepLab.Config(layers=LAYERS), CLASSES), experiment.video.propagation, experiment.video.flow_scale
    )
    method = build_method(experiment.method, segmenter)
    optimisation = optimisation_of(method, experiment.optimiser, experiment.training)
    source, target = clips_of(experiment)
    assert target is not None
    return Trainer(method, optimisation, experiment.training, device), source, target


def batch(spec: ClipSpec, size: tuple[int, int]) -> Batch:
    """Random frames of 8 bits and flow, and labels if they are asked for, on the host."""
    frames = {offset: torch.randint(0, 256, (1, 3, *size)) / 255 for offset in spec.frames}
    flows = {pair: 2 * torch.randn(1, 2, *size, dtype=torch.float64) for pair in spec.flows}
    labels = torch.randint(0, CLASSES, (1, *size)) if spec.labels else None
    return Batch(frames, flows, labels=labels, names=("random",))


def predicted(trainer: Trainer, target: Batch, size: tuple[int, int]) -> Callable[[], object]:
    """Predicts a frame of a stream, for which the logits of the frame before are known."""
    segmenter, given = trainer.segmenter, target.to(trainer.device)
    _, memory = segmenter.step(given.previous, given.flow, None, size)

    def frame() -> object:
        current = target.current.to(trainer.device)
        scores, _ = segmenter.step(current, target.flow.to(trainer.device), memory, size)
        return scores.argmax(1).to(torch.uint8).cpu()

    return frame


def measure(name: str, precision: str, device: Device, scale: float, rate: float) -> Iterator[Row]:
    """The rows of a method: its step, then its frame."""
    torch.manual_seed(0)
    sizes = [tuple(round(scale * side / 8) * 8 for side in size) for size in (SOURCE, TARGET)]
    trainer, *specs = trainer_of(name, precision, device.torch)
    pair = [batch(spec, size) for spec, size in zip(specs, sizes, strict=True)]
    bf16 = precision == "bf16"
    with FlopCounterMode(display=False) as counted:
        alone = passes.recorded(trainer, *pair)
    row = {"what": f"{name}, step", "precision": precision, "seconds": device.seconds(lambda: trainer.step(*pair))}
    row |= {"passes": device.seconds(lambda: passes.run(alone, device.torch, bf16)), "literal": None}
    row["peak_gib"] = device.peak(lambda: trainer.step(*pair))
    row["of_rate"] = counted.get_total_flops() / 1e12 / row["seconds"] / rate
    literal = None if bf16 else literal_of(name, trainer)
    if literal:
        row["literal"] = device.seconds(lambda: literal.step(*pair))
    yield row

    output = (2 * sizes[1][0], 2 * sizes[1][1])
    with predicting(trainer.segmenter, device.torch, "bf16" if bf16 else "fp32"):
        frame, image, current = predicted(trainer, pair[1], output), trainer.segmenter.image, pair[1].current
        current = current.to(device.torch)
        row = {"what": f"{name}, frame", "precision": precision, "seconds": device.seconds(frame)}
        row |= {"passes": device.seconds(lambda: image(current)), "literal": None, "peak_gib": device.peak(frame)}
        with FlopCounterMode(display=False) as counted:
            frame()
        row["of_rate"] = counted.get_total_flops() / 1e12 / row["seconds"] / rate
        if literal:
            row["literal"] = device.seconds(lambda: literal.frame(pair[1], output))
        yield row


def loaded(pairs: int = 2, count: int = 16) -> float:
    """Samples a second that one loader process gives: pairs of 2048×1024 PNGs, at 1024×512, with stored flow."""
    with tempfile.TemporaryDirectory() as folder:
        loading.draw(Path(folder), pairs)
        batches = training_batches(loading.samples_of(Path(folder), "stored"), 1, seed=0, workers=1)
        next(batches)  # starts the process
        begun = time.perf_counter()
        list(islice(batches, count))
        return count / (time.perf_counter() - begun)


def show(rows: list[Row]) -> None:
    """Print the table."""
    print(f"{'':22}{'':6}{'s':>9}{'passes':>9}{'literal':>9}{'peak GiB':>10}{'of the rate':>13}")
    for row in rows:
        literal = f"{row['literal']:9.3f}" if row["literal"] else f"{'–':>9}"
        print(
            f"{row['what']:22}{row['precision']:6}{row['seconds']:9.3f}{row['passes']:9.3f}{literal}"
            f"{row['peak_gib']:10.2f}{row['of_rate']:13.2f}",
            flush=True,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--scale", type=float, default=1.0, help="of the published sizes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/device.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    code, device = commit(), Device(options.device, options.rounds)
    rates = {precision: device.matrix_rate(precision) for precision in device.precisions}
    rows: list[Row] = []
    for name in METHODS:
        for precision, rate in rates.items():
            rows += [rounded(row) for row in measure(name, precision, device, options.scale, rate)]
            show(rows[-2:])
    samples = loaded()
    print(f"one loader process gives {samples:.1f} samples of a domain a second")
    if options.save:
        save(options, device, code, {"rows": rows, "matrix_rates": rates, "samples_a_second": samples})
    return 0


def save(options: argparse.Namespace, device: Device, code: str, found: Row) -> None:
    """Write benchmarks/results/device.json; what other devices gave before stays."""
    settings = {key: value for key, value in vars(options).items() if key not in ("save", "device")}
    about = {"title": device.title, "date": date.today().isoformat(), "command": command(), "commit": code}
    kept = load_records().get("device", {}).get("devices", {})
    devices = {**kept, device.torch.type: {**about, "machine": machine(), "settings": settings, **rounded(found)}}
    write("device", "A step and a frame on each device", {}, code, devices=devices)


def rounded(row: Row) -> Row:
    """A row with four digits behind the point."""
    return {
        key: round(value, 4) if isinstance(value, float) else rounded(value) if isinstance(value, dict) else value
        for key, value in row.items()
    }


if __name__ == "__main__":
    sys.exit(main())
