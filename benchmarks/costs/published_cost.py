"""What a step of each published recipe needs at full size: counted, not measured, without GPU or data.

Run: python -m benchmarks.costs.published_cost [--save]
The step's passes run on tensors that have a shape and no content. Two things are counted. Operations: those of
convolutions and matrix products (two for a multiply-add), backward passes included. Memory: the bytes at the fullest
moment of the step, which are weights, gradients, optimiser states and what the largest backward pass keeps. Workspaces
of convolutions, temporary results and what the allocator leaves unused come on top, and differ between devices.
TPS draws the size of its changed frames; the size of the frames themselves is counted. CMOM is left out: what it does
depends on the classes that it sees, and tensors without content have none. The recipes with MiT-B5 are left out too:
PyTorch counts too many operations for the backward pass of its grouped convolutions (docs/networks.md has an estimate).
"""

import argparse
import copy
import sys
from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.records import commit, write
from davsn.core.clip import Batch, ClipSpec
from davsn.core.plugins import Choice
from davsn.data.dataset import DatasetSettings
from davsn.data.labels.class_tables import taxonomy
from davsn.experiment.building import build_segmenter
from davsn.experiment.experiment import Experiment, clips_of, load
from davsn.learning.method import Method, Term, build_method
from davsn.networks.image_network import without_weights

MOMENTS = {"sgd": 1, "adamw": 2}
"""Tensors of a parameter's size that its optimiser keeps."""


def recipes() -> dict[str, Experiment]:
    """The recipes of the published benchmarks, by name; the network's weights are not looked for."""
    found = {}
    for path in sorted(Path(str(files("davsn.recipes"))).glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if "name: cityscapes" in text and "name: cmom" not in text and "mit_b5" not in text:
            experiment = load(path, ["method.scales=[1,1.01]"] if "name: tps" in text else [], paths=False)
            found[path.stem] = experiment.model_copy(update={"network": without_weights(experiment.network)})
    return found


def batch(part: Choice, spec: ClipSpec, count: int) -> Batch:
    """What a method asks for of a data set, at its size or in crops, of zeros."""
    assert isinstance(part.settings, DatasetSettings)
    size = part.settings.crop or part.settings.size
    assert isinstance(size, tuple)
    width, height = size
    frames = {offset: torch.zeros(count, 3, height, width) for offset in spec.frames}
    flows = {pair: torch.zeros(count, 2, height, width, dtype=torch.float64) for pair in spec.flows}  # as stored
    labels = torch.zeros(count, height, width, dtype=torch.int64) if spec.labels else None
    return Batch(frames, flows, {}, labels, ("none",))


class Kept:
    """Bytes of the tensors that forward passes keep for backward ones, each once; the weights are no part of them."""

    def __init__(self, method: Method) -> None:
        self._weights = {p.untyped_storage()._cdata for part in method.parts.values() for p in part.parameters()}
        self._bytes: dict[int, tuple[object, int]] = {}
        self.most = 0

    def add(self, tensor: Tensor) -> Tensor:
        """Count a tensor that is kept; called by autograd."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self._weights:
            self._bytes[storage._cdata] = storage, storage.nbytes()  # held, so that no other takes its address
            self.most = max(self.most, sum(size for _, size in self._bytes.values()))
        return tensor

    def backward(self, method: Method, together: tuple[Term, ...]) -> None:
        """One backward pass, after which nothing is kept."""
        names = together[0].trains
        parts = [method.parts[name] for name in ([names] if isinstance(names, str) else names)]
        torch.stack([term.weight * term.loss for term in together]).sum().backward(
            inputs=[p for part in parts for p in part.parameters() if p.requires_grad]
        )
        self._bytes.clear()


def without_content(method: Method, fake: FakeTensorMode) -> Method:
    """A copy of a method whose networks have tensors with a shape and no content."""
    hollow: dict[int, object] = {}
    for part in {**method.parts, **method.kept}.values():
        for tensor in [*part.parameters(), *part.buffers()]:
            content = fake.from_tensor(tensor.detach())
            is_weight = isinstance(tensor, nn.Parameter)
            hollow[id(tensor)] = nn.Parameter(content, tensor.requires_grad) if is_weight else content
    return copy.deepcopy(method, hollow)


def count(experiment: Experiment) -> tuple[float, float]:
    """Operations (10¹²) and memory (10⁹ bytes) of a step."""
    classes = len(taxonomy("synthia" if experiment.source.name == "synthia" else "viper"))
    fake = FakeTensorMode()
    method = without_content(build_method(experiment.method, build_segmenter(experiment, classes)), fake)
    with fake, FlopCounterMode(display=False) as operations:
        asked, size = clips_of(experiment), experiment.training.batch_size
        target = None if experiment.target is None or asked[1] is None else batch(experiment.target, asked[1], size)
        kept = Kept(method)
        with torch.autograd.graph.saved_tensors_hooks(kept.add, lambda tensor: tensor):
            for yielded in method.terms(batch(experiment.source, asked[0], size), target, 0):
                kept.backward(method, (yielded,) if isinstance(yielded, Term) else yielded)
        fixed = 0
        for name, part in {**method.parts, **method.kept}.items():
            moments = MOMENTS[experiment.optimiser.name if name == "segmenter" else "adamw"]
            for parameter in part.parameters():  # itself; and if it is trained, its gradient and its moments
                fixed += 4 * parameter.numel() * (2 + moments if parameter.requires_grad else 1)
    return operations.get_total_flops() / 1e12, (fixed + kept.most) / 1e9


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="write the record")
    parser.add_argument("--only", default="", help="only recipes whose name begins so")
    options, code, rows = parser.parse_args(), commit(), []
    for name, experiment in recipes().items():
        if not name.startswith(options.only):
            continue
        operations, memory = count(experiment)
        days = operations * experiment.training.steps / 10 / 86400
        rows.append(
            {
                "recipe": name,
                "steps": experiment.training.steps,
                "batch_size": experiment.training.batch_size,
                "tera_operations_a_step": round(operations, 2),
                "memory_at_least_GB": round(memory, 1),
                "days_at_10_tera_operations_a_second": round(days, 2),
            }
        )
        print(rows[-1])
    if options.save:
        write("published_cost", "What the published recipes need", {"precision": "fp32"}, code, rows=rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
