"""A run loses nothing: to one damaged frame, to memory that runs out, to a score that fails; and it goes on longer."""

import logging

import pytest
import torch
import yaml
from PIL import Image

import davsn
from davsn.core.errors import ConfigError, DataError
from davsn.core.memory import MemoryShortError
from davsn.data.legend import legend
from davsn.doctor.data import Finding
from davsn.experiment import pictures, run
from davsn.training import checkpoint
from davsn.training.folder import RunFolder
from davsn.training.loop import Trainer
from tiny_data import cut, write_labelled

TARGET = {"labels": None, "missing": "repeat", "flow": "zero"}


@pytest.fixture(name="recipe")
def _recipe(tmp_path):
    target = write_labelled(tmp_path / "camera", {"a": 4})
    cut(target / "frames" / "a" / "f_10.png", 0.5)
    return {
        "name": "hard",
        "source": {"name": "streets", "size": [64, 32], "clips": 1, "length": 3, "flow": "zero"},
        "target": {"name": "folder", "root": str(target), **TARGET},
        "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
        "method": "source_only",
        "training": {"steps": 3, "batch_size": 2, "save_every": 2, "log_every": 1, "workers": 0, "device": "cpu"},
    }


def state(folder):
    return checkpoint.load(RunFolder(folder).newest)


def test_one_damaged_frame_ends_no_run_that_may_skip_it(recipe, tmp_path):
    """It was read by the label-free score alone, without the policy, before the first checkpoint."""
    changes = {"target.bad_files": "skip", "method": "tps"}
    done = davsn.train(recipe, changes, out=tmp_path / "run", quiet=True)
    assert done.finished
    assert set(state(done.folder)["criteria"]) == {"information", "invariance", "neighbourhood"}


def test_without_the_policy_the_error_names_it_and_a_later_start_with_it_goes_on(recipe, tmp_path):
    with pytest.raises(DataError, match=r"f_10\.png: .*or set bad_files: skip for the target"):
        davsn.train(recipe, out=tmp_path / "run", quiet=True)  # source_only reads the target in the score alone
    assert state(tmp_path / "run")["step"] == 2
    assert davsn.train(recipe, {"target.bad_files": "skip"}, out=tmp_path / "run", quiet=True).finished
    whole = davsn.train(recipe, {"target.bad_files": "skip"}, out=tmp_path / "whole", quiet=True)
    one, two = (state(folder)["parts"]["segmenter"] for folder in (tmp_path / "run", whole.folder))
    assert all(torch.equal(value, two[key]) for key, value in one.items())
    assert (tmp_path / "run" / "log.jsonl").read_bytes() == (whole.folder / "log.jsonl").read_bytes()


def test_every_save_shows_predictions_and_their_failure_ends_nothing(recipe, tmp_path, monkeypatch, caplog):
    changes = {"target.bad_files": "skip", "training.steps": 2}
    done = davsn.train(recipe, changes, out=tmp_path / "run", quiet=True)
    (sheet,) = (done.folder / "predictions").iterdir()
    assert sheet.name == "step_0000002.jpg"
    with Image.open(sheet) as image:
        # Two samples can be read: 40x24, each beside its prediction, above the legend.
        assert image.size == (80, 48 + len(legend(done.model().trained.taxonomy, 80)))

    def fails(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pictures, "overlay", fails)
    with caplog.at_level(logging.WARNING):
        assert davsn.train(recipe, changes, out=tmp_path / "other", quiet=True).finished
    assert "no predictions are shown in" in caplog.text
    assert "No space left on device" in caplog.text


def test_a_finished_run_goes_on_longer_from_its_folder_alone(recipe, tmp_path, monkeypatch):
    place = tmp_path / "run"
    changes = {"target.bad_files": "skip", "optimiser.horizon": 9}
    davsn.train(recipe, changes, out=place, quiet=True)
    eased = {"training.save_every": 1, "training.log_every": 2, "training.keep": 5}
    longer = davsn.train(place, {"training.steps": 5, **eased}, quiet=True)
    assert (longer.folder, longer.finished) == (place, True)
    whole = davsn.train(recipe, {**changes, "training.steps": 5}, out=tmp_path / "whole", quiet=True)
    one, two = (state(folder) for folder in (place, whole.folder))
    assert one["step"] == two["step"] == 5
    assert all(torch.equal(value, two["parts"]["segmenter"][key]) for key, value in one["parts"]["segmenter"].items())
    assert (place / "log.jsonl").read_bytes() == (whole.folder / "log.jsonl").read_bytes()
    assert yaml.safe_load((place / "settings.yaml").read_text())["training"]["steps"] == 5
    assert davsn.train(str(place), quiet=True).finished  # nothing is left to do
    monkeypatch.setattr(
        "davsn.api.checking.examine", lambda experiment, folder, *_: [experiment.training.steps, folder]
    )
    assert davsn.check(place, quiet=True) == [5, place]
    with pytest.raises(ConfigError, match=r"training\.steps  is 4, but 5 are done\. Set it to at least that"):
        davsn.train(place, {"training.steps": 4}, quiet=True)
    with pytest.raises(ConfigError, match=r"seed  is 0 there and 1 here"):
        davsn.train(place, {"seed": 1}, quiet=True)


def test_a_longer_run_says_that_its_learning_rate_was_another(recipe, tmp_path, capsys):
    davsn.train(recipe, {"training.steps": 1, "target": None}, out=tmp_path / "run", quiet=True)
    davsn.train(tmp_path / "run", {"training.steps": 2})
    assert "The run goes on to step 2; it was begun for 1. The learning rate now falls" in capsys.readouterr().out


def test_memory_that_runs_out_names_the_settings_and_keeps_the_checkpoint(recipe, tmp_path, monkeypatch):
    step = Trainer.step

    def short(self, source, target):
        if self.done == 2:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried")
        return step(self, source, target)

    monkeypatch.setattr(Trainer, "step", short)
    monkeypatch.setattr(run, "bf16_helps", lambda experiment: False)
    changes = {"target.bad_files": "skip"}
    with pytest.raises(MemoryShortError, match=r"Set training\.batch_size=1, a smaller 'size' or 'crop'.*are kept"):
        davsn.train(recipe, changes, out=tmp_path / "run", quiet=True)
    monkeypatch.undo()
    assert state(tmp_path / "run")["step"] == 2
    assert davsn.train(recipe, changes, out=tmp_path / "run", quiet=True).finished


def test_a_run_warns_before_its_first_step_as_check_does(recipe, tmp_path, monkeypatch, capsys):
    found = Finding("", "the tensors of a step take 9 GB, and there are 8 GB", "Make it smaller", "fatal", "memory")
    monkeypatch.setattr("davsn.api.training.short_resources", lambda experiment, folder: [found])
    changes = {"target": None, "training.steps": 1}
    davsn.train(recipe, changes, out=tmp_path / "run")
    warned = "Warning: the tensors of a step take 9 GB, and there are 8 GB. Make it smaller"
    assert warned in capsys.readouterr().out
    davsn.train(recipe, changes, out=tmp_path / "run")
    assert warned not in capsys.readouterr().out  # it has run before


def test_a_folder_that_cannot_be_written_to_is_told_in_words(tmp_path):
    (tmp_path / "file").touch()
    told = pytest.raises(DataError, match=r"file.run: cannot be written to \(.*\)\. Choose another --out")
    with told, run.alone(tmp_path / "file" / "run"):
        raise AssertionError("never begun")
