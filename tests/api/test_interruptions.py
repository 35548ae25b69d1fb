"""Ctrl-C in a long command: it says what is left, where it is, and which command resumes."""

import os
import signal

import numpy as np
import pytest

import davsn
from davsn.flow.files.conversion import Conversion
from davsn.flow.files.io import write_flow
from davsn.training.stopping import Stop


def interrupt(*_, **__):
    raise KeyboardInterrupt


@pytest.fixture(name="said")
def _said(capsys, monkeypatch):
    """Run a call in which a function is interrupted; give what it printed on one line."""

    def run(function, call):
        monkeypatch.setattr(function, interrupt) if isinstance(function, str) else monkeypatch.setattr(*function)
        with pytest.raises(KeyboardInterrupt):
            call()
        return " ".join(capsys.readouterr().out.split())

    return run


def test_training(said, world, run, tmp_path):
    out = tmp_path / "new"
    begun = said("davsn.api.training.train_in", lambda: davsn.train(world / "tiny.yaml", out=out))
    assert f"Stopped before a checkpoint was saved in {out}. The same command begins again." in begun
    later = said("davsn.api.training.score_set", lambda: davsn.train(world / "tiny.yaml", out=run.folder))
    assert f"Stopped; 3 steps are saved in {run.folder}. The same command resumes it." in later


def test_adapting(said, world, tmp_path):
    def adapt():
        davsn.adapt(world / "game", world / "drive.mp4", steps=1, out=tmp_path / "new")

    assert f"Stopped before a checkpoint was saved in {tmp_path / 'new'}." in said(
        "davsn.api.adapting.read_ahead", adapt
    )


def test_scoring_checkpoints(said, run, tmp_path):
    function, file = "davsn.api.evaluation.score_checkpoints", tmp_path / "scores.json"
    score = lambda: davsn.evaluate_checkpoints(run.folder, out=file)  # noqa: E731 - one call
    assert said(function, score) == "Stopped before a checkpoint was scored."
    file.write_text("{}")
    expected = f"Stopped; what is scored so far is in {file}. The same command scores the rest."
    assert said(function, score) == expected


def test_a_sweep(said, world, tmp_path):
    sweep = lambda: davsn.sweep(world / "tiny.yaml", seeds=2, out=tmp_path)  # noqa: E731 - one call
    printed = said("davsn.api.sweeping.run_all", sweep)
    expected = (
        f"Stopped; 0 of 2 runs are finished in {tmp_path}, and the others have saved their state. The same command"
    )
    assert expected in printed


def test_flow(said, world, tmp_path):
    compute = lambda: davsn.compute_flow(world / "camera", out=tmp_path / "flow")  # noqa: E731 - one call
    printed = said("davsn.api.flow.fill", compute)
    assert (
        f"Stopped; what is estimated so far is kept: {tmp_path / 'flow'}. The same command resumes the work" in printed
    )


def test_converting_flow(said, tmp_path):
    for number in range(3):
        write_flow(tmp_path / "old" / f"{number}_int16_x10.npy", np.zeros((2, 4, 4), np.float32))

    def two(self):
        yield 1
        yield 2
        raise KeyboardInterrupt

    convert = lambda: davsn.convert_flow(tmp_path / "old", tmp_path / "new", to="flo")  # noqa: E731
    printed = said((Conversion, "run", two), convert)
    assert f"Stopped; 2 of 3 files are done, in {tmp_path / 'new'}. The same command resumes the work." in printed


def test_drawing(said, tmp_path):
    printed = said("davsn.api.streets.write", lambda: davsn.write_streets(tmp_path / "game", {"clips": 1}))
    assert printed == f"Stopped; {tmp_path / 'game'} is not whole. Delete it, and give the command again."


def test_the_same_signal_stops_at_once_but_not_another_one():
    with Stop() as stop:
        assert not stop.wished
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wished
        os.kill(os.getpid(), signal.SIGTERM)  # a sweep that gets Ctrl-C too ends its runs so
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
