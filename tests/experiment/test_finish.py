"""The end of a run: batch normalisation estimated anew on the target; class shares; settings that older runs lack."""

import json

import pytest
import torch
import yaml

import davsn
from davsn.core.clip import ClipSpec
from davsn.core.errors import ConfigError
from davsn.data.loading import Samples, target_training, training_batches
from davsn.experiment.building import build_dataset
from davsn.experiment.experiment import dump, load
from davsn.experiment.run import Run
from davsn.networks.normalisation import batch_norms, estimate_statistics
from davsn.training import checkpoint

RECIPE = {
    "name": "end",
    "source": {"name": "streets", "size": [64, 32], "clips": 1, "length": 3},
    "target": {"name": "streets", "domain": "camera", "size": [64, 32], "clips": 1, "length": 3, "seed": 1},
    "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
    "method": "source_only",
    "training": {"steps": 3, "batch_size": 2, "save_every": 2, "log_every": 1, "workers": 0, "device": "cpu"},
}


def statistics(state):
    return {key: value for key, value in state["parts"]["segmenter"].items() if "running_" in key}


def test_the_statistics_of_the_end_are_the_targets(tmp_path):
    plain = davsn.train(RECIPE, out=tmp_path / "plain", quiet=True)
    ended = davsn.train(RECIPE, {"training.target_statistics": 4}, out=tmp_path / "ended", quiet=True)
    one, two = (checkpoint.load(checkpoint.latest(run.folder / "checkpoints")) for run in (plain, ended))
    ours, theirs = (state["parts"]["segmenter"] for state in (one, two))
    weights = [key for key in ours if "running_" not in key and "num_" not in key]
    assert all(torch.equal(ours[key], theirs[key]) for key in weights)  # no weight changes
    assert any(not torch.equal(statistics(one)[key], statistics(two)[key]) for key in statistics(one))

    run = Run(load(RECIPE), tmp_path / "by hand")  # the mean over the same batches, computed apart
    run.trainer.load_state_dict({**one, "step": 3})
    segmenter = run.trainer.segmenter
    first = batch_norms(segmenter)[0]
    means = []
    first.register_forward_pre_hook(lambda _, inputs: means.append(inputs[0].mean((0, 2, 3))))
    frames = Samples(target_training(build_dataset(run.experiment.target)), ClipSpec())
    batches = training_batches(frames, 2, run.experiment.seed + 2)
    for number in range(1, 5):
        estimate_statistics(segmenter, next(batches).current, 1 / number)
    name = next(key for key in statistics(two) if key.endswith("running_mean"))
    assert torch.allclose(statistics(two)[name], torch.stack(means).mean(0), atol=1e-5)


def test_a_run_that_was_stopped_ends_the_same(tmp_path):
    changes = {"training.target_statistics": 2, "method.adjust": 0.5}
    whole = davsn.train(RECIPE, changes, out=tmp_path / "whole", quiet=True)
    davsn.train(RECIPE, changes, out=tmp_path / "stopped", quiet=True)
    (tmp_path / "stopped" / "checkpoints" / "step_0000003.pt").unlink()
    resumed = davsn.train(RECIPE, changes, out=tmp_path / "stopped", quiet=True)
    one, two = (checkpoint.load(checkpoint.latest(run.folder / "checkpoints")) for run in (whole, resumed))
    for key, value in one["parts"]["segmenter"].items():
        assert torch.equal(value, two["parts"]["segmenter"][key]), key


def test_class_shares_are_counted_once_and_kept(tmp_path, monkeypatch):
    davsn.train(RECIPE, {"method.adjust": 0.5, "training.steps": 1}, out=tmp_path, quiet=True)
    kept = json.loads((tmp_path / "source_classes.json").read_text())
    assert len(kept["samples"]) == 2  # those with a previous frame
    davsn.train(RECIPE, out=tmp_path / "without", quiet=True)
    assert not (tmp_path / "without" / "source_classes.json").exists()


def test_settings_that_cannot_be(tmp_path):
    with pytest.raises(ConfigError, match=r"target_statistics are estimated on target frames, and there"):
        load({**RECIPE, "target": None}, {"training.target_statistics": 2})


def test_a_run_of_before_a_setting_existed_is_resumed(tmp_path):
    """New settings come with defaults that change nothing; a run is compared by what it does."""
    davsn.train(RECIPE, {"training.steps": 2}, out=tmp_path, quiet=True)
    file = tmp_path / "settings.yaml"
    old = yaml.safe_load(file.read_text())
    del old["method"]["adjust"], old["training"]["target_statistics"]
    file.write_text(yaml.safe_dump(old))
    assert davsn.train(RECIPE, {"training.steps": 2}, out=tmp_path, quiet=True).finished
    with pytest.raises(ConfigError, match=r"seed  is 0 there and 1 here"):
        davsn.train(RECIPE, {"seed": 1}, out=tmp_path, quiet=True)
    assert dump(load(RECIPE))["method"]["adjust"] == 0.0
