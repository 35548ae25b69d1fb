"""Weights alone: a run exported, then scored, shown and trained on from the file."""

import numpy as np
import pytest
import torch
import yaml

from davsn.experiment.experiment import load
from davsn.experiment.run import Run
from davsn.experiment.trained import open_trained
from davsn.scoring.scores import Scores
from tiny_recipe import RECIPE

DEEPLAB = {**RECIPE, "network": {"name": "deeplab", "layers": [1, 1, 1, 1]}, "method": "source_only", "name": "deep"}


@pytest.fixture(scope="module", name="deep")
def _deep(world, tmp_path_factory):
    """The folder of a run of DeepLab-v2, one block a stage, whose fusion layer has left its start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        (world / "deep.yaml").write_text(yaml.safe_dump(DEEPLAB))
        folder = tmp_path_factory.mktemp("runs") / "deep"
        assert Run(load(world / "deep.yaml", ["optimiser.learning_rate=0.01"]), folder).train()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model_3.pth", "model.safetensors"])
def test_an_exported_network_scores_as_its_checkpoint_does(davsn, world, deep, tmp_path, name):
    code, out, err = davsn(world, "export", deep, "-o", tmp_path / name)
    assert code == 0, err
    assert "tensors of " in out
    assert " at step 3 written to " in out.replace("\n", " ")
    found = {}
    for model in (deep, tmp_path / name):
        recipe = [] if model == deep else ["--recipe", "deep.yaml"]
        code, out, err = davsn(world, "eval", model, *recipe, "-o", tmp_path / "scores.json")
        assert code == 0, err
        assert (" at step 3" in out.replace("\n", " ")) == (model == deep)
        found[model] = Scores.load(tmp_path / "scores.json")
    assert np.sum(found[deep].counts) > 0
    assert found[deep].counts == found[tmp_path / name].counts


def test_weights_alone_label_a_video(davsn, world, deep, tmp_path):
    davsn(world, "export", deep, "-o", tmp_path / "model.pth")
    davsn(world, "predict", deep, "drive.mp4", "-o", tmp_path / "one")
    code, _, err = davsn(
        world, "predict", tmp_path / "model.pth", "drive.mp4", "-o", tmp_path / "two", "--recipe", "deep.yaml"
    )
    assert code == 0, err
    masks = sorted((tmp_path / "one").iterdir())
    assert len(masks) == 8
    assert all(mask.read_bytes() == (tmp_path / "two" / mask.name).read_bytes() for mask in masks)


@pytest.mark.parametrize("name", ["model.pth", "model.safetensors"])
def test_a_run_starts_from_weights_alone(davsn, world, deep, tmp_path, name):
    davsn(world, "export", deep, "-o", tmp_path / name)
    run = Run(load(world / "deep.yaml", [f"start={tmp_path / name}", "seed=9"]), tmp_path / "run")
    expected = open_trained(deep).segmenter.state_dict()
    found = run.trainer.segmenter.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in found.items())
    assert not torch.equal(found["fusion.weight"], torch.eye(15, 30)[..., None, None])


def test_mistakes_with_weights_alone(davsn, world, trained, deep, tmp_path):
    def told(*arguments):
        code, _, err = davsn(world, *arguments)
        assert code == 2
        return err

    davsn(world, "export", deep, "-o", tmp_path / "model.pth")
    model = tmp_path / "model.pth"
    assert "model.pth is a weights file" in told("eval", model)
    assert "--recipe RECIPE (docs/weights.md)" in told("predict", model, "drive.mp4", "-o", tmp_path / "masks")
    assert "runs/tiny holds the settings that it was trained with. Leave --recipe out" in told(
        "eval", "runs/tiny", "--recipe", "tiny.yaml"
    )
    assert "model.pth does not fit the network:" in told("eval", model, "--recipe", "tiny.yaml")
    assert "none.pth: no such weights file" in told("eval", "none.pth", "--recipe", "tiny.yaml")
    (world / "gone.yaml").write_text(yaml.safe_dump({**DEEPLAB, "source": {"name": "folder", "root": "gone"}}))
    lost = {**DEEPLAB, "validation": {}, "source": {"name": "folder", "root": "gone"}}
    (world / "lost.yaml").write_text(yaml.safe_dump(lost))
    err = told("eval", model, "--recipe", "lost.yaml", "--data", "camera")
    assert "none of them tells its classes:\n  source: " in err
    assert "\n  target: has no labels" in err
    code, _, err = davsn(world, "eval", model, "--recipe", "gone.yaml", "-o", tmp_path / "scores.json")
    assert code == 0, err  # the classes are those of the validation set
    assert "deeplab, not light. Use .safetensors" in told("export", "runs/tiny", "-o", tmp_path / "light.pth")
    assert "light.pt should end in .pth, .safetensors or .onnx" in told(
        "export", "runs/tiny", "-o", tmp_path / "light.pt"
    )
    assert "is for .onnx" in told("export", "runs/tiny", "-o", tmp_path / "a.safetensors", "--fp16")
    assert not list(tmp_path.glob("light.*"))
    err = told("train", "deep.yaml", f"start={trained / 'checkpoints' / 'best.pt'}", "-o", tmp_path / "run")
    assert "best.pt does not fit the network:\n  missing: image.conv1.weight 64×3×7×7, " in err


def test_a_light_network_is_exported_for_safetensors(davsn, world, trained, tmp_path):
    code, _, err = davsn(world, "export", "runs/tiny", "-o", tmp_path / "light.safetensors")
    assert code == 0, err
    expected = open_trained(trained).segmenter.state_dict()
    found = open_trained(tmp_path / "light.safetensors", recipe=load(world / "tiny.yaml", paths=False))
    assert found.step is None
    assert all(torch.equal(value, expected[key]) for key, value in found.segmenter.state_dict().items())


def test_a_published_recipe_needs_no_data_to_label_a_video(davsn, world, deep, tmp_path):
    davsn(world, "export", deep, "-o", tmp_path / "model.pth")
    for name, source in {"there": DEEPLAB["source"], "gone": {"name": "viper", "root": "gone"}}.items():
        (world / f"{name}.yaml").write_text(yaml.safe_dump({**DEEPLAB, "source": source, "validation": {}}))
        wanted = ["--recipe", f"{name}.yaml", "--size", 64, 32, "-o", tmp_path / name]
        code, _, err = davsn(world, "predict", tmp_path / "model.pth", "drive.mp4", *wanted)
        assert code == 0, err
    masks = sorted((tmp_path / "there").iterdir())
    assert len(masks) == 8
    assert all(mask.read_bytes() == (tmp_path / "gone" / mask.name).read_bytes() for mask in masks)


def test_a_run_and_weights_alone_decide_together(davsn, world, deep, tmp_path):
    davsn(world, "export", deep, "-o", tmp_path / "model.pth")
    found = {}
    for name, others in {"one": [], "same": ["--with", tmp_path / "model.pth", "--recipe", "deep.yaml"]}.items():
        code, _, err = davsn(world, "eval", deep, *others, "-o", tmp_path / name)
        assert code == 0, err
        found[name] = Scores.load(tmp_path / name)
    assert found["one"].counts == found["same"].counts
