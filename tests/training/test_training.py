"""The engine: one backward for each yield, exact resume, honest stops."""

import json
import math
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import toy
from davsn.core.clip import ClipSpec
from davsn.core.errors import CheckpointError, ConfigError, TrainingError, WorkerError
from davsn.core.settings import Settings
from davsn.learning.method import Method, Term
from davsn.methods.da_vsn import DaVsn
from davsn.methods.source_only import SourceOnly
from davsn.networks.video import VideoSegmenter
from davsn.training import checkpoint
from davsn.training.folder import RunFolder
from davsn.training.log import Log
from davsn.training.loop import segmenter_of
from davsn.training.loop import train as train_in
from toy import CLASSES, LABELLED, UNLABELLED, Tiny, weights


def batch(step, labelled):
    return toy.batch(step, LABELLED if labelled else UNLABELLED)


def batches(start):
    step = start
    while True:
        yield batch(step, True), batch(step, False)
        step += 1


class Toggling(Method):
    """Two parts, one loss each, and one that reaches both but trains one."""

    Config = Settings
    paper = "none"
    source = ClipSpec(labels=True)
    target = ClipSpec()
    faithful = {}  # noqa: RUF012

    def __init__(self, config, segmenter):
        self.parts = {"segmenter": segmenter, "judge": nn.Conv2d(CLASSES, 1, 1)}

    def terms(self, source, target, step):
        scores = self.parts["segmenter"](source.current, source.previous, source.flow).fused.main
        yield Term("fool", self.parts["judge"](scores).square().mean())
        yield Term("judge", self.parts["judge"](scores.detach()).abs().mean(), trains="judge", weight=2.0)


def trainer_of(method=Toggling, **options):
    return toy.trainer_of(method, **options)


def train(trainer, batches, folder, **others):
    return train_in(trainer, batches, RunFolder(folder), **others)


def run(folder, trainer=None, **settings):
    trainer = trainer or trainer_of(**settings)
    finished = train(trainer, batches, folder, extra={"settings": {}})
    return trainer, finished


@pytest.mark.parametrize("average", [{}, {"average": 0.9}, {"average_last": 0.4}])
def test_a_run_stopped_anywhere_ends_bit_for_bit_like_one_that_was_not(tmp_path, average):
    whole, _ = run(tmp_path / "whole", **average)
    for stop in (1, 5, 7):

        class Dies(Exception):
            pass

        def dying(start, stop=stop):
            for step, pair in enumerate(batches(start), start):
                if step == stop:
                    raise Dies
                yield pair

        folder = tmp_path / f"stopped{stop}"
        with pytest.raises(Dies):
            train(trainer_of(**average), dying, folder, extra={"settings": {}})
        resumed, finished = run(folder, trainer_of(seed=99 if stop > 4 else 0, **average))
        assert finished
        for key, value in weights(whole).items():
            assert torch.equal(value, weights(resumed)[key]), key
        for key, value in whole.segmenter.state_dict().items():  # the average, if there is one
            assert torch.equal(value, resumed.segmenter.state_dict()[key]), key
        assert (folder / "log.jsonl").read_bytes() == (tmp_path / "whole" / "log.jsonl").read_bytes()


def test_the_last_checkpoints_and_the_best_are_kept(tmp_path):
    scores = iter([{"information": value, "invariance": -value} for value in (1.0, 5.0, 2.0, 3.0)])
    trainer = trainer_of(steps=16, select="information")
    train(trainer, batches, tmp_path, extra={"settings": {}}, judge=lambda segmenter: next(scores))
    saved = tmp_path / "checkpoints"
    assert sorted(file.name for file in saved.iterdir()) == ["best.pt", "step_0000012.pt", "step_0000016.pt"]
    best = checkpoint.load(saved / "best.pt")
    assert (best["step"], best["criteria"]) == (8, {"information": 5.0, "invariance": -5.0})


