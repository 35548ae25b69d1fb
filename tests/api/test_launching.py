"""Processes on one machine: what the launcher says of their end. They are scripts that take a moment, not trainings."""

import os
import signal
import sys
import threading
import time

import pytest
import torch

import davsn
from davsn.api.launching import launch
from davsn.core.errors import ConfigError, ElsewhereError, RankError


@pytest.fixture(name="run")
def _run(tmp_path, capfd):
    """Runs a script in two processes; gives what they and the launcher printed."""

    def call(script):
        handler = signal.getsignal(signal.SIGTERM)
        program = f"import os, signal, sys, time; rank = int(os.environ['RANK']); {script}"
        try:
            launch([sys.executable, "-S", "-c", program], 2, tmp_path / "logs")
        finally:
            assert signal.getsignal(signal.SIGTERM) is handler
            printed = capfd.readouterr()
            (tmp_path / "printed").write_text(printed.out + printed.err)
        return printed

    return call


def printed(tmp_path):
    return (tmp_path / "printed").read_text()


SAY = "print(rank, os.environ['WORLD_SIZE'], os.environ['OMP_NUM_THREADS'], 'MASTER_ADDR' in os.environ, flush=True)"


def test_each_process_knows_its_place_and_its_share_of_the_cores(run, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("davsn.api.launching._cores", lambda: 6)
    out, err = run(SAY)
    assert (sorted(out.splitlines()), err) == (["0 2 3 True", "1 2 3 True"], "")
    assert "OMP_NUM_THREADS" not in os.environ
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert sorted(run(SAY).out.splitlines()) == ["0 2 5 True", "1 2 5 True"]


def test_an_error_that_a_process_has_told_is_not_told_again(run, tmp_path):
    with pytest.raises(ElsewhereError):
        run("rank and (print('why', file=sys.stderr), sys.exit(2)); time.sleep(60)")
    assert printed(tmp_path) == "why\n"


def test_a_process_that_is_killed_ends_all_with_a_sentence(run, tmp_path):
    told = (
        r"^Process 2 of 2 was ended by SIGKILL, perhaps because memory ran out\. "
        r"Run the same command again: it resumes from the newest checkpoint$"
    )
    begin = time.monotonic()
    with pytest.raises(RankError, match=told):
        run("rank and os.kill(os.getpid(), signal.SIGKILL); time.sleep(900)")
    assert time.monotonic() - begin < 600  # it was ended, however long a busy machine takes to start it
    dying = tmp_path / "dying"
    kill = f"rank and (open('{dying}', 'w').close(), os.kill(os.getpid(), signal.SIGKILL))"
    wait = f"[time.sleep(0.01) for _ in iter(lambda: os.path.exists('{dying}'), True)]; time.sleep(0.5)"
    with pytest.raises(RankError, match=told):  # also if another process has noticed before the launcher
        run(f"{kill}; {wait}; sys.exit(3)")
    assert printed(tmp_path) == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_all_processes_and_waits_until_they_have_saved(run, tmp_path, number):
    saves = f"lambda *_: (time.sleep(0.2), open('{tmp_path}/saved' + str(rank), 'w').close(), sys.exit(130))"
    script = f"[signal.signal(each, {saves}) for each in (2, 15)]; open('{tmp_path}/begun' + str(rank), 'w').close()"

    def stop():
        while len(list(tmp_path.glob("begun?"))) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    threading.Thread(target=stop).start()
    with pytest.raises(KeyboardInterrupt):
        run(f"{script}; time.sleep(60)")
    assert len(list(tmp_path.glob("saved?"))) == 2
    assert printed(tmp_path) == ""


def test_a_process_that_was_stopped_by_itself_counts_as_interrupted(run):
    with pytest.raises(KeyboardInterrupt):
        run("sys.exit(130)")


def test_mistakes_are_told_before_anything_starts(monkeypatch):
    recipe = {"source": "streets", "network": "light", "method": "source_only"}
    with pytest.raises(ConfigError, match=r"--gpus  should be at least 1"):
        davsn.train(recipe, gpus=0, quiet=True)
    monkeypatch.setattr("davsn.api.training.device_of", lambda name: torch.device("cuda"))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    with pytest.raises(ConfigError, match=r"--gpus  is 4, but this machine has 2 CUDA devices\. Set --gpus 2"):
        davsn.train(recipe, gpus=4, quiet=True)
