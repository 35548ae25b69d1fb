"""The benchmark of a device: what it measures, and that it runs where little is installed."""

import importlib.metadata
import sys
from importlib.metadata import PackageNotFoundError
from unittest import mock

import pytest
import torch

from benchmarks.costs import device, passes
from davsn.training import checkpoint

CPU = torch.device("cpu")
NOT_NEEDED = ("av", "cyclopts", "rich", "jinja2", "matplotlib", "timm", "tensorboard", "submitit", "onnxruntime")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(device, "LAYERS", (1, 1, 1, 1))


def trainer_of(method, *changes):
    checkpoint.seed_everything(3)
    trainer, *specs = device.trainer_of(method, "fp32", CPU, *changes)
    return trainer, [device.batch(spec, (56, 64)) for spec in specs]


def test_the_passes_of_a_step_are_those_of_the_method():
    trainer, pair = trainer_of("da_vsn", "method.discriminator_width=4")
    found = [each.learns for each in passes.recorded(trainer, *pair)]
    assert found == ["weights", None] * 2 + ["input"] * 4 + ["weights"] * 8
    trainer, pair = trainer_of("mean_teacher")
    alone = passes.recorded(trainer, *pair)
    assert [each.learns for each in alone] == ["weights", None, None, None, "weights", None]
    before = [parameter.clone() for parameter in trainer.parts["segmenter"].parameters()]
    passes.run(alone, CPU, bf16=False)
    assert all(map(torch.equal, before, trainer.parts["segmenter"].parameters()))


def test_a_method_is_measured():
    step, frame = device.measure("tps", "fp32", device.Device("cpu", 1), 0.0625, rate=1e-3)
    assert (step["what"], frame["what"]) == ("tps, step", "tps, frame")
    for row in (step, frame):
        assert min(row[key] for key in ("seconds", "passes", "literal", "peak_gib", "of_rate")) > 0
    assert step["seconds"] > frame["seconds"]


def test_it_needs_neither_the_command_line_nor_video_files_nor_an_installation(monkeypatch):
    def version(name):
        raise PackageNotFoundError(name)

    gone = [name for name in sys.modules if name.split(".")[0] in ("davsn", "benchmarks", "oracles", *NOT_NEEDED)]
    monkeypatch.setattr(importlib.metadata, "version", version)
    with mock.patch.dict(sys.modules):
        for name in gone:
            del sys.modules[name]
        sys.modules.update(dict.fromkeys(NOT_NEEDED))
        again = importlib.import_module("benchmarks.costs.device")
        assert again is not device
        assert sys.modules["davsn"].__version__ == "0+source"
