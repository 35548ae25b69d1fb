"""A run as a job of a cluster: what is submitted, what a task does, and how the job is queued again."""

import os
import signal

import pytest

import davsn
from davsn.core.errors import ConfigError
from davsn.training.folder import RunFolder
from davsn.training.loop import Trainer
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


@pytest.fixture(name="slurm")
def _slurm(tmp_path, monkeypatch):
    """Commands with the names of SLURM's: they accept a job, and write down what they are asked for."""
    commands, asked = tmp_path / "bin", tmp_path / "asked.txt"
    commands.mkdir()
    for name, answer in (("srun", ""), ("sbatch", "Submitted batch job 12"), ("scontrol", "")):
        (commands / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{asked}"\necho "{answer}"\n')
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    return asked


def test_one_job_with_a_task_for_each_gpu_that_may_be_queued_again(recipe, tmp_path, slurm):
    options = ["timeout_min=90", "slurm_partition=gpu", "cpus_per_task=8"]
    recipe["training"]["batch_size"] = 8
    submitted = davsn.submit(recipe, nodes=2, gpus_per_node=4, options=options, out=tmp_path / "run")
    assert submitted.job.job_id == "12"
    lines = submitted.job.paths.submission_file.read_text().splitlines()
    wanted = ["job-name=job", "nodes=2", "gpus-per-node=4", "ntasks-per-node=4", "cpus-per-task=8", "partition=gpu"]
    for flag in (*wanted, "time=90", "signal=USR2@90", "requeue", "open-mode=append"):
        assert f"#SBATCH --{flag}" in lines
    assert not any("--array" in line for line in lines)
    (command,) = (line for line in lines if line.startswith("srun "))
    assert " --kill-on-bad-exit=1 " in command
    assert [line.split()[0] for line in slurm.read_text().splitlines()] == ["sbatch"]


def test_a_preempted_job_is_queued_again_and_resumes_at_its_step(recipe, tmp_path, slurm, monkeypatch):
    """The job's task is run by submitit's own code, in this process, once before the preemption and once after it."""
    from submitit.core.submission import process_job

    recipe["training"] |= {"steps": 4, "save_every": 10}
    folder = RunFolder(tmp_path / "run")
    submitted = davsn.submit(recipe, out=folder.path, score=False)
    assert "#SBATCH --time=1440" in submitted.job.paths.submission_file.read_text().splitlines()
    for name, value in {"SUBMITIT_EXECUTOR": "slurm", "SLURM_JOB_ID": "12", "SUBMITIT_FOLDER": ""}.items():
        monkeypatch.setenv(name, value)
    true, taken = Trainer.step, []

    def step(trainer, *pair):
        taken.append(trainer.done)
        if taken == [0, 1]:
            signal.raise_signal(signal.SIGUSR2)  # as SLURM does before it takes the machine away
        return true(trainer, *pair)

    monkeypatch.setattr(Trainer, "step", step)
    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGCONT, signal.SIGUSR2)}
    try:
        with pytest.raises(SystemExit):
            process_job(submitted.logs)
        assert taken == [0, 1]
        assert slurm.read_text().splitlines()[-1] == "scontrol requeue 12"
        assert folder.newest.name == "step_0000002.pt"
        process_job(submitted.logs)
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
    assert taken == [0, 1, 2, 3]
    assert folder.newest.name == "step_0000004.pt"
    assert submitted.job.paths.result_pickle.is_file()


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
