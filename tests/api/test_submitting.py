"""A run as a job of a cluster: what is submitted, what a task does, and how the job is queued again."""

import signal

import pytest

import davsn
from davsn.api.submitting import RankOfJob
from davsn.core.errors import ConfigError
from davsn.training.folder import RunFolder
from davsn.training.stopping import Stop
from tiny_data import write_labelled

pytest.importorskip("submitit")


@pytest.fixture(name="recipe")
def _recipe(tmp_path, monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "")  # what a task sets is gone after the test
        monkeypatch.delenv(name)
    return {
        "name": "job",
        "source": {"name": "folder", "root": str(write_labelled(tmp_path / "game", {"a": 2})), "flow": "zero"},
        "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
        "method": "source_only",
        "training": {"steps": 1, "batch_size": 2, "workers": 0, "device": "cpu"},
    }


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # submitit leaves its logs open
def test_a_job_trains(recipe, tmp_path):
    """submitit's 'debug' runs the task in this process."""
    submitted = davsn.submit(recipe, to="debug", out=tmp_path / "run")
    assert submitted.folder == tmp_path / "run"
    submitted.job.result()
    assert RunFolder(tmp_path / "run").newest.name == "step_0000001.pt"


def test_a_job_that_is_queued_again_makes_the_same_call(recipe, tmp_path):
    again = RankOfJob().checkpoint({"seed": 1}, "run", True)
    assert isinstance(again.function, RankOfJob)
    assert again.args == ({"seed": 1}, "run", True)


def test_the_signal_of_a_cluster_is_passed_on_when_everything_is_saved():
    order = []
    before = signal.signal(signal.SIGUSR2, lambda *_: order.append("queued again"))
    try:
        with Stop() as stop:
            signal.raise_signal(signal.SIGUSR2)
            assert stop.wished
            order.append("saved")
        with Stop():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert order == ["saved", "queued again"]


def test_mistakes_are_told_before_a_job_is_queued(recipe, tmp_path):
    for options, told in (
        ({"nodes": 0}, r"--nodes and --gpus-per-node should be at least 1"),
        ({"nodes": 2, "gpus_per_node": 2}, r"training\.batch_size  2 samples cannot be divided among 4 processes"),
        ({"options": ["sofa=1"]}, r"--submit.*sofa"),
        ({"options": ["timeout_min=long"]}, r"--submit.*timeout_min"),
        ({"nodes": 2, "to": "local"}, r"only one node"),
        ({"to": "slurm"}, r"slurm"),
    ):
        with pytest.raises(ConfigError, match=f"(?s){told}"):
            davsn.submit(recipe, **{"to": "debug", "out": tmp_path / "run", **options})
