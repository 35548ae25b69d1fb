"""A run: what a recipe may say, the run's folder, and its network used again."""

import json
import re
import shutil
from importlib.resources import files
from itertools import islice

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from davsn.core.errors import CheckpointError, ConfigError, DataError
from davsn.core.plugins import available, choose
from davsn.core.settings import read_yaml, validate
from davsn.data.export.writing import write
from davsn.data.sets.streets import Streets
from davsn.experiment.building import device_of
from davsn.experiment.experiment import Experiment, dump, load
from davsn.experiment.run import Run
from davsn.experiment.trained import open_trained, scored_frames
from davsn.flow.estimator import FlowEstimator
from davsn.learning.method import Method
from davsn.training import checkpoint

MINE = """
from davsn.methods.source_only import SourceOnly as Base
from davsn.learning.method import Method, Term
from davsn.core.clip import ClipSpec
from davsn.core.settings import Settings

class Mine(Method):
    class Config(Settings):
        pull: float = 2.0

    paper = "mine"
    source = ClipSpec(frames=(0, -1), flows=((0, -1),), labels=True)
    target = None
    faithful = {}

    def __init__(self, config, segmenter):
        self.config, self.segmenter = config, segmenter
        self.parts = {"segmenter": segmenter}

    def terms(self, source, target, step):
        prediction = self.segmenter(source.current, source.previous, source.flow)
        yield Term("pull", prediction.fused.main.square().mean(), weight=self.config.pull)
"""


@pytest.fixture(scope="module", name="world")
def _world(tmp_path_factory):
    """Two labelled folders, game and camera."""
    root = tmp_path_factory.mktemp("world")
    for domain in ("game", "camera"):
        write(Streets(Streets.Config(size=(64, 32), clips=1, length=4, domain=domain)), root / domain)
    return root


def recipe(world, **changes):
    values = {
        "name": "tiny",
        "source": {"name": "folder", "root": str(world / "game")},
        "target": {"name": "folder", "root": str(world / "camera"), "labels": None},
        "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
        "method": "source_only",
        "training": {"steps": 2, "batch_size": 1, "save_every": 1, "workers": 0, "device": "cpu"},
    }
    return {**values, **changes}


def mistakes(world, *assignments, **changes):
    with pytest.raises(ConfigError) as error:
        load(recipe(world, **changes), list(assignments), where="recipe.yaml")
    assert error.value.where == "recipe.yaml"
    return error.value.mistakes


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"method": {"name": "da_vsn", "consistency": 1}},
            "method.consistency  unknown key. Did you mean 'consistency_weight'? (known: main_weight, ",
        ),
        ({"method": "davsn"}, "method  there is no Method 'davsn'. Did you mean 'da_vsn'? (there are: advent, "),
        ({"network": "deeplap"}, "network  there is no ImageNetwork 'deeplap'. Did you mean 'deeplab'?"),
        ({"source": "streetz"}, "source  there is no VideoDataset 'streetz'. Did you mean 'streets'?"),
        ({"source": {"name": "streets", "flow": "diss"}}, "source.flow  there is no FlowEstimator 'diss'. Did you"),
        ({"network": {"name": "light", "encoder": "resnet81"}}, "network.encoder  timm has no encoder 'resnet81'. Did"),
        ({"method": {"main_weight": 1}}, "method  needs a 'name' that says which Method to use"),
        ({"method": 3}, "method  should be the name of a Method, or a name with settings, but got 3"),
        ({"source": {"name": "folder"}}, "source.root  is missing"),
        (
            {"source": {"name": "folder", "root": "data/Viper"}},
            "source.root  'data/Viper' does not exist. Expected: the folder that holds the folders of frames",
        ),
        ({"target": {"name": "video", "paths": ["drive.mp4"]}}, "target.paths  'drive.mp4' does not exist. Expected:"),
        ({"network": {"name": "deeplab", "weights": "r.pth"}}, "network.weights  'r.pth' does not exist. Expected:"),
        (
            {"start": "runs/none.pt"},
            "start  'runs/none.pt' does not exist. Expected: a checkpoint whose segmentation network",
        ),
        (
            {"method": "da_vsn", "target": None},
            "method  da_vsn adapts to a target, but there is none. Set 'target', or use source_only",
        ),
        (
            {"method": "da_vsn", "video": {"propagation": "none"}},
            "method  da_vsn compares frames, but video.propagation none makes a single-frame network. Set it to warp",
        ),
        (
            {"method": "batch_norm"},
            "start  batch_norm adapts a network that is already trained. Name one: a run folder, a checkpoint or a ",
        ),
        (
            {"source": {"name": "streets", "style": {}}, "target": None},
            "target  source.style takes the style of target frames, but there is no target. Set 'target', or remove",
        ),
        (
            {"target": {"name": "streets", "style": {}}},
            "target  style gives source frames the target's style. Set it in 'source', and remove it here",
        ),
        (
            {"validation": {"one": "streets", "two": {"name": "streets", "style": {}}}},
            "validation  two: style changes training clips only. Set it in 'source', not here",
        ),
        ({"trainig": {}}, "trainig  unknown key. Did you mean 'training'?"),
        ({"training": {"steps": "many"}}, "training.steps  input should be a valid integer, but got 'many'"),
        ({"validation": {"../../a": "streets"}}, "validation."),
        ({"name": "../a"}, "name  string should match pattern"),
    ],
)
def test_a_mistake_names_its_key_and_the_way_out(world, changes, text):
    (mistake,) = mistakes(world, **changes)
    assert mistake.startswith(text)