def test_a_signal_saves_and_leaves(tmp_path):
    def interrupting(start):
        for step, pair in enumerate(batches(start), start):
            if step == 5:
                os.kill(os.getpid(), signal.SIGTERM)
            yield pair

    finished = train(trainer_of(), interrupting, tmp_path, extra={"settings": {}})
    assert not finished
    assert checkpoint.load(checkpoint.latest(tmp_path / "checkpoints"))["step"] == 6
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 6
    resumed, finished = run(tmp_path)
    whole, _ = run(tmp_path / "whole")
    assert finished
    assert all(torch.equal(value, weights(resumed)[key]) for key, value in weights(whole).items())


@pytest.mark.parametrize("step", [4, 5, 6])
def test_a_signal_during_a_save_or_a_write_of_the_log_loses_nothing(tmp_path, step):
    signals = iter([signal.SIGTERM])  # a second one would end at once

    def progress(done, line):
        if done == step and (once := next(signals, None)):
            os.kill(os.getpid(), once)

    finished = train(trainer_of(log_every=1), batches, tmp_path, extra={"settings": {}}, progress=progress)
    assert not finished
    assert checkpoint.load(checkpoint.latest(tmp_path / "checkpoints"))["step"] == step


def test_progress_moves_at_every_step(tmp_path):
    seen = []
    train(trainer_of(log_every=4), batches, tmp_path, extra={"settings": {}}, progress=lambda *step: seen.append(step))
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert [done for done, line in seen if line and done % 4 == 0] == list(range(4, len(seen) + 1, 4))
    assert not seen[0][1]


def test_a_signal_that_ends_the_loader_too_still_saves(tmp_path):
    def dying(start):
        for step, pair in enumerate(batches(start), start):
            if step == 5:
                os.kill(os.getpid(), signal.SIGTERM)
                raise WorkerError("DataLoader worker is killed by signal: Terminated")
            yield pair

    assert not train(trainer_of(), dying, tmp_path, extra={"settings": {}})
    assert checkpoint.load(checkpoint.latest(tmp_path / "checkpoints"))["step"] == 5
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 5


def test_a_loss_that_is_not_a_number_names_step_term_and_files_and_spares_the_checkpoint(tmp_path):
    def poisoned(start):
        for step, (source, target) in enumerate(batches(start), start):
            if step == 6:
                target.frames[0][0, 0, 0, 0] = math.nan
            yield source, target

    with pytest.raises(TrainingError) as error:
        train(trainer_of(DaVsn), poisoned, tmp_path, extra={"settings": {}})
    assert "step 6" in str(error.value)
    assert "loss/consistency/main" in str(error.value)
    assert "clip/6a" in str(error.value)
    newest = checkpoint.load(checkpoint.latest(tmp_path / "checkpoints"))
    assert newest["step"] == 4
    assert all(value.isfinite().all() for part in newest["parts"].values() for value in part.values())


def test_target_labels_cannot_be_trained_on():
    with pytest.raises(AssertionError, match="target labels"):
        trainer_of().step(batch(0, True), batch(0, True))


def test_gradients_equal_those_of_the_version_that_toggles_requires_grad(monkeypatch):
    gradients = {}
    for literal in (False, True):
        trainer = trainer_of(Toggling)
        parts = trainer.parts
        monkeypatch.setattr(trainer.optimisation, "finish", dict)  # keep the gradients to look at
        if literal:
            trainer.optimisation.begin(0)
            source = batch(0, True)
            for p in parts["judge"].parameters():
                p.requires_grad = False
            scores = parts["segmenter"](source.current, source.previous, source.flow).fused.main
            parts["judge"](scores).square().mean().backward()
            for p in parts["judge"].parameters():
                p.requires_grad = True
            (2.0 * parts["judge"](scores.detach()).abs().mean()).backward()
        else:
            trainer.step(batch(0, True), None)
        gradients[literal] = [p.grad for part in parts.values() for p in part.parameters()]
    for ours, expected in zip(gradients[False], gradients[True], strict=True):
        if expected is None:
            assert ours is None
        else:
            assert torch.equal(ours, expected)


