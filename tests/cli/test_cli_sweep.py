"""``davsn sweep``: every run once, whatever happens meanwhile."""

import json
import signal
import time

import pytest
import yaml

from davsn.experiment.resuming import alone
from davsn.sweeps import jobs
from davsn.training import checkpoint
from processes import CELLS, Command

FEW = ["training.steps=2", "training.save_every=1"]


@pytest.fixture(name="forked")
def _forked(monkeypatch):
    """Cells are forked from a process that has imported PyTorch; through submitit they start as a user's do."""
    monkeypatch.setattr(jobs, "subprocess", CELLS)


def test_mistakes(davsn, world):
    def told(*arguments):
        code, _, err = davsn(world, "sweep", "tiny.yaml", *arguments)
        assert code == 2
        return err

    assert "Did you mean 'source_only'?" in told("--methods", "source_onyl")
    assert "optimiser.learning_rate" in told("optimiser.learning_rate=0.1,-1")
    assert "validation  is empty" in told("validation={}")
    assert "must be at least 1" in told("--seeds", "0")
    assert "should read key=value" in told("nonsense")
    assert "add source_only" in told("--methods", "batch_norm")
    assert "Did you mean 'flicker'?" in told("--metrics", "flickr")


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_methods_and_seeds(davsn, world, tmp_path):
    command = ["sweep", "tiny.yaml", "--methods", "batch_norm,source_only", "--seeds", "2", *FEW, "-o", tmp_path]
    command += ["--metrics", "flicker"]
    code, out, err = davsn(world, *command, "--jobs", "2", "--threads", "1")
    assert code == 0, err
    assert "4 runs in" in out
    assert "mIoU on camera, mean ± standard deviation" in " ".join(out.split())
    content = json.loads((tmp_path / "sweep.json").read_text())["camera"]
    assert set(content) == {"source_only", "batch_norm"}
    for method, runs in content.items():
        assert set(runs) == {"0", "1"}
        for seed, run in runs.items():
            assert run["last"]["step"] == 2
            assert run["last"]["scores"]["metrics"]["flicker"]["values"]["static pixels"] > 0
            assert set(run) == {"last", "information", "invariance", "neighbourhood", "best"}
            assert all(run["best"]["scores"]["miou"] >= entry["scores"]["miou"] for entry in run.values())
            settings = yaml.safe_load((tmp_path / f"{method}-{seed}" / "settings.yaml").read_text())
            assert (settings["seed"], settings["method"]["name"]) == (int(seed), method)
    logs = {seed: (tmp_path / f"source_only-{seed}" / "log.jsonl").read_text() for seed in "01"}
    assert logs["0"] != logs["1"]

    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pt")}
    code, again, _ = davsn(world, *command)
    assert code == 0
    assert "4 of them done" in again
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pt")} == before
    assert again.split()[-40:] == out.split()[-40:]  # the same tables


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_a_run_that_fails_does_not_stop_the_others(davsn, world, tmp_path):
    (tmp_path / "da_vsn-0").mkdir()
    (tmp_path / "da_vsn-0" / "checkpoints").write_text("in the way")
    code, out, _ = davsn(world, "sweep", "tiny.yaml", "--seeds", "2", *FEW, "-o", tmp_path)
    assert code == 2
    assert "da_vsn-0: ended with code" in "".join(out).replace("\n", " ")
    assert set(json.loads((tmp_path / "sweep.json").read_text())["camera"]["da_vsn"]) == {"1"}


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_a_killed_sweep_goes_on(world, tmp_path, davsn):
    changes = ["training.steps=16", "training.save_every=4"]
    command = ["sweep", "tiny.yaml", "--methods", "source_only", "--seeds", "2", *changes, "-o", tmp_path]
    running = Command(world, *command)
    while not list(tmp_path.glob("source_only-0/checkpoints/step_*.pt")):
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    assert running.finish().code == -signal.SIGKILL
    code, _, err = davsn(world, *command)  # the orphan trains on, and is waited for
    assert code == 0, err
    straight = tmp_path / "straight"
    code, *_ = davsn(
        world, "train", "tiny.yaml", "method=source_only", *changes, "training.keep=100000", "seed=0", "-o", straight
    )
    assert code == 0
    assert (straight / "log.jsonl").read_bytes() == (tmp_path / "source_only-0" / "log.jsonl").read_bytes()
    assert checkpoint.steps_of(checkpoint.latest(tmp_path / "source_only-1" / "checkpoints")) == 16


@pytest.mark.slow
def test_interrupting_a_sweep_stops_and_saves_its_runs(world, tmp_path):
    running = Command(world, "sweep", "tiny.yaml", "--seeds", "1", "training.steps=100000", "-o", tmp_path)
    while not list(tmp_path.glob("da_vsn-0/checkpoints/step_*.pt")):
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    assert running.finish(within=120).code == 130
    with alone(tmp_path / "da_vsn-0"):  # nobody trains there any more
        assert "Stopped; everything is saved in" in (tmp_path / "da_vsn-0" / "output.txt").read_text()


@pytest.mark.slow
def test_through_submitit(davsn, world, tmp_path):
    pytest.importorskip("submitit")
    command = ["sweep", "tiny.yaml", "--seeds", "1", *FEW, "-o", tmp_path]
    code, _, err = davsn(world, *command, "--submit", "local", "--option", "timeout_min=5")
    assert code == 0, err
    assert list((tmp_path / "jobs").glob("*_submitted.pkl"))
    assert "da_vsn" in json.loads((tmp_path / "sweep.json").read_text())["camera"]


def test_submitit_mistakes(davsn, world, tmp_path):
    pytest.importorskip("submitit")
    code, _, err = davsn(world, "sweep", "tiny.yaml", "-o", tmp_path, "--submit", "local", "--option", "sofa=1")
    assert code == 2
    assert "--submit" in err
    assert "sofa" in err


def test_two_processes_never_train_in_one_folder(davsn, world, tmp_path):
    with alone(tmp_path):
        code, _, err = davsn(world, "train", "tiny.yaml", "-o", tmp_path)
    assert code == 2
    assert "another process is training there. Wait for it, or choose another --out" in err