def test_all_mistakes_of_all_kinds_come_at_once(world):
    found = mistakes(
        world,
        "training.stepz=1",
        "optimiser.learning_rate=-1",
        seed="x",
        mode="faithful",
        source={"name": "folder", "root": "nowhere", "flow": "diss", "classes": "no.yaml"},
        validation={"camera": {"name": "folder", "roots": "x"}},
        network="deeplap",
        method={"name": "da_vsn", "consistency": 1},
        target=None,
        start="none.pt",
    )
    keys = [mistake.split("  ")[0] for mistake in found]
    assert sorted(keys) == sorted(
        [
            "seed",
            "source.flow",
            "source.root",
            "source.classes",
            "validation.camera.root",
            "validation.camera.roots",
            "network",
            "method.consistency",
            "optimiser.learning_rate",
            "training.stepz",
            "start",
        ]
    )


@pytest.mark.parametrize("method", ["davsn", None, 3, {"main_weight": 1}, {"name": 3}])
def test_a_faithful_recipe_without_a_method_tells_all_the_same(world, method):
    found = mistakes(world, mode="faithful", method=method, seed=-1, video=3)
    assert [mistake.split("  ")[0] for mistake in found] == ["seed", "video", "method"]


@pytest.mark.parametrize("name", available(Method))
def test_faithful_fills_in_what_the_recipe_does_not_state(world, name):
    preset = {
        key: value
        for key, value in available(Method)[name].faithful.items()
        if not key.startswith("target.")  # of files that this target has not: put there only where it has them
    }
    world = {"world": world, "start": world}
    plain = dump(load(recipe(**world, method=name, mode="faithful")))

    def value(settings, key):
        for part in key.split("."):
            settings = settings[part]
        return settings

    assert {key: value(plain, key) for key in preset} == dict(preset)
    changes = ["optimiser.repeats=once", "training.clip=3.0"]
    stated = dump(load(recipe(**world, method=name, mode="faithful"), changes))
    assert stated["optimiser"]["repeats"] == "once"
    assert stated["training"]["clip"] == 3.0
    others = set(preset) - {"optimiser.repeats", "training.clip"}
    assert {key: value(stated, key) for key in others} == {key: preset[key] for key in others}
    corrected = dump(load(recipe(**world, method=name)))
    assert value(corrected, "optimiser.repeats") == "once"


@pytest.mark.parametrize("mode", ["corrected", "faithful"])
def test_settings_written_down_give_the_same_settings(world, mode):
    experiment = load(
        recipe(world, method="da_vsn", mode=mode, validation={"camera": {"name": "folder", "root": world / "camera"}}),
        ["method.spatial=0.25", "source.size=[48, 32]"],
    )
    assert experiment.method.settings.spatial == 0.25
    written = yaml.safe_load(yaml.safe_dump(dump(experiment)))
    again = load(written)
    assert again == experiment
    assert dump(again) == dump(experiment)
    assert load(json.loads(json.dumps(dump(experiment)))) == experiment


def test_a_recipe_in_a_file(world, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(recipe(world)))
    assert load(path, ["seed=3"]).seed == 3
    with pytest.raises(ConfigError, match=rf"^{re.escape(str(path))} has a mistake:\n  sed  unknown key"):
        load(path, ["sed=3"])


def test_a_part_may_be_given_whole(world):
    part = choose(FlowEstimator, "zero")
    assert choose(FlowEstimator, part) is part


def test_a_run_of_a_users_own_method(world, tmp_path):
    own = tmp_path / "pulling.py"
    own.write_text(MINE)
    experiment = load(recipe(world, method={"name": str(own), "pull": 3.0}))
    run = Run(experiment, tmp_path / "run")
    assert run.train()
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 1]
    assert lines[0]["loss/pull"] > 0
    assert open_trained(tmp_path / "run").step == 2


