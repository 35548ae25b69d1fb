"""Where flow comes from in a run: from the loader's workers, on the device inside the step, or from the cache."""

import shutil
import signal
import sys
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from davsn.core.clip import ClipSpec
from davsn.core.settings import validate
from davsn.data import precompute
from davsn.data.export.writing import write
from davsn.data.loading import collate, evaluation_batches, training_batches
from davsn.data.precompute import fill_ahead, needs_filling
from davsn.data.samples import Samples
from davsn.data.sets.folder import Folder
from davsn.data.sets.streets import Streets
from davsn.data.transforms import crop, mirror
from davsn.experiment.experiment import load
from davsn.experiment.run import Run
from davsn.flow import estimation
from davsn.flow.estimators.dis import Dis
from davsn.methods.da_vsn import DaVsn
from davsn.networks.video import VideoSegmenter
from davsn.scoring.evaluation import evaluate
from davsn.training.selection import label_free
from toy import LABELLED, UNLABELLED, Tiny, trainer_of, weights

NEURAL = """
import torch

from davsn.flow.estimator import FlowEstimator
from davsn.core.settings import Settings


class Neural(FlowEstimator):
    class Config(Settings):
        scale: float = 1.0

    on_device = True
    calls = []

    def __init__(self, config):
        self.config = config
        self.network = torch.nn.Conv2d(6, 2, 5, padding=2)  # draws random numbers, as every network does
        with torch.no_grad():
            for parameter in self.network.parameters():
                parameter.copy_(torch.linspace(-config.scale, config.scale, parameter.numel()).view_as(parameter))

    def estimate(self, frames_a, frames_b):
        flow = self.network(torch.cat([frames_a, frames_b], 1))
        self.calls.append((len(frames_a), flow.requires_grad, flow.dtype))
        return flow.float()
"""
WAYS = ["dis", "dis, checked, cached", "neural", "neural, checked, cached"]


@pytest.fixture(name="neural")
def _neural(tmp_path):
    path = tmp_path / "neural_flow.py"
    path.write_text(NEURAL)
    return str(path)


@pytest.fixture(scope="module", name="world")
def _world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    for domain in ("game", "camera"):
        write(Streets(Streets.Config(size=(64, 32), clips=1, length=4, domain=domain)), root / domain)
    return root


def calls():
    return sys.modules["neural_flow"].Neural.calls


def samples_of(world, flow, spec=LABELLED, **settings):
    values = {"root": world / "game", "flow": flow, **settings}
    return Samples(Folder(validate(Folder.Config, values, "the test")), spec)


def run_of(world, folder, flow, cache, **training):
    settings = {"size": [64, 32], "crop": [48, 32], "mirror": True, "flow": flow, "cache_folder": str(cache)}
    values = {
        "source": {"name": "folder", "root": str(world / "game"), **settings},
        "target": {"name": "folder", "root": str(world / "camera"), "labels": None, **settings},
        "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
        "method": {"name": "da_vsn", "discriminator_width": 4},
        "training": {
            "steps": 4, "batch_size": 2, "save_every": 2, "log_every": 1, "workers": 0, "device": "cpu", **training
        },
    }  # fmt: skip
    return Run(load(values), folder)


def stop_at(step):
    def progress(done, line):
        if done == step:
            signal.raise_signal(signal.SIGTERM)

    return progress


def resumes_exactly(world, tmp_path, flow, **training):
    whole = run_of(world, tmp_path / "whole", flow, tmp_path / "one", **training)
    assert whole.train()
    assert not run_of(world, tmp_path / "stopped", flow, tmp_path / "two", **training).train(stop_at(2))
    shutil.rmtree(tmp_path / "two", ignore_errors=True)  # a cache may be deleted at any time
    resumed = run_of(world, tmp_path / "stopped", flow, tmp_path / "two", **training)
    assert resumed.steps_saved() == 2
    assert resumed.train()
    for key, value in weights(whole.trainer).items():
        assert torch.equal(value, weights(resumed.trainer)[key]), key


