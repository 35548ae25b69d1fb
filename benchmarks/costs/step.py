"""What one faithful DA-VSN step costs beyond its own convolutions.

Run: python -m benchmarks.costs.step [--rounds 5] [--threads 1] [--width 320 --height 160] [--save]
ResNet-101, 15 classes, batch size 1, random weights. The step is all of `Trainer.step`: forward, losses, propagation,
backward, clipping, optimisers. The baseline is the sum of the step's convolutional passes. Each pass runs alone on
tensors of the same shapes and precision, with random gradients instead of losses:

- image network: forward and backward of the current source and target frame, forward of the two previous ones;
- fusion: forward of two levels in both domains, backward in the source;
- four discriminators: forward, and backward to the input, to be fooled; forward, and backward to the weights, on source
  and target, to be trained.

Step and passes of both precisions take turns. Processor time is measured, and a ratio is the median of the rounds'
ratios, so that other work on the machine disturbs it little.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from benchmarks.records import commit, write
from davsn.core.clip import Batch
from davsn.experiment.experiment import Experiment, load
from davsn.methods.da_vsn import DaVsn
from davsn.networks.image.deeplab import DeepLab
from davsn.networks.video import VideoSegmenter
from davsn.training.loop import Trainer, optimisation_of

CLASSES = 15
LARGEST_RATIO = 1.10
LARGEST_BF16_SHARE = 0.65


def faithful(precision: str) -> Experiment:
    """The settings of the measured step."""
    recipe = {"mode": "faithful", "source": "streets", "target": "streets", "network": "deeplab", "method": "da_vsn"}
    return load(recipe, [f"training.precision={precision}"])


def trainer_of(precision: str) -> Trainer:
    """The trainer of a faithful run, as :class:`davsn.experiment.run.Run` builds it, without its data."""
    experiment = faithful(precision)
    image = DeepLab(DeepLab.Config(), CLASSES)
    segmenter = VideoSegmenter(image, experiment.video.propagation, experiment.video.flow_scale)
    method = DaVsn(experiment.method.settings, segmenter)  # type: ignore[arg-type]
    optimisation = optimisation_of(method, experiment.optimiser, experiment.training)
    return Trainer(method, optimisation, experiment.training, torch.device("cpu"))


def batch(size: tuple[int, int], labelled: bool) -> Batch:
    """Random frames, flow and label."""
    frames = {offset: torch.rand(1, 3, *size) for offset in (0, -1)}
    labels = torch.randint(0, CLASSES, (1, *size)) if labelled else None
    return Batch(frames, {(0, -1): 2 * torch.randn(1, 2, *size)}, labels=labels, names=("random",))


class Passes:
    """The convolutional passes of a step, each alone.

    Args:
        trainer: whose networks to run.
        size: (H, W) of the frames.
        bf16: whether the forward passes run under autocast.
    """

    def __init__(self, trainer: Trainer, size: tuple[int, int], bf16: bool) -> None:
        segmenter = trainer.parts["segmenter"]
        assert isinstance(segmenter, VideoSegmenter)
        self.image, self.fusion, self.bf16 = segmenter.image, segmenter.fusion, bf16
        self.judges = [part for name, part in trainer.parts.items() if name != "segmenter"]
        self.frame, self.view = torch.rand(1, 3, *size), torch.rand(1, 2 * CLASSES, *size).softmax(1)
        with torch.no_grad(), self.autocast():
            self.logits = [level.float() for level in self.image(self.frame)]

    def autocast(self) -> AbstractContextManager[object]:
        """The precision of forward passes."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.bf16)

    def __call__(self) -> dict[str, float]:
        """Processor seconds of each kind of pass."""
        seconds: dict[str, float] = {}
        for name, call in self._calls():
            begin = time.process_time()
            call()
            seconds[name] = seconds.get(name, 0.0) + time.process_time() - begin
        return seconds

    def _calls(self) -> Iterator[tuple[str, Callable[[], object]]]:
        for _ in ("source", "target"):
            yield "current frame, forward and backward", lambda: self._learn(self.image, self.frame)
            yield "previous frame, forward", lambda: self._look(self.image, self.frame)
        for level in self.logits:
            pair = torch.cat([level, level], 1)
            yield "fusion", lambda pair=pair: self._fuse(pair, learn=True)
            yield "fusion", lambda pair=pair: self._fuse(pair, learn=False)
        for judge in self.judges:
            yield "discriminators, fooled", lambda judge=judge: self._fool(judge)
            for _ in ("source", "target"):
                yield "discriminators, trained", lambda judge=judge: self._learn(judge, self.view)

    def _look(self, network: nn.Module, x: Tensor) -> None:
        with torch.no_grad(), self.autocast():
            network(x)

    def _learn(self, network: nn.Module, x: Tensor) -> None:
        with self.autocast():
            out = network(x)
        self._back(
            [out] if isinstance(out, Tensor) else list(out), [p for p in network.parameters() if p.requires_grad]
        )

    def _fool(self, judge: nn.Module) -> None:
        view = self.view.clone().requires_grad_()
        with self.autocast():
            out = judge(view)
        self._back([out], [view])

    def _fuse(self, pair: Tensor, learn: bool) -> None:
        pair = pair.requires_grad_(learn)
        out = self.fusion(pair)
        if learn:
            self._back([out], [pair, self.fusion.weight])

    def _back(self, outputs: list[Tensor], inputs: list[Tensor]) -> None:
        torch.autograd.grad(outputs, inputs, [torch.ones_like(out) for out in outputs])