def test_a_checkpoint_runs_no_code_without_leave(world, tmp_path):
    own, ran = tmp_path / "own_network.py", tmp_path / "ran"
    own.write_text(
        "from pathlib import Path\n\n"
        "from davsn.networks.image.light import Light\n\n"
        f"Path({str(ran)!r}).touch()\n\n\n"
        "class Own(Light):\n    pass\n"
    )
    network = {**recipe(world)["network"], "name": str(own)}
    assert Run(load(recipe(world, network=network)), tmp_path / "run").train()
    ran.unlink()
    with pytest.raises(CheckpointError, match=r"needs code that is no part of davsn: .*own_network\.py.*--own-code"):
        open_trained(tmp_path / "run")
    assert not ran.exists()
    assert open_trained(tmp_path / "run", own_code=True).step == 2


@pytest.mark.slow
def test_a_users_own_data_set_reaches_the_loaders_processes(world, tmp_path):
    own = tmp_path / "darker.py"
    own.write_text(
        "from davsn.data.sets.folder import Folder\n\n\n"
        "class Darker(Folder):\n"
        "    def read_frame(self, clip, position):\n"
        "        return super().read_frame(clip, position) // 2\n"
    )
    source = {"name": str(own), "root": str(world / "game")}
    run = Run(load(recipe(world, source=source), ["training.workers=1"]), tmp_path / "run")
    batch, _ = next(run.batches(0))
    assert 0 < batch.current.max() < 0.51


@pytest.mark.parametrize("file", sorted(files("davsn.recipes").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_recipe_of_ours_is_valid_and_says_what_it_is(file):
    experiment = validate(Experiment, read_yaml(file), file.name, paths=False)
    assert experiment.name == file.stem
    head = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    for what in ("Data needed", "Command       davsn ", "Paper's", "Ours"):
        assert any(line.startswith(f"# {what}") for line in head), what


def test_a_run_goes_on_in_its_folder_and_refuses_other_settings(world, tmp_path):
    folder = tmp_path / "run"
    assert Run(load(recipe(world)), folder).train()
    assert yaml.safe_load((folder / "settings.yaml").read_text()) == dump(load(recipe(world)))
    assert Run(load(recipe(world)), folder).steps_saved() == 2
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.rglob("*"))
    with pytest.raises(ConfigError) as error:
        Run(load(recipe(world), ["seed=1", "method.aux_weight=0.5"]), folder)
    assert str(folder) in error.value.where
    assert "choose another --out, or delete it" in error.value.where
    assert error.value.mistakes == ("method.aux_weight  is 0.1 there and 0.5 here", "seed  is 0 there and 1 here")
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before
    cache = ["source.cached=true", f"source.cache_folder={folder / 'cache'}", "source.cache_limit=1"]
    assert Run(load(recipe(world), cache), folder).steps_saved() == 2  # it changes no number


def test_a_run_that_could_not_start_leaves_its_folder_free(world, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no frames"):
        Run(load(recipe(world), [f"source.root={tmp_path / 'empty'}"]), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    small = load(recipe(world, method="da_vsn"), ["source.size=[64, 16]", "target.size=[64, 16]"])
    with pytest.raises(ConfigError, match="too small for a discriminator"):
        Run(small, tmp_path / "run").train()
    assert Run(load(recipe(world)), tmp_path / "run").train()  # nothing was saved that other settings could spoil


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("target.crop=[640, 640]", "Make target.crop smaller or target.size larger"),
        ("source.crop=[640, 640]", "Make source.crop smaller or source.size larger"),
        ("target.stride=50", "Single frames need target.missing: repeat"),
    ],
)
def test_a_message_of_a_part_says_the_full_key(world, tmp_path, change, text):
    with pytest.raises(DataError, match=text):
        Run(load(recipe(world, method="da_vsn"), [change]), tmp_path / "run").train()


def test_a_source_without_labels_cannot_be_learned_from(world, tmp_path):
    with pytest.raises(DataError, match="the source folder has no labels to learn from"):
        Run(load(recipe(world), ["source.labels=null", "source.classes=null"]), tmp_path)


def test_a_validation_set_that_cannot_be_scored_is_found_before_training(world, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(world / "camera", other)
    (other / "classes.yaml").write_text(
        "classes: [{name: cat, color: [0, 0, 0]}, {name: dog, color: [1, 1, 1]}]", encoding="utf-8"
    )
    for label in (other / "labels").rglob("*.png"):
        Image.fromarray(np.zeros((32, 64), np.uint8)).save(label)
    validation = {"other": {"name": "folder", "root": str(other)}}
    with pytest.raises(DataError, match="folder has the classes cat, dog, but the network is trained on road, "):
        Run(load(recipe(world, validation=validation)), tmp_path / "run")
    unlabelled = {"other": {"name": "folder", "root": str(world / "camera"), "labels": None, "classes": None}}
    with pytest.raises(DataError, match="has no labels, so nothing can be scored"):
        Run(load(recipe(world, validation=unlabelled)), tmp_path / "run")


def test_target_training_never_sees_labels(world, tmp_path):
    values = recipe(world, method="da_vsn", target={"name": "folder", "root": str(world / "camera")})
    run = Run(load(values), tmp_path / "run")
    assert run.target.dataset.taxonomy is None
    source, target = next(run.batches(0))
    assert source.labels is not None
    assert target.labels is None


def test_batches_of_both_domains_depend_on_the_step_alone(world, tmp_path):
    run = Run(load(recipe(world, method="da_vsn")), tmp_path / "run")
    batches = run.batches(0)
    third = [next(batches) for _ in range(3)][2]
    again = next(run.batches(2))
    for one, other in zip(third, again, strict=True):
        assert one.names == other.names
        assert torch.equal(one.current, other.current)


def test_the_source_takes_the_style_of_the_target_and_no_label_of_it(world, tmp_path):
    target = {"name": "folder", "root": str(tmp_path / "camera")}
    shutil.copytree(world / "camera", tmp_path / "camera")
    for path in (tmp_path / "camera").glob("labels/*/*.png"):
        path.write_text("whoever reads this fails")
    first = {}
    for share in (0.0, 1.0):
        run = Run(load(recipe(world, target=target), {"source.style.share": share}), tmp_path / str(share))
        (first[share], no_target), (second, _) = islice(run.batches(0), 2)
        assert no_target is None  # source_only reads no target
        assert torch.equal(next(run.batches(1))[0].current, second.current)
    assert torch.equal(first[0.0].labels, first[1.0].labels)
    assert not torch.equal(first[0.0].current, first[1.0].current)


def test_a_trained_network_is_used_without_its_data(world, tmp_path):
    place = tmp_path / "world"
    shutil.copytree(world, place)
    run = Run(load(recipe(place)), tmp_path / "run")
    run.train()
    shutil.rmtree(place)
    trained = open_trained(tmp_path / "run")
    assert trained.step == 2
    assert trained.size is None
    assert len(trained.taxonomy) == 15
    assert not trained.segmenter.training
    expected = run.trainer.segmenter.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in trained.segmenter.state_dict().items())
    newest = checkpoint.latest(tmp_path / "run" / "checkpoints")
    assert open_trained(newest).step == 2


def test_a_run_may_start_from_another_ones_network(world, tmp_path):
    first = Run(load(recipe(world)), tmp_path / "first")
    first.train()
    start = checkpoint.latest(tmp_path / "first" / "checkpoints")
    second = Run(load(recipe(world, method="da_vsn", start=start, seed=5)), tmp_path / "second")
    expected = first.trainer.segmenter.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in second.trainer.segmenter.state_dict().items())


