"""What a training step of every method costs, relative to source_only.

Run: python -m benchmarks.costs.method_cost [--rounds 7] [--batch 4] [--save]
The light network on the streets at 256×128, four samples of each domain a step, fp32, one thread. Reading the samples
is not counted. All methods take turns and processor time is measured. A ratio is the median of the rounds' ratios, so
that other work on the machine disturbs it little. Each method is measured with its default settings, and again

- on a network of single frames, if the method can train one;
- with small views, if it has discriminators: at the logits' resolution and of half the width, as in the recipes.
"""

import argparse
import statistics
import time

import torch

from benchmarks.records import commit, write
from davsn.core.clip import Batch, ClipSpec
from davsn.core.plugins import available
from davsn.data.loading import Samples, target_training, training_batches
from davsn.data.sets.streets import Config, Streets
from davsn.experiment.experiment import clips_of, load
from davsn.learning.method import Method
from davsn.networks.image.light import Light
from davsn.networks.video import VideoSegmenter
from davsn.training.loop import Trainer, optimisation_of

BASELINE = "source_only"
SINGLE = "video.propagation=none"
CHEAP = ["method.views=logits", "method.discriminator_width=32"]
RECIPE = {
    "source": "streets",
    "target": "streets",
    "network": {"name": "light", "encoder": "regnetx_002", "weights": None},
}


def variants() -> dict[str, list[str]]:
    """What is measured: title → changes of the recipe, the baseline first."""
    found = {}
    for name, method in available(Method).items():
        own = [f"method={name}", *(["start=."] if method.needs_start else [])]
        found[name] = own
        if method.single_frames:
            found[f"{name}, single frames"] = [*own, SINGLE]
        if "views" in method.Config.model_fields:
            found[f"{name}, small views"] = [*own, *CHEAP]
    return {BASELINE: found.pop(BASELINE), **found}


def drawn(domain: str, spec: ClipSpec | None, batch_size: int) -> Batch | None:
    """A batch of what a method asks for."""
    if spec is None:
        return None
    if not spec.frames:
        return Batch({})
    dataset = Streets(Config(domain=domain, clips=2, length=6, size=(256, 128), flow="exact"))
    samples = Samples(dataset if domain == "game" else target_training(dataset), spec)
    return next(training_batches(samples, batch_size, seed=0))


class Bench:
    """A method's trainer on the same batches again and again, and what its steps took."""

    def __init__(self, changes: list[str], batch_size: int) -> None:
        experiment = load(RECIPE, changes, paths=False)
        torch.manual_seed(0)
        classes = len(Streets(Config()).taxonomy)
        image = Light(experiment.network.settings, classes)
        segmenter = VideoSegmenter(image, experiment.video.propagation)
        method = available(Method)[experiment.method.name](experiment.method.settings, segmenter)
        optimisation = optimisation_of(method, experiment.optimiser, experiment.training)
        self.trainer = Trainer(method, optimisation, experiment.training, torch.device("cpu"))
        source, target = clips_of(experiment)
        self.batches = drawn("game", source, batch_size), drawn("camera", target, batch_size)
        self.seconds: list[float] = []

    def step(self) -> None:
        """One step, timed."""
        begin = time.process_time()
        self.trainer.step(*self.batches)
        self.seconds.append(time.process_time() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/method_cost.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    code = commit()
    benches = {title: Bench(changes, given.batch) for title, changes in variants().items()}
    for _ in range(given.rounds + 1):  # the first is to warm up
        for bench in benches.values():
            bench.step()
    base, rows = benches[BASELINE].seconds[1:], []
    for title, bench in benches.items():
        ratio = statistics.median(own / of for own, of in zip(bench.seconds[1:], base, strict=True))
        seconds = statistics.median(bench.seconds[1:])
        rows.append({"method": title, "of_source_only": round(ratio, 2), "seconds_of_processor": round(seconds, 3)})
        print(f"{title:32} {ratio:5.2f} × source_only   {seconds:.3f} s of processor", flush=True)
    if given.save:
        settings = {"encoder": "regnetx_002", "size": [256, 128], "batch_size": given.batch, "rounds": given.rounds}
        write("method_cost", "What a step of each method costs", settings, code, rows=rows)


if __name__ == "__main__":
    main()