@pytest.mark.slow
@pytest.mark.parametrize("flow", WAYS)
def test_a_run_goes_on_exactly_whichever_way_its_flow_comes(world, tmp_path, neural, flow):
    resumes_exactly(world, tmp_path, flow.replace("neural", neural))


@pytest.mark.slow
@pytest.mark.parametrize("flow", WAYS)
def test_a_run_with_workers_in_bf16_goes_on_exactly(world, tmp_path, neural, flow):
    resumes_exactly(world, tmp_path, flow.replace("neural", neural), workers=1, precision="bf16")


class TestOnTheDevice:
    def test_the_loader_delivers_none_and_the_batch_gets_it_where_it_is_used(self, world, neural):
        batch = next(training_batches(samples_of(world, neural), 2, seed=0))
        assert not batch.flows
        moved = batch.to("cpu")
        assert moved.flow.shape == (2, 2, 32, 64)
        assert moved.completion is None
        assert calls() == [(2, False, torch.float32)]  # both at once, without a gradient
        expected = samples_of(world, neural).completion.setting.build().estimate(batch.current, batch.previous)
        assert torch.equal(moved.flow, expected)

    def test_a_frame_paired_with_itself_is_at_rest(self, world, neural):
        spec = ClipSpec((0, -1), ((0, -1),))
        batch = collate([samples_of(world, neural, spec, missing="repeat")[n] for n in (0, 1)])
        moved = replace(batch, completion=samples_of(world, f"{neural}, checked", spec).completion).to("cpu")
        assert not moved.flow[0].any()
        assert moved.flow[1].any()
        assert moved.valid[0, -1][0].all()
        assert not moved.valid[0, -1][1].all()

    def test_a_step_estimates_under_its_precision_and_copies_nothing_to_the_host(self, world, neural, monkeypatch):
        samples = samples_of(world, f"{neural}, checked", LABELLED)
        source = next(training_batches(samples, 2, seed=0))
        target = replace(next(training_batches(samples_of(world, neural, UNLABELLED), 2, seed=1)), labels=None)
        trainer = trainer_of(DaVsn, precision="bf16")
        samples.completion.setting.build()

        def guarded(name, original):
            def call(*arguments, **options):
                caller = sys._getframe(1).f_globals["__name__"]
                assert caller.startswith("torch.optim"), f"{caller} copied to the host by {name}"
                return original(*arguments, **options)

            return call

        with monkeypatch.context() as patched:
            for name in ("item", "cpu", "numpy", "tolist", "__bool__", "__float__", "__int__"):
                patched.setattr(torch.Tensor, name, guarded(name, getattr(torch.Tensor, name)))
            record = trainer.step(source, target)
        assert all(value.isfinite() for key, value in record.items() if key.startswith("loss/"))
        assert calls() == [(2, False, torch.bfloat16)] * 3  # the source there and back, the target there

    def test_evaluation_and_selection_get_it_too(self, world, neural):
        samples = samples_of(world, neural)
        segmenter = VideoSegmenter(Tiny(num_classes=len(samples.dataset.taxonomy)))
        assert evaluate(segmenter, evaluation_batches(samples), samples.dataset.taxonomy).frames == 3
        assert 0 <= label_free(segmenter, evaluation_batches(samples))["information"] <= 1
        assert len(calls()) == 6

    def test_own_flow_and_flow_of_workers_need_no_completion(self, world):
        assert samples_of(world, "dis").completion is None
        assert samples_of(world, "stored").completion is None
        assert samples_of(world, "dis", ClipSpec((0,), labels=True)).completion is None