def test_terms_that_train_different_parts_cannot_come_together():
    class Mixed(Toggling):
        def terms(self, source, target, step):
            yield tuple(super().terms(source, target, step))

    with pytest.raises(ValueError, match="must train the same parts"):
        trainer_of(Mixed).step(batch(0, True), None)


def test_bf16_trains_with_weights_in_fp32():
    trainer = trainer_of(DaVsn, precision="bf16")
    record = trainer.step(*next(batches(0)))
    assert all(p.dtype == torch.float32 for part in trainer.parts.values() for p in part.parameters())
    reference = trainer_of(DaVsn).step(*next(batches(0)))
    for key, value in reference.items():
        if key.startswith("loss/"):
            assert torch.isclose(record[key].float(), value, rtol=0.05, atol=0.02), key


def test_the_average_follows_the_segmenter():
    trainer = trainer_of(SourceOnly, average=0.5)
    before = trainer.parts["segmenter"].image.main.weight.detach().clone()
    trainer.step(batch(0, True), None)
    first = trainer.parts["segmenter"].image.main.weight.detach().clone()
    trainer.step(batch(1, True), None)
    second = trainer.parts["segmenter"].image.main.weight.detach()
    assert not torch.equal(before, second)
    torch.testing.assert_close(trainer.segmenter.image.main.weight, 0.5 * first + 0.5 * second)
    loaded = VideoSegmenter(Tiny())
    segmenter_of({"parts": {"segmenter": None}, **trainer.state_dict()}, loaded)
    assert torch.equal(loaded.image.main.weight, trainer.segmenter.image.main.weight)


def test_the_weights_of_the_last_share_of_the_run_count_alike():
    trainer, seen = trainer_of(SourceOnly, average_last=0.5, steps=4), []
    for number in range(4):
        trainer.step(batch(number, True), None)
        seen.append(trainer.parts["segmenter"].image.main.weight.detach().clone())
        if number < 2:
            assert trainer.segmenter is trainer.parts["segmenter"]
            assert trainer.state_dict()["average"] is None
    assert not torch.equal(seen[2], seen[3])
    torch.testing.assert_close(trainer.segmenter.image.main.weight, (seen[2] + seen[3]) / 2)
    loaded = VideoSegmenter(Tiny())
    segmenter_of({"parts": {"segmenter": None}, **trainer.state_dict()}, loaded)
    assert torch.equal(loaded.image.main.weight, trainer.segmenter.image.main.weight)


def test_a_run_that_goes_on_longer_averages_its_new_last_share_alone():
    short = trainer_of(SourceOnly, average_last=0.5, steps=4)
    for number in range(4):
        short.step(batch(number, True), None)
    longer = trainer_of(SourceOnly, average_last=0.5, steps=10)
    longer.load_state_dict({**short.state_dict(), "step": 4})
    seen = []
    for number in range(4, 10):
        longer.step(batch(number, True), None)
        seen.append(longer.parts["segmenter"].image.main.weight.detach().clone())
    torch.testing.assert_close(longer.segmenter.image.main.weight, torch.stack(seen[1:]).mean(0))


def test_a_run_has_one_average():
    with pytest.raises(ValueError, match="a run has one average of its weights"):
        trainer_of(SourceOnly, average=0.9, average_last=0.5)


def test_a_full_disk_keeps_the_last_checkpoint_and_says_so(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, 1, {"weights": torch.ones(2)}, keep=2)

    def full(state, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CheckpointError, match=r"No space left.*Earlier checkpoints are unchanged"):
        checkpoint.save(tmp_path, 2, {"weights": torch.ones(2)}, keep=2)
    assert [file.name for file in tmp_path.iterdir()] == ["step_0000001.pt"]


