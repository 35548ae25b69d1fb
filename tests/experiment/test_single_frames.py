"""A network of single frames (video.propagation: none): nobody loads a previous frame or estimates a flow."""

import numpy as np
import pytest

from davsn.core.clip import ClipSpec
from davsn.core.errors import CheckpointError
from davsn.data.export.writing import write
from davsn.data.loading import evaluation_batches
from davsn.data.sets.streets import Streets
from davsn.experiment.experiment import asked, clips_of, load
from davsn.experiment.run import Run
from davsn.experiment.trained import open_trained, scored_frames
from davsn.flow.estimators.dis import Dis
from davsn.scoring.evaluation import evaluate

SINGLE = ["video.propagation=none"]


@pytest.fixture(name="world", scope="module")
def _world(tmp_path_factory):
    """Two labelled folders whose clips have one frame each: nothing has a neighbour."""
    root = tmp_path_factory.mktemp("stills")
    for domain in ("game", "camera"):
        write(Streets(Streets.Config(size=(64, 32), clips=3, length=1, domain=domain)), root / domain)
    return root


def recipe(world, **changes):
    return {
        "name": "tiny",
        "source": {"name": "folder", "root": world / "game"},
        "target": {"name": "folder", "root": world / "camera", "labels": None},
        "validation": {"camera": {"name": "folder", "root": world / "camera"}},
        "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
        "training": {"steps": 2, "batch_size": 2, "save_every": 1, "workers": 0, "device": "cpu"},
        "method": "minent",
        **changes,
    }


@pytest.fixture(autouse=True)
def _no_flow(monkeypatch):
    def never(self, a, b):
        raise AssertionError("flow was estimated that nobody looks at")

    monkeypatch.setattr(Dis, "estimate", never)


def test_the_current_frame_is_all_that_is_asked_for(world):
    single, video = (load(recipe(world), changes) for changes in (SINGLE, []))
    assert clips_of(single) == (ClipSpec((0,), labels=True), ClipSpec((0,)))
    assert clips_of(video) == (ClipSpec((0, -1), ((0, -1),), labels=True), ClipSpec((0, -1), ((0, -1),)))
    three = ClipSpec((0, -1, -2), ((0, -1), (-1, -2)))
    assert asked(single, three) == asked(single) == ClipSpec((0,))
    assert asked(video, three) == three


@pytest.mark.parametrize("method", ["source_only", "minent", {"name": "advent", "discriminator_width": 4}])
def test_stills_are_trained_on_and_scored_and_opened_again(world, tmp_path, method):
    experiment = load(recipe(world, method=method), [*SINGLE, "source.size=[128, 128]", "target.size=[128, 128]"])
    run = Run(experiment, tmp_path / "run")
    assert run.train()
    assert len(run.source) == 3  # with a previous frame there would be none
    trained = open_trained(tmp_path / "run")
    assert trained.segmenter.fusion is None
    samples = scored_frames(trained, experiment.validation["camera"])
    assert [sorted(samples[index].frames) for index in range(3)] == [[0]] * 3
    scores = evaluate(trained.segmenter, evaluation_batches(samples), trained.taxonomy)
    assert np.sum(scores.counts) > 0
    assert scores.temporal_consistency is None


def test_statistics_are_re_estimated_from_a_run_without_reading_the_source(world, tmp_path):
    first = Run(load(recipe(world, method="source_only"), SINGLE), tmp_path / "first")
    (tmp_path / "first").mkdir()
    experiment = load(recipe(world, method="batch_norm", start=tmp_path / "first"), [*SINGLE, "training.steps=3"])
    with pytest.raises(CheckpointError, match=r"first holds no checkpoint yet\. Give a checkpoint file, or a run"):
        Run(experiment, tmp_path / "none")
    assert first.train()
    run = Run(experiment, tmp_path / "second")
    assert run.source is None
    assert run.train()
    before, after = (open_trained(tmp_path / name).segmenter.state_dict() for name in ("first", "second"))
    changed = {name.rpartition(".")[2] for name in before if not before[name].equal(after[name])}
    assert changed == {"running_mean", "running_var", "num_batches_tracked"}
