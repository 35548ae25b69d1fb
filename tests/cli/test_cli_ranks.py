"""Several processes share a command as torchrun starts them, and do together what one does alone."""

import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import toy
from davsn.scoring.scores import Scores
from davsn.training import checkpoint
from davsn.training.folder import RunFolder
from processes import Command, launch_environments, together
from tiny_data import write_labelled

NETWORK = f"""
import sys

from torch import nn

sys.path.append({str(Path(toy.__file__).parent)!r})

from toy import Tiny


class Sure(Tiny):
    '''Without dropout, whose draws differ between one process and two.'''

    def __init__(self, config=None, num_classes=3):
        super().__init__(config, num_classes)
        self.drop = nn.Identity()
"""
RECIPE = {
    "name": "shared",
    "source": {"name": "folder", "root": "game", "flow": "zero"},
    "target": {"name": "folder", "root": "camera", "labels": None, "flow": "zero"},
    "validation": {"camera": {"name": "folder", "root": "camera", "missing": "repeat"}},
    "network": "./sure.py",
    "method": "tps",
    "optimiser": {"learning_rate": 0.01, "horizon": 9},
    "training": {"steps": 2, "batch_size": 4, "save_every": 1, "log_every": 1, "workers": 0, "device": "cpu"},
}


@pytest.fixture(scope="module", name="place")
def _place(tmp_path_factory):
    place = tmp_path_factory.mktemp("shared")
    write_labelled(place / "game", {"a": 4, "b": 4})
    write_labelled(place / "camera", {"a": 3, "b": 5, "c": 2, "d": 4, "e": 3})
    (place / "sure.py").write_text(NETWORK)
    (place / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    return place


TRAIN = ["train", "recipe.yaml", "-o"]
COMMANDS = {
    "train": [*TRAIN, "two"],
    "eval": ["eval", "one", "--full", "--own-code", "--pictures", "two_pictures", "-o", "two.json"],
    "every": ["eval", "one", "--every", "--own-code", "-o", "two_every.json"],
    "predict": ["predict", "one", "camera/frames", "--own-code", "-o", "two_masks"],
    "flow": ["flow", "camera", "-o", "two_flow", "--estimator", "zero"],
    "mistake": [*TRAIN, "bad", "training.batch_size=3"],
    "option": ["train", "recipe.yaml", "--nonsense"],
    "alone": ["list", "methods"],
}


@pytest.fixture(scope="module", name="alone")
def _alone(place):
    """The run of one process, in ``one``."""
    finish(Command(place, *TRAIN, "one"))


@pytest.fixture(scope="module", name="by_two")
def _by_two(place, alone):
    """How each command ended in two processes."""
    return dict(zip(COMMANDS, together(place, 2, *COMMANDS.values()), strict=True))


def finish(command):
    code, printed = command.finish()
    assert code == 0, printed


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def assert_like(folder, other):
    """The newest checkpoints of two runs differ by rounding alone."""
    one, two = (toy.leaves(checkpoint.load(RunFolder(each).newest)) for each in (folder, other))
    assert one.keys() == two.keys()
    for key, value in two.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            torch.testing.assert_close(one[key], value, rtol=0, atol=1e-6, msg=lambda text, key=key: f"{key}: {text}")
        elif isinstance(value, float):
            assert one[key] == pytest.approx(value, abs=1e-4), key
        else:
            assert toy.same(one[key], value), key


def read(path):
    """A file of scores, without the times."""
    text = path.read_text()
    return [line for line in text.splitlines() if '"seconds"' not in line]


@pytest.mark.xdist_group("two commands")
class TestOfTwo:
    def test_the_run_folder_is_that_of_one(self, place, by_two):
        codes, printed = by_two["train"]
        assert codes == [0, 0], printed
        assert printed.count("Done: two") == printed.count("shared on camera") == 1
        two, one = place / "two", place / "one"
        assert files(two) == files(one)
        assert_like(two, one)
        for name in ("settings.yaml", "environment.json"):
            assert (two / name).read_bytes() == (one / name).read_bytes()
        for ours, alone in zip(*((each / "log.jsonl").read_text().splitlines() for each in (two, one)), strict=True):
            assert json.loads(ours) == pytest.approx(json.loads(alone), abs=1e-5)
        ours, alone = (Scores.load(each / "scores_camera.json") for each in (two, one))
        assert ours.frames == alone.frames == 17
        assert ours.miou == pytest.approx(alone.miou, abs=1)
        sheets = (np.asarray(Image.open(each / "predictions" / "step_0000002.jpg")).astype(int) for each in (two, one))
        assert np.abs(np.subtract(*sheets)).mean() < 1

    def test_scores_are_those_of_one_to_the_bit(self, place, by_two, davsn):
        assert by_two["eval"].code == [0, 0], by_two["eval"].printed
        command = [*COMMANDS["eval"][:-3], "one_pictures", "-o", "one.json"]
        assert davsn(place, *command).code == 0
        assert read(place / "two.json") == read(place / "one.json")
        two, one = (RunFolder.frames_of(place / name).read_bytes() for name in ("two.json", "one.json"))
        assert two == one
        pictures = files(place / "one_pictures")
        assert len(pictures) == 17
        assert pictures == files(place / "two_pictures")

    def test_checkpoints_are_scored_as_by_one(self, place, by_two, davsn):
        assert by_two["every"].code == [0, 0], by_two["every"].printed
        assert by_two["every"].printed.count("step 2 on camera") == 1
        assert davsn(place, *COMMANDS["every"][:-1], "one_every.json").code == 0
        assert read(place / "two_every.json") == read(place / "one_every.json")

    def test_recordings_are_predicted_as_by_one(self, place, by_two, davsn):
        assert by_two["predict"].code == [0, 0], by_two["predict"].printed
        assert "17 frames" in by_two["predict"].printed
        assert davsn(place, *COMMANDS["predict"][:-1], "one_masks").code == 0
        names = files(place / "one_masks")
        assert names == files(place / "two_masks")
        assert all(
            (place / "one_masks" / name).read_bytes() == (place / "two_masks" / name).read_bytes() for name in names
        )

    def test_flow_is_computed_once(self, place, by_two):
        codes, printed = by_two["flow"]
        assert codes == [0, 0], printed
        assert "12 flows estimated by zero" in printed
        assert len(files(place / "two_flow")) == 12

    def test_a_mistake_is_told_once(self, by_two):
        codes, printed = by_two["mistake"]
        assert codes == [2, 2]
        assert printed.count("3 samples cannot be divided among 2 processes") == 1
        codes, printed = by_two["option"]
        assert codes == [2, 2]
        assert printed.count("--nonsense") == 1

    def test_what_cannot_be_shared_is_done_by_the_first_alone(self, by_two):
        codes, printed = by_two["alone"]
        assert codes == [0, 0]
        assert printed.count("mean_teacher") == 1


def test_four_processes_and_one_resume_each_other(place, alone):
    """The second step of two: after one process, and after four."""
    first = {name: [*TRAIN, name, "training.steps=1"] for name in ("four", "single")}
    (done,) = together(place, 4, first["four"])
    assert done.code == [0] * 4, done.printed
    finish(Command(place, *first["single"]))
    finish(Command(place, *TRAIN, "four"))
    (done,) = together(place, 4, [*TRAIN, "single"])
    assert done.code == [0] * 4, done.printed
    for name in first:
        assert_like(place / name, place / "one")
        assert len((place / name / "log.jsonl").read_text().splitlines()) == 2


def started(place, folder, *changes):
    """Two processes that train without end; returns when they have saved."""
    command, before = ["train", "recipe.yaml", *changes, "-o", folder], steps(place / folder)
    processes = [Command(place, *command, environment=environment) for environment in launch_environments(2)]
    while steps(place / folder) == before:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.02)
    return processes


