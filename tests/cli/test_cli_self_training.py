"""Self-training by recipe: methods composed without code, from the command line, stopped and gone on with."""

import json

import pytest
import torch
import yaml

from davsn.core.plugins import available
from davsn.experiment.experiment import needs_start
from davsn.experiment.trained import open_trained
from davsn.learning.method import Method
from davsn.training import checkpoint
from tiny_recipe import RECIPE

pytestmark = pytest.mark.slow


def written(place, name, **values):
    (place / f"{name}.yaml").write_text(yaml.safe_dump({**RECIPE, "validation": {}, "name": name, **values}))
    return f"{name}.yaml"


def losses(run):
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return {key.removeprefix("loss/"): value for key, value in lines[-1].items() if key.startswith("loss/")}


def test_cmom_starts_from_da_vsn_by_recipe(davsn, world):
    code, _, err = davsn(world, "train", "tiny.yaml", "training.steps=2", "-o", "runs/before_cmom")
    assert code == 0, err
    recipe = written(world, "cmom", method={"name": "cmom", "things": [4, 5], "prototypes": 1})
    code, _, err = davsn(world, "train", recipe)
    assert code == 2
    assert "start  cmom adapts a network that is already trained. Name one: a run folder" in err
    code, _, err = davsn(world, "train", recipe, "start=runs/before_cmom", "training.steps=2", "-o", "runs/cmom")
    assert code == 0, err
    assert losses(world / "runs" / "cmom").keys() >= {"segmentation/main", "mixed/main", "alignment/things"}
    state = checkpoint.load(checkpoint.latest(world / "runs" / "cmom" / "checkpoints"))
    before = open_trained(world / "runs" / "before_cmom").segmenter.state_dict()
    assert all(torch.equal(value, state["parts"]["labeller"][key]) for key, value in before.items())
    after = open_trained(world / "runs" / "cmom").segmenter.state_dict()
    assert any(not torch.equal(value, before[key]) for key, value in after.items())


ADAPTING = [*([name] for name in available(Method)), ["masked", "method.over.name=cmom"]]


@pytest.mark.parametrize("method", ADAPTING, ids="-".join)
@pytest.mark.usefixtures("unrehearsed")
def test_adapt_by_every_method_with_a_start_for_those_that_need_one(davsn, world, method):
    tiny = ["network.encoder=test_efficientnet", "network.width=8", "network.weights=null", "training.workers=0"]
    few = ["training.steps=1", "training.batch_size=2", "training.save_every=1", "training.device=cpu"]
    data = ["--source", "game", "--target", "camera/frames"]
    out = f"runs/adapted_{len(method)}_{method[0]}"
    code, _, err = davsn(world, "adapt", *data, "--method", *method, "-o", out, *tiny, *few)
    assert code == 0, err
    experiment = open_trained(world / out).experiment
    assert experiment.method.name == method[0]
    assert (experiment.start is not None) == (needs_start(experiment.method) is not None)


def test_masked_over_mean_teacher_goes_on_where_it_was_stopped(davsn, world):
    method = {"name": "masked", "share": 0.5, "over": {"name": "mean_teacher", "threshold": 0.3, "decay": 0.5}}
    recipe = written(world, "masked", method=method)
    assert davsn(world, "train", recipe, "training.save_every=1", "training.keep=3", "-o", "runs/whole").code == 0
    assert losses(world / "runs" / "whole").keys() >= {"segmentation/main", "mixed/main", "masked/main", "masked/aux"}
    stopped = world / "runs" / "stopped"
    assert davsn(world, "train", recipe, "training.save_every=1", "training.keep=3", "-o", stopped).code == 0
    for file in sorted((stopped / "checkpoints").iterdir()):
        if checkpoint.steps_of(file) > 1 or file.suffix != ".pt":
            file.unlink()
    assert checkpoint.steps_of(checkpoint.latest(stopped / "checkpoints")) == 1
    assert davsn(world, "train", recipe, "training.save_every=1", "training.keep=3", "-o", stopped).code == 0
    whole, again = (
        checkpoint.load(checkpoint.latest(world / "runs" / name / "checkpoints"))["parts"]
        for name in ("whole", "stopped")
    )
    assert whole.keys() == {"segmenter", "teacher"}
    for name, part in whole.items():
        assert all(torch.equal(value, again[name][key]) for key, value in part.items()), name


def test_a_mistake_below_is_told_with_its_whole_key(davsn, world):
    recipe = written(world, "mistaken", method={"name": "masked", "over": "pixmatch"})
    code, _, err = davsn(world, "train", recipe, "method.over.fourrier=0.2", "method.share=7")
    assert code == 2
    assert "method.over.fourrier  unknown key. Did you mean 'fourier'?" in err
    assert "method.share  input should be less than or equal to 1, but got 7" in err


def test_rare_classes_are_drawn_and_a_run_that_goes_on_draws_the_same(davsn, world):
    recipe = written(world, "rare", method="source_only")
    few = ["training.rare_classes.temperature=0.1", "training.save_every=1", "training.keep=3", "training.log_every=1"]
    code, _, err = davsn(world, "train", recipe, *few, "-o", "runs/rare")
    assert code == 0, err
    run = world / "runs" / "rare"
    counts = json.loads((run / "source_classes.json").read_text())
    assert len(counts["samples"]) == len(counts["counts"]) > 0
    whole = checkpoint.load(run / "checkpoints" / "step_0000003.pt")["parts"]["segmenter"]
    for step in (2, 3):
        (run / "checkpoints" / f"step_{step:07d}.pt").unlink()
    assert davsn(world, "train", recipe, *few, "-o", "runs/rare").code == 0
    again = checkpoint.load(run / "checkpoints" / "step_0000003.pt")["parts"]["segmenter"]
    assert all(torch.equal(value, again[key]) for key, value in whole.items())
    assert davsn(world, "train", recipe, "training.save_every=1", "-o", "runs/not_rare").code == 0
    other = checkpoint.load(checkpoint.latest(world / "runs" / "not_rare" / "checkpoints"))["parts"]["segmenter"]
    assert any(not torch.equal(value, other[key]) for key, value in whole.items())
