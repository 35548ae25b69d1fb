"""What would stop a run is found before it starts, all of it at once, and nothing is started."""

import re
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from davsn.doctor import examination, memory
from davsn.doctor.data import Finding
from davsn.doctor.examination import examine
from davsn.doctor.rehearsal import Rehearsal
from davsn.experiment import preparation
from davsn.experiment.building import build_segmenter
from davsn.experiment.experiment import load
from davsn.experiment.run import Run
from davsn.networks import initial_weights
from davsn.networks.weights import save_weights
from tiny_data import CLASSES, cut, write_labelled

NETWORK = {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None}


@pytest.fixture(name="place")
def _place(tmp_path):
    for name in ("game", "camera"):
        write_labelled(tmp_path / name, {"a": 4, "b": 4})
    return tmp_path


@pytest.fixture(name="look")
def _look(place):
    def look(*changes, folder=None):
        return examine(experiment(place, *changes), folder or place / "run")

    return look


def experiment(place, *changes):
    recipe = {
        "source": {"name": "folder", "root": str(place / "game"), "size": [64, 48], "flow": "zero"},
        "target": {"name": "folder", "root": str(place / "camera"), "size": [64, 48], "flow": "zero"},
        "validation": {"camera": {"name": "folder", "root": str(place / "camera"), "missing": "repeat"}},
        "network": NETWORK,
        "method": {"name": "da_vsn", "discriminator_width": 4},
        "training": {"steps": 3, "workers": 0, "device": "cpu"},
    }
    return load(recipe, list(changes))


def fatal(found):
    return [finding for finding in found if finding.severity == "fatal"]


def of(found, part):
    return [finding for finding in found if finding.key == part]


def test_a_healthy_run_is_let_go_and_nothing_is_started(place, look, monkeypatch):
    monkeypatch.setattr(Run, "train", None)
    before = sorted(place.rglob("*"))
    found = look()
    assert fatal(found) == []
    assert sorted(place.rglob("*")) == before
    assert {finding.key for finding in found} == {"source", "target", "validation.camera", "memory", "disk"}
    (memory,) = of(found, "memory")
    assert memory.severity == "note"
    assert memory.what.startswith("the tensors of a step take ")
    (disk,) = of(found, "disk")
    told = (
        r"checkpoints take [\d.]+ MB \(1 kept, the best and one being written, [\d.]+ MB each\), and [\d.]+ .B is free"
    )
    assert re.fullmatch(told, disk.what)
    assert disk.where == str(place / "run")


@pytest.mark.parametrize(("times", "told"), [(17.2, "17"), (1.6, "1.6"), (1.4, None), (0.5, None)])
@pytest.mark.usefixtures("unrehearsed")
def test_bf16_on_a_cpu_that_is_slow_at_it(look, monkeypatch, times, told):
    monkeypatch.setattr(preparation, "bf16_slowdown", lambda: times)
    what = f"bf16 is about {told} times slower than fp32 here: this CPU has no fast instructions for it"
    slow = Finding("", what, "Set training.precision=fp32", "warning", "training")
    assert of(look("training.precision=bf16"), "training") == ([slow] if told else [])


def test_no_time_is_taken_where_bf16_is_not_chosen_or_not_the_cpus(place, monkeypatch):
    monkeypatch.setattr(preparation, "bf16_slowdown", lambda: pytest.fail("measured"))
    assert preparation.slow_precision(experiment(place)) is None
    monkeypatch.setattr(preparation, "device_of", lambda name: torch.device("cuda"))
    assert preparation.slow_precision(experiment(place, "training.precision=bf16")) is None


def test_all_that_is_wrong_is_told_at_once(place, look):
    cut(place / "game" / "frames" / "a" / "f_9.png", 0.5)
    (place / "camera" / "classes.yaml").write_text(CLASSES.replace("person", "horse"))
    found = fatal(look("training.device=cuda9x", "target.size=[40,24]"))
    assert [finding.key for finding in found] == ["source", "validation.camera", "training", "training"]
    damaged, classes, device, small = found
    assert damaged.what.startswith("is a truncated or damaged image")
    assert classes.what == "has the classes road, sky, horse, but the source has road, sky, person"
    assert "it has no 'cuda9x'" in device.what
    assert small.what.startswith("the first step fails, with source 64x48 and target 40x24: ")
    assert "source.size, target.size  a frame or crop whose map has 40×24 is too small" in small.what
    assert "is too small for a discriminator; frames and crops need at least 32 pixels a side" in small.what


@pytest.mark.usefixtures("unrehearsed")
def test_the_targets_classes_matter_only_when_it_is_scored(place, look):
    (place / "camera" / "classes.yaml").write_text(CLASSES.replace("person", "horse"))
    found = [finding for finding in look("validation={}") if "has the classes" in finding.what]
    assert [(finding.key, finding.severity) for finding in found] == [("target", "warning")]


