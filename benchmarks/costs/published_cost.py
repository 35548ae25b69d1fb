"""What a step of each published recipe needs at full size: counted, not measured, without GPU or data.

Run: python -m benchmarks.costs.published_cost [--save]
The step's passes run on tensors that have a shape and no content. Two things are counted. Operations: those of
convolutions and matrix products (two for a multiply-add), backward passes included. Memory: the bytes at the fullest
moment of the step, which are weights, gradients, optimiser states and what the largest backward pass keeps. Workspaces
of convolutions, temporary results and what the allocator leaves unused come on top, and differ between devices.
TPS draws the size of its changed frames; the size of the frames themselves is counted. CMOM is left out: what it does
depends on the classes that it sees, and tensors without content have none.
"""

import argparse
import sys
from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.records import commit, write
from davsn.core.clip import Batch, ClipSpec
from davsn.core.plugins import Choice, find
from davsn.data.dataset import DatasetSettings
from davsn.data.labels.class_tables import taxonomy
from davsn.experiment.building import build_segmenter
from davsn.experiment.experiment import Experiment, clips_of, load
from davsn.learning.method import Method, Term

COPIES = {"segmenter": 3, "discriminator": 4}
"""Tensors of a parameter's size in training: itself, its gradient, SGD's momentum or Adam's two moments."""


def recipes() -> dict[str, Experiment]:
    """The recipes of the published benchmarks, by name; the network's weights are not looked for."""
    found = {}
    for path in sorted(Path(str(files("davsn.recipes"))).glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if "deeplab" in text and "name: cmom" not in text:
            changes = ["network.weights=random", *(["method.scales=[1,1.01]"] if "name: tps" in text else [])]
            found[path.stem] = load(path, changes, paths=False)
    return found


def batch(part: Choice, spec: ClipSpec) -> Batch:
    """What a method asks for of a data set, at its size, of zeros."""
    assert isinstance(part.settings, DatasetSettings)
    assert isinstance(part.settings.size, tuple)
    width, height = part.settings.size
    frames = {offset: torch.zeros(1, 3, height, width) for offset in spec.frames}
    flows = {pair: torch.zeros(1, 2, height, width, dtype=torch.float64) for pair in spec.flows}  # as stored flow comes
    labels = torch.zeros(1, height, width, dtype=torch.int64) if spec.labels else None
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


def count(experiment: Experiment) -> tuple[float, float]:
    """Operations (10¹²) and memory (10⁹ bytes) of a step."""
    classes = len(taxonomy("synthia" if experiment.source.name == "synthia" else "viper"))
    with FakeTensorMode(), FlopCounterMode(display=False) as operations:
        part = find(Method, experiment.method.name)
        method = part(experiment.method.settings, build_segmenter(experiment, classes))
        asked = clips_of(experiment)
        target = None if experiment.target is None or asked[1] is None else batch(experiment.target, asked[1])
        kept = Kept(method)
        with torch.autograd.graph.saved_tensors_hooks(kept.add, lambda tensor: tensor):
            for yielded in method.terms(batch(experiment.source, asked[0]), target, 0):
                kept.backward(method, (yielded,) if isinstance(yielded, Term) else yielded)
        fixed = sum(
            4 * parameter.numel() * COPIES["segmenter" if name == "segmenter" else "discriminator"]
            for name, trained in method.parts.items()
            for parameter in trained.parameters()
        )
    return operations.get_total_flops() / 1e12, (fixed + kept.most) / 1e9


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="write the record")
    saving, code, rows = parser.parse_args().save, commit(), []
    for name, experiment in recipes().items():
        operations, memory = count(experiment)
        days = operations * experiment.training.steps / 10 / 86400
        rows.append(
            {
                "recipe": name,
                "steps": experiment.training.steps,
                "tera_operations_a_step": round(operations, 2),
                "memory_at_least_GB": round(memory, 1),
                "days_at_10_tera_operations_a_second": round(days, 2),
            }
        )
        print(rows[-1])
    if saving:
        write(
            "published_cost", "What the published recipes need", {"precision": "fp32", "batch size": 1}, code, rows=rows
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
