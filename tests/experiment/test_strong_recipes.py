"""The recipes of strong networks: they load, their headers hold, and at a tiny size they train a step."""

from importlib.resources import files

import pytest
import torch

import toy
from davsn.experiment.building import build_segmenter
from davsn.experiment.experiment import clips_of, load
from davsn.learning.method import build_method
from davsn.networks.image_network import weights_of
from davsn.training.loop import Trainer, optimisation_of
from davsn.training.settings import TrainingSettings

SMALL = {
    "mic": [
        "network.over.encoder=mit_b0",
        "network.over.weights=null",
        "network.crop=null",
        "network.over.head={name: daformer, width: 8}",
    ],
    "dino": ["network.encoder=test_vit", "network.weights=null", "network.head={name: segformer, width: 8}"],
}
NAMES = [f"{line}_{pair}" for line in SMALL for pair in ("viper", "synthia")]


def recipe(name, *changes):
    return load(files("davsn.recipes") / f"{name}.yaml", changes, paths=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_header_says_what_is_needed_and_what_the_values_are(name):
    text = (files("davsn.recipes") / f"{name}.yaml").read_text(encoding="utf-8")
    head = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    experiment = recipe(name)
    assert experiment.name == name
    assert f"davsn train {name}\n" in head
    for part in (experiment.source, experiment.target, experiment.validation["cityscapes"]):
        assert str(part.settings.root) in head
    assert weights_of(experiment.network) == "hub"
    assert "an estimate" in " ".join(head.replace("#", " ").split())
    crop = experiment.source.settings.crop
    assert crop == experiment.target.settings.crop
    assert f"--window {crop[0]} {crop[1]}" in head


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_small_version_trains_a_step(name, frozen):
    line = name.partition("_")[0]
    key = "network.over.frozen" if line == "mic" else "network.frozen"
    experiment = recipe(name, *SMALL[line], f"{key}={str(frozen).lower()}", "method.block=16")
    torch.manual_seed(0)
    method = build_method(experiment.method, build_segmenter(experiment, toy.CLASSES))
    training = TrainingSettings(steps=2, clip=None)
    optimisation = optimisation_of(method, experiment.optimiser, training)
    trainer = Trainer(method, optimisation, training, torch.device("cpu"))
    before = {key: value.clone() for key, value in trainer.segmenter.state_dict().items()}
    record = trainer.step(*(toy.batch(0, spec, (77, 99)) for spec in clips_of(experiment)))
    assert {"loss/segmentation/main", "loss/mixed/main", "loss/masked/main"} <= record.keys()
    assert ("loss/segmentation/aux" in record) == (line == "mic")
    assert all(bool(torch.as_tensor(value).isfinite()) for value in record.values())
    after = trainer.segmenter.state_dict()
    changed = {key for key in after if not torch.equal(after[key], before[key])}
    assert changed
    assert any("encoder" in key for key in changed) != frozen