def test_remains_of_a_save_that_was_killed_are_no_checkpoint(tmp_path):
    checkpoint.save(tmp_path, 1, {"weights": torch.ones(2)}, keep=2)
    (tmp_path / ".step_0000002.123.writing.pt").write_bytes(b"half")
    assert checkpoint.latest(tmp_path) == tmp_path / "step_0000001.pt"
    assert len(list(tmp_path.iterdir())) == 2  # it may be a save under way: looking leaves it alone
    checkpoint.clean(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_training_removes_what_a_killed_save_left(tmp_path):
    remains = tmp_path / "checkpoints" / ".step_0000002.123.writing.pt"
    remains.parent.mkdir()
    remains.write_bytes(b"half")
    assert train(trainer_of(), batches, tmp_path, extra={})
    assert not remains.exists()


def test_a_checkpoint_that_is_held_outlives_its_name(tmp_path):
    path = checkpoint.save(tmp_path, 1, {"weights": torch.ones(2)}, keep=1)
    with checkpoint.held(path) as second:
        checkpoint.save(tmp_path, 2, {"weights": torch.zeros(2)}, keep=1)
        assert not path.exists()
        assert checkpoint.load(second)["step"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["step_0000002.pt"]
    with checkpoint.held(path) as second:
        assert second is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "cannot be read as a checkpoint"),
        (None, "does not exist"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content, message):
    path = tmp_path / "broken.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        checkpoint.load(path)


def test_a_checkpoint_cut_short_or_of_another_kind_or_age_is_refused(tmp_path):
    whole = checkpoint.save(tmp_path, 1, {"weights": torch.ones(2000)}, keep=2)
    cut = tmp_path / "cut.pt"
    cut.write_bytes(whole.read_bytes()[:3000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint.load(cut)
    torch.save({"conv1.weight": torch.ones(1)}, cut)
    with pytest.raises(CheckpointError, match="no davsn checkpoint"):
        checkpoint.load(cut)
    torch.save({"format": 99}, cut)
    with pytest.raises(CheckpointError, match="newer davsn"):
        checkpoint.load(cut)


def test_a_checkpoint_with_any_byte_changed_is_read_or_refused_in_words(tmp_path):
    whole = checkpoint.save(tmp_path, 1, {"weights": torch.ones(3)}, keep=2).read_bytes()
    damaged = tmp_path / "damaged.pt"
    refused = 0
    for position in range(0, len(whole), 7):
        damaged.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        try:
            assert checkpoint.load(damaged)["step"] is not None
        except CheckpointError:
            refused += 1
    assert refused


def test_a_checkpoint_never_runs_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "owned",))

    torch.save({"format": 1, "evil": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint.load(tmp_path / "evil.pt")
    assert not (tmp_path / "owned").exists()


def test_a_log_keeps_the_lines_of_the_checkpoint_and_drops_later_and_broken_ones(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 0}\n{"step": 1}\n{"step": 2}\n{"st')
    log = Log(path, done=2)
    log.add(2, {"loss/a": torch.tensor(1.5), "rate/b": 0.25}, ())
    log.flush()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": 0},
        {"step": 1},
        {"step": 2, "loss/a": 1.5, "rate/b": 0.25},
    ]


def test_samples_that_could_not_be_read_are_named_and_counted(tmp_path, caplog):
    def damaged(start):
        for step, (source, target) in enumerate(batches(start), start):
            yield source, replace(target, skipped=("clip/7.png: is cut short",)) if step == 2 else target

    train(trainer_of(), damaged, tmp_path, extra={"settings": {}})
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line.get("skipped", 0) for line in logged[:4]] == [0, 0, 1, 0]
    assert "skipped: clip/7.png: is cut short" in caplog.text


def test_tensorboard_shows_the_log_if_it_is_wished(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run(tmp_path, tensorboard=True)
    shown = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    for key in logged[0].keys() - {"step"}:
        events = shown.Scalars(key)
        assert [event.step for event in events] == [line["step"] for line in logged]
        assert [event.value for event in events] == pytest.approx([line[key] for line in logged])


def test_tensorboard_that_is_not_there_is_a_mistake_in_words(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match="pip install tensorboard"):
        run(tmp_path, tensorboard=True)