def test_a_data_set_that_cannot_be_made(place, look):
    shutil.rmtree(place / "camera" / "frames")
    found = look()
    assert [finding.key for finding in fatal(found)] == ["target", "validation.camera"]
    assert fatal(found)[0].what == "holds no frames"
    assert any("not rehearsed, because no batch could be loaded" in finding.what for finding in found)


def test_a_source_without_labels(look):
    found = look("source.labels=null")
    assert "labels are required, but the data set has none" in fatal(found)[0].what
    assert of(found, "network")[0].what == "not checked, because the source does not tell the number of classes"


def test_a_batch_that_cannot_be_made(look):
    found = fatal(look("source.crop=[99,99]"))
    assert {finding.key for finding in found} == {"source"}
    assert found[0].what == "a crop of 99x99 does not fit a frame of 64x48"


@pytest.mark.slow
def test_a_randomised_source_is_rehearsed(place, look):
    styled = ["source.style.share=1", "source.photometric.share=1", "source.crop=[64,48]", "source.scale=[1,2]"]
    for method in ("da_vsn", "source_only"):
        found = look(*styled, f"method={method}")
        assert fatal(found) == []
        assert of(found, "memory")  # known only after the rehearsal


def test_a_style_without_a_usable_target_is_the_targets_fault_alone(place, look):
    shutil.rmtree(place / "camera" / "frames")
    (place / "camera" / "frames").mkdir()
    found = look("source.style.share=1", "method=source_only", "validation={}")
    assert {finding.key for finding in fatal(found)} == {"target"}
    assert "the first step was not rehearsed" in of(found, "training")[0].what


def test_one_step_that_the_network_refuses(place, look):
    found = fatal(look("source.size=[16,16]", "method=source_only"))
    (step,) = of(found, "training")
    assert "with source 16x16 and batch_size 1: ValueError: Expected more than 1 value per channel" in step.what
    assert "make source.size and target.size, or their crop, larger, or set training.batch_size=2" in step.remedy
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):  # as training does
        Run(experiment(place, "source.size=[16,16]", "method=source_only"), place / "run").train()


METHOD = """
from davsn.core.clip import ClipSpec
from davsn.learning.method import Method, Term
from davsn.core.settings import Settings


class Mine(Method):
    Config = Settings
    paper, source, target, faithful = "", ClipSpec(labels=True), None, {}

    def __init__(self, config, segmenter):
        self.parts = {"segmenter": segmenter}
        self.segmenter = segmenter

    def terms(self, source, target, step):
        LINE
        yield Term("loss", self.segmenter.image(source.current).main.mean())
"""


@pytest.mark.parametrize(
    ("line", "severity", "text"),
    [
        (
            "source.labels.view(7, 7)",
            "fatal",
            "batch_size 1: RuntimeError: shape '[7, 7]' is invalid for input of size",
        ),
        ("source.labels.max().item()", "note", "the first step could not be rehearsed (DataDependentOutputException)"),
    ],
)
def test_a_method_of_ones_own(place, look, line, severity, text):
    name = f"mine_{severity}.py"
    (place / name).write_text(METHOD.replace("LINE", line))
    (found,) = of(look(f"method={place / name}"), "training")
    assert found.severity == severity
    assert text in found.what


@pytest.mark.usefixtures("unrehearsed")
def test_weights_that_do_not_fit(place, look):
    made = experiment(place)
    save_weights(build_segmenter(made, 5), place / "five.safetensors")
    (found,) = fatal(look(f"start={place / 'five.safetensors'}"))
    assert (found.key, found.remedy[:38]) == ("network", "Give weights of this network and these")
    assert "fusion.weight 5×10×1×1 where the network has 3×6×1×1" in found.what
    safetensors.torch.save_file({"other": torch.zeros(1)}, place / "other.safetensors")
    (found,) = fatal(look(f"network.weights={place / 'other.safetensors'}"))
    assert "other.safetensors does not fit the network:\n  missing: " in found.what
    (place / "start.pt").write_bytes(b"no checkpoint")
    assert "cannot be read as a checkpoint" in fatal(look(f"start={place / 'start.pt'}"))[0].what
    save_weights(build_segmenter(made, 3), place / "three.safetensors")
    assert fatal(look(f"start={place / 'three.safetensors'}")) == []


@pytest.mark.parametrize("weights", ["hub", "auto", "random"])
@pytest.mark.usefixtures("unrehearsed")
def test_nothing_is_fetched(look, monkeypatch, weights, caplog):
    monkeypatch.setattr(initial_weights, "_from_hub", None)
    found = look(f"network.weights={weights}")
    assert fatal(found) == []
    told = [finding.what for finding in of(found, "network")]
    assert told == (["its weights are downloaded when training starts"] if weights == "hub" else [])
    assert caplog.text == ""