def steps(folder):
    return checkpoint.steps_of(RunFolder(folder).newest)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_the_other_which_says_so_and_the_run_goes_on(place, victim):
    folder, endless = f"killed{victim}", ["training.steps=100000", "training.keep=1"]
    processes = started(place, folder, *endless)
    processes[victim].send_signal(signal.SIGKILL)
    begin = time.monotonic()
    code, printed = processes[1 - victim].finish()
    assert time.monotonic() - begin < 30
    assert processes[victim].finish().code == -signal.SIGKILL
    told = "another process of this run has ended, perhaps killed because memory ran out. Run the same command again"
    assert (code, printed.count(told), printed.count("Traceback")) == (2, 1, 0)
    before = steps(place / folder)
    processes = started(place, folder, *endless)  # the same command
    processes[1].send_signal(signal.SIGTERM)
    ended = [process.finish() for process in processes]
    assert [each.code for each in ended] == [130, 130]
    said = "".join(each.printed for each in ended)
    assert said.count("Stopped; everything is saved in") == 1
    assert steps(place / folder) > before > 0
    assert len((place / folder / "log.jsonl").read_text().splitlines()) == steps(place / folder)


@pytest.mark.slow
def test_gpus_starts_that_many_processes(place, alone, process):
    """The whole way: PyTorch's launcher, two processes of their own, the scores."""
    code, out, err = process(place, *TRAIN, "launched", "--gpus", "2")
    assert (code, err) == (0, "")
    assert "Training with 2 processes on the CPU, through gloo" in out
    assert out.count("Done: launched") == out.count("shared on camera") == 1
    assert_like(place / "launched", place / "one")
