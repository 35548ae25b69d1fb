"""The published recipes themselves, ResNet-101 and all, on streets in the layouts of their data: only sizes differ."""

import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from davsn.cli import main
from davsn.data.labels.class_tables import taxonomy
from davsn.experiment import scoring_checkpoints
from davsn.experiment.trained import open_trained
from davsn.networks.image.deeplab import DeepLab
from davsn.scoring.scores import Scores
from davsn.training.checkpoint import all_of
from processes import Command

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("published")]  # the tree holds gigabytes
SIZES = [f"{part}.size=[64,32]" for part in ("source", "target", "validation.cityscapes")]
HERE = ["training.workers=0", "training.device=cpu"]
SHORT = ["training.steps=2", "training.save_every=1", "training.keep=2", *HERE]
FULL = {"viper": [], "synthia": ["source.full=[64,152]"]}
"""Of SYNTHIA-Seq 120 rows are cut off, whatever its size."""


@pytest.fixture(scope="module", name="tree")
def _tree(tmp_path_factory):
    """The public code's tree: data with both sources and the target, their flow beside them, pretrained_models."""
    tree = tmp_path_factory.mktemp("tree")
    camera = ["domain=camera", "seed=1", "length=3"]
    _streets(tree / "data" / "Viper", "viper", "length=11")  # frame 10 is labelled
    _streets(tree / "data" / "SynthiaSeq" / "SEQS-04-DAWN", "synthia", "classes=synthia", "length=3")
    for split in ("train", "val"):  # streets fill a folder of their own, which downloads need not
        _streets(tree / split, "cityscapes", *camera, f"split={split}")
        shutil.copytree(tree / split, tree / "data" / "Cityscapes", dirs_exist_ok=True)
    for flow in list((tree / "data").glob("**/Estimated_optical_flow_*")):
        flow.rename(tree / "data" / flow.name)
    backbone = {name: tensor for name, tensor in DeepLab(DeepLab.Config(), 2).state_dict().items() if "5." not in name}
    imagenet = {f"Scale.{name}": tensor for name, tensor in backbone.items() if not name.startswith("layer6")}
    (tree / "pretrained_models").mkdir()
    torch.save(imagenet, tree / "pretrained_models" / "DeepLab_resnet_pretrained_imagenet.pth")
    yield tree
    shutil.rmtree(tree)  # gigabytes


def _streets(folder, layout, *changes):
    assert main(["streets", str(folder), "--layout", layout, "size=[64,32]", "clips=2", *changes]) == 0


def wait_for(what, process):
    while not what() and process.poll() is None:
        time.sleep(0.02)
    assert process.poll() is None, "it ended before"


def test_check_train_die_go_on_watch_score_export_and_start_from_it(davsn, tree, monkeypatch):
    monkeypatch.setattr(scoring_checkpoints, "POLL", 0.2)
    run = Path("runs") / "viper"
    code, out, err = davsn(tree, "check", "da_vsn_viper", *SIZES, *SHORT, "--all")
    assert code == 0, out + err

    killed = Command(tree, "train", "da_vsn_viper", *SIZES, *SHORT, "-o", str(run))
    wait_for(lambda: all_of(tree / run / "checkpoints"), killed)
    killed.send_signal(signal.SIGKILL)
    killed.finish()
    resumed = Command(tree, "train", "da_vsn_viper", *SIZES, *SHORT, "-o", str(run))
    try:
        code, out, err = davsn(tree, "eval", run, "--watch")
    finally:
        assert resumed.finish().code == 0
    assert code == 0, err
    assert "2 checkpoints on cityscapes" in out
    assert "chosen by the labels of cityscapes itself" in " ".join(out.split())
    log = (tree / run / "log.jsonl").read_text().splitlines()
    assert len(log) == 2

    code, out, err = davsn(tree, "eval", run, "--every")
    assert code == 0, err
    assert any("last" in line and "best" in line for line in out.splitlines())
    assert "step 2 on cityscapes" not in out  # all were scored while watching

    model = pictured_and_exported(davsn, tree, "viper", run)
    once = ["source.size=[64,32]", *HERE, "training.steps=1", "validation={}", "seed=7"]
    code, _, err = davsn(tree, "train", "source_only_viper", *once, f"start={model}", "-o", "runs/on_viper")
    assert code == 0, err
    before, after = (open_trained(tree / path).segmenter.state_dict() for path in (run, "runs/on_viper"))
    moved = [distance(before[name], after[name]) for name in before if "layer6" in name and "weight" in name]
    assert 0 < max(moved) < 0.5  # of other weights drawn at random it would be 1.4
    shutil.rmtree(tree / "runs")