class Bench:
    """Step and passes of one precision, with what each took in every round."""

    def __init__(self, precision: str, size: tuple[int, int]) -> None:
        torch.manual_seed(0)
        self.trainer = trainer_of(precision)
        self.passes = Passes(self.trainer, size, precision == "bf16")
        self.source, self.target = batch(size, labelled=True), batch(size, labelled=False)
        self.rounds: list[dict[str, float]] = []

    def round(self) -> None:
        """One step, then the passes."""
        begin = time.process_time()
        self.trainer.step(self.source, self.target)
        taken = {"step": time.process_time() - begin}
        alone = self.passes()
        self.rounds.append({**taken, "passes": sum(alone.values()), **alone})

    def medians(self) -> dict[str, float]:
        """Seconds by name; the first round is to warm up."""
        rounds = self.rounds[1:]
        return {name: statistics.median(taken[name] for taken in rounds) for name in rounds[0]}

    def ratio(self) -> float:
        """Step over passes: the median of the rounds' own ratios."""
        return statistics.median(taken["step"] / taken["passes"] for taken in self.rounds[1:])


def measure(size: tuple[int, int], rounds: int) -> dict[str, Bench]:
    """All precisions, in turns."""
    benches = {precision: Bench(precision, size) for precision in ("fp32", "bf16")}
    for _ in range(rounds + 1):
        for bench in benches.values():
            bench.round()
    return benches


def share(benches: dict[str, Bench]) -> float:
    """A step in bf16 over one in fp32: the median of the rounds' own ratios."""
    pairs = zip(benches["bf16"].rounds[1:], benches["fp32"].rounds[1:], strict=True)
    return statistics.median(bf16["step"] / fp32["step"] for bf16, fp32 in pairs)


def show(benches: dict[str, Bench]) -> dict[str, float]:
    """Print the table; returns the ratios that are claimed."""
    medians = {precision: bench.medians() for precision, bench in benches.items()}
    for name in medians["fp32"]:
        print(f"{name:38}" + "".join(f"{precision:>6} {taken[name]:7.3f} s" for precision, taken in medians.items()))
    limits = {"fp32_step_over_passes": LARGEST_RATIO, "bf16_step_over_passes": LARGEST_RATIO}
    limits["bf16_over_fp32"] = LARGEST_BF16_SHARE
    found = {f"{precision}_step_over_passes": bench.ratio() for precision, bench in benches.items()}
    found["bf16_over_fp32"] = share(benches)
    for name, ratio in found.items():
        verdict = "pass" if ratio <= limits[name] else "FAIL"
        print(f"{name:28} {ratio:.3f}  (at most {limits[name]:.2f})  {verdict}")
    return found


def save(options: argparse.Namespace, benches: dict[str, Bench], ratios: dict[str, float]) -> None:
    """Write benchmarks/results/step.json."""
    settings = {key: value for key, value in vars(options).items() if key != "save"}
    seconds = {
        precision: {name: round(value, 4) for name, value in bench.medians().items()}
        for precision, bench in benches.items()
    }
    results = {name: round(ratio, 3) for name, ratio in ratios.items()}
    write("step", "A faithful step of DA-VSN", settings, commit(), seconds=seconds, results=results)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--height", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/step.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    size = (options.height, options.width)
    benches = measure(size, options.rounds)
    ratios = show(benches)
    if options.save:
        save(options, benches, ratios)
    return 0


if __name__ == "__main__":
    sys.exit(main())
