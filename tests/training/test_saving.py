"""What was trained is saved before anything that may fail, and the next start does what was left."""

from pathlib import Path

import pytest
import torch

from davsn.core.errors import DataError, TrainingError, WorkerError
from davsn.methods.source_only import SourceOnly
from davsn.training import checkpoint
from davsn.training.folder import RunFolder
from davsn.training.loop import train
from toy import LABELLED, batch, leaves, same, trainer_of


def batches(start, fails=None):
    """Source batches; loading the batch of step ``fails`` raises an error."""
    step = start
    while True:
        if step == fails:
            raise DataError("cannot be read", "clip/7.png")
        yield batch(step, LABELLED), None
        step += 1


def run(folder, judge=None, finish=None, loaded=batches):
    return train(trainer_of(SourceOnly), loaded, RunFolder(folder), extra={}, judge=judge, finish=finish)


def judged(segmenter):
    return {"information": float(segmenter.image.main.weight.detach().sum())}


def broken(segmenter):
    raise DataError("cannot be read", "clip/7.png")


def state(folder):
    return checkpoint.load(checkpoint.latest(folder / "checkpoints"))


def assert_same_end(folder, other):
    (one, two) = (leaves(state(place)) for place in (folder, other))
    assert one.keys() == two.keys()
    assert all(same(value, two[name]) for name, value in one.items())
    assert (folder / "log.jsonl").read_bytes() == (other / "log.jsonl").read_bytes()
    best = [checkpoint.load(place / "checkpoints" / "best.pt")["step"] for place in (folder, other)]
    assert best[0] == best[1]


def test_a_score_that_fails_loses_no_step_and_is_computed_at_the_next_start(tmp_path):
    run(tmp_path / "whole", judged)
    for done in (4, 8):
        with pytest.raises(DataError, match=r"clip/7\.png: cannot be read"):
            run(tmp_path / "failed", broken if done == 4 else iter_of(judged, broken))
        assert (state(tmp_path / "failed")["step"], state(tmp_path / "failed")["complete"]) == (done, False)
    assert run(tmp_path / "failed", judged)
    assert_same_end(tmp_path / "failed", tmp_path / "whole")


def iter_of(*functions):
    """One function after another, for one call each."""
    left = iter(functions)
    return lambda segmenter: next(left)(segmenter)


def test_an_end_that_fails_is_done_at_the_next_start_from_what_was_trained(tmp_path):
    def doubles(segmenter):
        with torch.no_grad():
            segmenter.image.main.weight.mul_(2)

    def half_done(segmenter):
        doubles(segmenter)
        raise DataError("cannot be read", "clip/7.png")

    run(tmp_path / "whole", judged, doubles)
    with pytest.raises(DataError):
        run(tmp_path / "failed", judged, half_done)
    assert run(tmp_path / "failed", judged, doubles)
    assert_same_end(tmp_path / "failed", tmp_path / "whole")


def test_a_batch_that_cannot_be_loaded_loses_no_step(tmp_path):
    run(tmp_path / "whole", judged)
    with pytest.raises(DataError, match=r"clip/7\.png: cannot be read"):
        run(tmp_path / "failed", judged, loaded=lambda start: batches(start, fails=6))
    assert state(tmp_path / "failed")["step"] == 6
    assert len((tmp_path / "failed" / "log.jsonl").read_text().splitlines()) == 6
    assert run(tmp_path / "failed", judged)
    assert_same_end(tmp_path / "failed", tmp_path / "whole")


def test_a_killed_worker_of_the_loader_loses_no_step(tmp_path):
    def dying(start):
        for step, pair in enumerate(batches(start), start):
            if step == 5:
                raise WorkerError("DataLoader worker (pid(s) 12) exited unexpectedly. It was killed")
            yield pair

    with pytest.raises(WorkerError, match="It was killed"):
        run(tmp_path, judged, loaded=dying)
    assert state(tmp_path)["step"] == 5


def test_steps_whose_loss_is_no_number_are_not_saved_when_loading_fails(tmp_path):
    def poisoned(start):
        for step, (source, _) in enumerate(batches(start, fails=3), start):
            if step == 2:
                source.frames[0][:] = float("nan")
            yield source, None

    with pytest.raises(TrainingError, match=r"step 2: .*is not a finite number"):
        train(trainer_of(SourceOnly, log_every=5), poisoned, RunFolder(tmp_path), extra={})
    assert checkpoint.latest(tmp_path / "checkpoints") is None


def test_a_checkpoint_says_whether_its_step_is_complete(tmp_path):
    path = checkpoint.save(tmp_path, 1, {"complete": False}, keep=1)
    assert not checkpoint.is_complete(path)
    assert checkpoint.is_complete(checkpoint.save(tmp_path, 2, {"complete": True}, keep=2))
    assert checkpoint.is_complete(checkpoint.save(tmp_path, 3, {}, keep=2))  # one of an older version
    assert not checkpoint.is_complete(tmp_path / "gone.pt")
    path.write_bytes(b"damaged")
    assert checkpoint.is_complete(path)  # loading it says what is wrong


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_at_the_log_is_told_in_words(tmp_path):
    def then_full(start):
        for step, pair in enumerate(batches(start), start):
            if step == 1:
                (tmp_path / "log.jsonl").unlink()
                (tmp_path / "log.jsonl").symlink_to("/dev/full")
            yield pair

    with pytest.raises(DataError, match=r"log\.jsonl: could not be written \(No space left on device\)"):
        run(tmp_path, loaded=then_full)