def test_whose_statistics_a_network_predicts_by_is_a_setting_and_nothing_else_changes(world, tmp_path):
    values = recipe(world, method={"name": "da_vsn", "discriminator_width": 4})
    trained = {}
    for statistics in ("both", "target"):
        run = Run(load(values, [f"training.statistics={statistics}"]), tmp_path / statistics)
        assert run.train()
        trained[statistics] = run.trainer.segmenter.state_dict()
    same = {key for key, value in trained["both"].items() if torch.equal(value, trained["target"][key])}
    running = {key for key in trained["both"] if "running" in key}
    assert running
    assert trained["both"].keys() - same == running


def test_a_folder_without_a_checkpoint_says_so(tmp_path):
    with pytest.raises(CheckpointError, match=r"holds no checkpoint yet\. Give a checkpoint file, or a run"):
        open_trained(tmp_path)


def test_frames_without_labels_count_in_the_consistency_unless_left_out(world, tmp_path):
    place = tmp_path / "sparse"
    shutil.copytree(world / "camera", place)
    next(iter(sorted((place / "labels").rglob("*.png")))).unlink()
    Run(load(recipe(world)), tmp_path / "run").train()
    trained = open_trained(tmp_path / "run")
    part = load(recipe(world, source={"name": "folder", "root": str(place), "missing": "repeat"})).source
    assert len(scored_frames(trained, part)) == 4
    assert len(scored_frames(trained, part, labelled_only=True)) == 3


def test_devices_by_name():
    assert device_of("cpu") == torch.device("cpu")
    assert device_of("auto").type in ("cpu", "cuda", "mps")
    for name in ("gpu7", "meta", *(() if torch.cuda.is_available() else ("cuda",))):
        with pytest.raises(ConfigError, match=f"training.device  it has no '{name}'. Use cpu, or auto"):
            device_of(name)