@pytest.mark.usefixtures("unrehearsed")
def test_a_disk_that_is_full(look, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=10**6))
    (found,) = fatal(look())
    assert found.key == "disk"
    assert found.what.endswith("and 1.0 MB is free")
    assert found.remedy == "Free some space, choose another folder (--out), or set training.keep lower"


@pytest.mark.usefixtures("unrehearsed")
def test_the_checkpoints_that_are_there_are_not_needed_again(place, look, monkeypatch):
    Run(experiment(place), place / "run").train()
    saved = (place / "run" / "checkpoints" / "step_0000003.pt").stat().st_size
    monkeypatch.setattr(examination, "rehearse", lambda *_: Rehearsal(memory=10**6, checkpoint=saved))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=int(2.2 * saved)))
    assert fatal(look()) == []
    (found,) = fatal(look(folder=place / "new"))
    assert found.key == "disk"


@pytest.mark.parametrize(("there", "severity"), [(1, "fatal"), (None, "note"), (10**12, "note")])
@pytest.mark.usefixtures("unrehearsed")
def test_memory(look, monkeypatch, there, severity):
    monkeypatch.setattr(memory, "memory_of", lambda device: (there, "the GPU"))
    (found,) = of(look(), "memory")
    assert found.severity == severity
    assert bool(found.remedy) == (severity == "fatal")


@pytest.mark.usefixtures("unrehearsed")
def test_memory_that_may_not_do(look, monkeypatch):
    monkeypatch.setattr(memory, "memory_of", lambda device: (3 * 10**6, "the GPU"))  # 1.5 times what a step needs
    (found,) = of(look(), "memory")
    assert found.severity == "warning"
    assert found.remedy.startswith("Make training.batch_size, or source.size and target.size or their crop, smaller")


@pytest.mark.parametrize(
    ("precision", "fast", "named"), [("fp32", 0.5, True), ("fp32", 20, False), ("bf16", 0.5, False)]
)
def test_the_remedy_names_bf16_only_where_it_helps(place, monkeypatch, precision, fast, named):
    monkeypatch.setattr(memory, "memory_of", lambda device: (1000, "this machine"))
    monkeypatch.setattr(preparation, "bf16_slowdown", lambda: fast)
    found = memory.memory_finding(experiment(place, f"training.precision={precision}"), 2000)
    assert found.severity == "fatal"
    assert ("bf16," in found.remedy) == named


def test_the_limit_of_a_container_counts(tmp_path, monkeypatch):
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "limit").write_text("12345\n")
    whole, _ = memory.memory_of("cpu")
    monkeypatch.setattr(memory, "_LIMITS", (tmp_path / "max", tmp_path / "none", tmp_path / "limit"))
    assert memory.memory_of("cpu") == (12345, "this machine")
    assert whole > 12345


def test_short_resources_are_told_before_a_run_and_small_frames_are_not_rehearsed(place, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(examination, "rehearse", None)  # small frames: it is not called
        assert examination.short_resources(experiment(place), place / "run") == []
    monkeypatch.setattr(memory, "memory_of", lambda device: (10**6, "this machine"))
    (found,) = examination.short_resources(experiment(place), place / "run")
    assert (found.key, found.severity) == ("memory", "fatal")


@pytest.mark.usefixtures("unrehearsed")
def test_a_folder_with_another_run(place, look):
    Run(experiment(place, "training.steps=1", "seed=5"), place / "run").train()
    (found,) = fatal(look())
    assert found.key == "folder"
    assert "seed  is 5 there and 0 here" in found.what


@pytest.mark.usefixtures("unrehearsed")
def test_a_folder_that_is_a_file(place, look):
    (place / "taken").write_text("")
    found = fatal(look(folder=place / "taken" / "run"))
    expected = Finding(
        str(place / "taken"), "is not a folder that can be written to", "Choose another with --out", "fatal", "disk"
    )
    assert expected in found


@pytest.mark.usefixtures("unrehearsed")
def test_tensorboard_that_is_not_installed(look, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    (found,) = fatal(look("training.tensorboard=true"))
    assert (found.what, found.remedy[:11]) == ("TensorBoard is not installed", "pip install")


def test_a_bad_first_file_does_not_hide_the_rest(place, look):
    bad = place / "camera" / "frames" / "a"
    for path in list(bad.iterdir())[:3]:
        Image.fromarray(np.zeros((4, 4), np.uint16)).save(path)
    found = look("validation={}")
    assert {finding.what for finding in fatal(found)} == {"is an image of mode I;16, not of 8 bits a channel"}
    assert of(found, "memory")