class TestCached:
    def test_the_first_epoch_fills_it_and_the_next_ones_read(self, world, tmp_path, monkeypatch):
        estimated = []
        original = Dis.estimate
        monkeypatch.setattr(Dis, "estimate", lambda *pair: estimated.append(0) or original(*pair))
        samples = samples_of(world, "dis, cached", cache_folder=tmp_path / "cache", crop=(48, 32), mirror=True)
        batches = training_batches(samples, 1, seed=0)
        assert len(list(islice(batches, 3))) == len(estimated) == 3
        list(islice(batches, 9))
        assert len(estimated) == 3
        other = samples_of(world, "dis, cached", cache_folder=tmp_path / "cache", colour=0.5)
        list(islice(training_batches(other, 2, seed=5), 3))
        assert len(estimated) == 3  # what is random comes after, and another run needs no other flow

    @pytest.mark.parametrize("flow", ["dis, checked", "dis, checked, cached"])
    def test_flow_and_mask_are_those_of_the_whole_frames_and_change_with_them(self, world, tmp_path, flow):
        settings = {"cache_folder": tmp_path / "cache"}
        plain = samples_of(world, flow, **settings)[1]
        assert plain.flows[0, -1].shape == (32, 64, 2)
        assert 0.5 < plain.valid[0, -1].mean() < 1
        random = samples_of(world, flow, crop=(48, 24), mirror=True, **settings)
        for seed in range(4):
            generator = np.random.default_rng(seed)
            expected = crop(plain, (48, 24), generator)
            expected = mirror(expected) if generator.random() < 0.5 else expected
            found = random.load(1, np.random.default_rng(seed))
            assert np.array_equal(found.flows[0, -1], expected.flows[0, -1])
            assert np.array_equal(found.valid[0, -1], expected.valid[0, -1])
        batch = collate([random.load(n, np.random.default_rng(0)) for n in (0, 1)])
        assert batch.valid[0, -1].shape == (2, 24, 48)
        assert torch.equal(batch.to("cpu").valid[0, -1], batch.valid[0, -1])

    def test_a_frame_paired_with_itself_needs_no_estimator_and_no_entry(self, world, tmp_path, monkeypatch):
        monkeypatch.setattr(estimation, "estimated", lambda *pair: pytest.fail("estimated"))
        sample = samples_of(world, "dis, cached", missing="repeat", cache_folder=tmp_path / "cache")[0]
        assert not sample.flows[0, -1].any()
        assert not (tmp_path / "cache").exists()

    def test_a_full_cache_trains_all_the_same(self, world, tmp_path, caplog):
        settings = {"cache_folder": tmp_path / "cache", "cache_limit": 1e-7}
        first, again = (samples_of(world, "dis, cached", **settings)[0].flows[0, -1] for _ in range(2))
        assert np.array_equal(first, again)
        assert "the cache is full" in caplog.text

    @pytest.mark.slow
    def test_neural_flow_is_filled_in_before_the_first_step_in_batches(self, world, tmp_path, neural):
        flow, cache = f"{neural}, cached", tmp_path / "cache"
        run = run_of(world, tmp_path / "run", flow, cache)
        assert run.train()
        assert [size for size, *_ in calls()] == [2, 1] * 2  # three pairs of each domain, two at once
        calls().clear()
        assert run_of(world, tmp_path / "again", flow, cache).train()
        assert calls() == []

    def test_what_was_filled_once_is_not_looked_through_again(self, world, tmp_path, neural, monkeypatch):
        settings = {"cache_folder": tmp_path / "cache"}
        samples = samples_of(world, f"{neural}, cached", **settings)
        assert needs_filling(samples)
        fill_ahead(samples, "cpu")
        monkeypatch.setattr(precompute, "fill", lambda *arguments: pytest.fail("looks at every frame"))
        fill_ahead(samples, "cpu")
        assert not needs_filling(samples_of(world, f"{neural}, cached", **settings))
        assert needs_filling(samples_of(world, f"{neural}, cached", size=(32, 16), **settings))
        assert needs_filling(samples_of(world, {"name": neural, "cached": True, "scale": 2.0}, **settings))
        assert not needs_filling(samples_of(world, "dis, cached", **settings))

    def test_a_lost_entry_of_neural_flow_is_estimated_where_it_is_missed(self, world, tmp_path, neural):
        samples = samples_of(world, f"{neural}, cached", cache_folder=tmp_path / "cache")
        fill_ahead(samples, "cpu")
        before = samples[1].flows[0, -1]
        shutil.rmtree(tmp_path / "cache")
        assert np.array_equal(samples[1].flows[0, -1], before)