def test_the_other_pair_is_trained_scored_and_exported(davsn, tree):
    run = Path("runs") / "synthia"
    once = [*SIZES, *FULL["synthia"], *HERE, "training.steps=1"]
    code, _, err = davsn(tree, "train", "da_vsn_synthia", *once, "-o", run, "--no-score")
    assert code == 0, err
    pictured_and_exported(davsn, tree, "synthia", run)
    shutil.rmtree(tree / "runs")


def pictured_and_exported(davsn, tree, pair, run):
    """Score a run with pictures, export it to a file of the public code, and score that; returns the file."""
    code, out, err = davsn(tree, "eval", run, "--pictures", f"masks_{pair}")
    assert code == 0, err
    single = Scores.load(tree / run / "scores_cityscapes.json")
    assert (len(single.names), single.frames) == (15 if pair == "viper" else 12, 2)
    with Image.open(next((tree / f"masks_{pair}").iterdir())) as mask:  # the public code has VIPER's colours for both
        palette = np.array(mask.getpalette("RGB")).reshape(-1, 3).tolist()
        assert palette[: len(single.names)] == [list(colour) for colour in taxonomy(pair).colours]
    labels = sorted((tree / "data" / "Cityscapes" / "gtFine" / "val").rglob("*_gtFine_labelIds.png"))
    stems = [label.name.replace("gtFine_labelIds", "leftImg8bit_color") for label in labels]
    assert sorted(path.name for path in (tree / f"masks_{pair}").iterdir()) == stems

    model = Path("pretrained_models") / f"davsn_{pair}.pth"
    code, out, err = davsn(tree, "export", run, "-o", model)
    assert code == 0, err
    assert out.startswith("641 tensors of ")
    code, _, err = davsn(tree, "eval", model, "--recipe", f"da_vsn_{pair}", "validation.cityscapes.size=[64,32]")
    assert code == 0, err
    exported = Scores.load(tree / "pretrained_models" / f"scores_cityscapes_davsn_{pair}.json")
    assert exported.counts == single.counts
    return model


@pytest.mark.parametrize("pair", FULL)
def test_check_and_train_tps_and_cmom_from_it(davsn, tree, pair):
    source = "Viper" if pair == "viper" else "SynthiaSeq"
    names = {
        "source": f"{source}_train",
        "target": "Cityscapes-Seq_train",
        "validation.cityscapes": "Cityscapes-Seq_val",
    }
    flow = [f"{part}.flow_root=data/Estimated_optical_flow_{name}" for part, name in names.items()]  # one copy for all
    once = [*SIZES, *FULL[pair], *flow, *HERE, "training.steps=1"]
    recipes = {"tps": ["method.split=32"], "cmom": [f"start=runs/tps_{pair}"]}  # of 32 rows; 512 are published
    if pair == "synthia":
        del recipes["cmom"]
    for name, changes in recipes.items():
        recipe = f"{name}_{pair}"
        if name == "tps":
            code, out, err = davsn(tree, "check", recipe, *once, *changes, "--all")
            assert code == 0, out + err
        code, _, err = davsn(tree, "train", recipe, *once, *changes)
        assert code == 0, err
        assert Scores.load(tree / "runs" / recipe / "scores_cityscapes.json").frames == 2
    shutil.rmtree(tree / "runs")


def distance(one, other):
    return float((one - other).norm() / one.norm())
