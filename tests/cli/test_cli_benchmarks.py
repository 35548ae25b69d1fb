"""streets in the published layouts → check → train → eval, with real files, labels and flow known exactly."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
import torch
import yaml

from davsn.core.clip import ClipSpec
from davsn.core.errors import FlowError
from davsn.data.export.files import published_ids
from davsn.data.labels.class_tables import train_ids
from davsn.data.samples import Samples
from davsn.data.sets.acdc import Acdc
from davsn.data.sets.bddvid import BddVid
from davsn.data.sets.camvid import CamVid
from davsn.data.sets.carla import Carla
from davsn.data.sets.cityscapes import Cityscapes
from davsn.data.sets.cityscapes_vps import CityscapesVps
from davsn.data.sets.gta5 import Gta5
from davsn.data.sets.kitti_step import KittiStep
from davsn.data.sets.shift import Shift
from davsn.data.sets.streets import Config, Streets
from davsn.data.sets.synthia import Synthia
from davsn.data.sets.viper import Viper
from davsn.data.sets.vkitti2 import Vkitti2
from davsn.experiment.building import build_segmenter
from davsn.experiment.trained import open_trained
from davsn.scoring.scores import Scores

SPEC = ClipSpec((0, -1), ((0, -1),), labels=True)
LENGTH = 11
WORLD = ["size=[64,32]", "clips=2", f"length={LENGTH}"]
FLOW = {
    "viper": "Estimated_optical_flow_Viper_train",
    "synthia": "Estimated_optical_flow_SynthiaSeq_train",
    "cityscapes": "Estimated_optical_flow_Cityscapes-Seq_train",
    "camvid": "Estimated_optical_flow_CamVid",
    "kitti-step": "Estimated_optical_flow_KITTI-STEP_train",
    "vkitti2": "",
    "carla": "Estimated_optical_flow",
    "shift": "Estimated_optical_flow_SHIFT_train",
    "acdc": "Estimated_optical_flow_ACDC_train",
    "bddvid": "Estimated_optical_flow_BDDVid_train",
    "cityscapes-vps": "Estimated_optical_flow_Cityscapes-VPS_train",
}
RAW = {"acdc": "cityscapes", "bddvid": "kitti_step", "cityscapes-vps": "kitti_step", "shift": "carla_0.9.10"} | {
    "carla": "carla_0.9.14"
}
"""The data set whose ids a layout has, if it has another name."""
OFTEN = range(1, LENGTH)


@pytest.fixture(scope="module", name="layouts")
def _layouts(tmp_path_factory):
    return tmp_path_factory.mktemp("layouts")


def written(davsn, place, layout, *changes):
    """A folder in a layout, written once; the settings that its reader needs."""
    name = "-".join([layout, *changes])
    if not (place / name).exists():
        code, out, err = davsn(place, "streets", name, "--layout", layout, *WORLD, *changes)
        assert (code, err) == (0, "")
        assert out.endswith(f" frames: {name}\n")
    flow = FLOW[layout].replace("train", "val" if "split=val" in changes else "train")
    return {"root": str(place / name), "flow": "stored", "flow_root": str(place / name / flow)}


class Seen(NamedTuple):
    """One moment of the world; flow to the moment before, with what is in sight, is None in the first."""

    frame: np.ndarray
    label: np.ndarray
    categories: np.ndarray
    flow: tuple | None


@cache
def seen(classes, clip, position):
    """What the world shows, drawn once for all layouts."""
    world = Streets(Config(size=(64, 32), clips=2, length=LENGTH, classes=classes))
    flow = world.read_flow(clip, position, position - 1) if position else None
    reads = (world.read_frame, world.read_label, world.read_categories)
    return Seen(*(read(clip, position) for read in reads), flow)


@pytest.mark.parametrize(
    ("part", "layout", "keys", "used"),
    [
        (Viper, "viper", {}, [9]),
        (Viper, "viper", {"every": 1}, range(1, LENGTH)),
        (Synthia, "synthia", {"full": (64, 152)}, range(1, LENGTH)),
        (Cityscapes, "cityscapes", {}, [LENGTH - 1]),
        (Cityscapes, "cityscapes", {"classes": "synthia"}, [LENGTH - 1]),
        (Cityscapes, "cityscapes", {"classes": "vkitti2"}, [LENGTH - 1]),
        (CamVid, "camvid", {"frames": "frames"}, [LENGTH - 1]),
        (CamVid, "camvid", {"frames": "frames", "classes": "synthia"}, [LENGTH - 1]),
        (KittiStep, "kitti-step", {}, OFTEN),
        (KittiStep, "kitti-step", {"classes": "synthia"}, OFTEN),
        (Vkitti2, "vkitti2", {}, OFTEN),
        (Vkitti2, "vkitti2", {"classes": "viper"}, OFTEN),
        (Carla, "carla", {"classes": "gta5"}, OFTEN),
        (Shift, "shift", {}, OFTEN),
        (Acdc, "acdc", {"classes": "gta5"}, [LENGTH - 1]),
        (BddVid, "bddvid", {}, [LENGTH - 1]),
        (CityscapesVps, "cityscapes-vps", {"classes": "gta5"}, [4, 9]),
    ],
)
def test_what_was_written_is_what_the_world_shows(davsn, layouts, part, layout, keys, used):
    values = written(davsn, layouts, layout)
    samples = Samples(part(part.Config(**values, **keys)), SPEC)
    classes = keys.get("classes", {"synthia": "synthia", "vkitti2": "vkitti2"}.get(layout, "viper"))
    raw = RAW.get(layout, layout.replace("-", "_"))
    assert [(clip, position) for clip, position in samples.places] == [(clip, at) for clip in (0, 1) for at in used]
    shown = np.array([[seen(classes, clip, at).frame for at in range(LENGTH)] for clip in (0, 1)], np.float32)
    for index, (clip, position) in enumerate(samples.places):
        sample = samples[index]
        for offset, frame in sample.frames.items():
            differences = np.abs(shown[clip] - frame).mean((1, 2, 3))
            assert np.argmin(differences) == position + offset
            assert layout in ("viper", "vkitti2", "shift", "bddvid") or differences.min() == 0  # these are JPEG
        there = seen(classes, clip, position)
        flow, in_sight = there.flow
        assert np.abs(sample.flows[0, -1] - flow)[known_in(sample, flow, in_sight)].max() <= 0.0501  # tenths
        label = train_ids(raw, classes)[published_ids(raw)[there.categories]]
        assert ((label == there.label) | (label == 255)).all()  # what a data set has no class of is ignored
        differs = sample.labels != label
        own_car = (label == 10) & (sample.labels == 255) if layout == "viper" else np.zeros_like(differs)
        assert not (differs & ~own_car).any()


def test_stills_are_written_without_neighbours_and_flow(davsn, layouts):
    code, _, err = davsn(layouts, "streets", "gta5", "--layout", "gta5", *WORLD)
    assert (code, err) == (0, "")
    samples = Samples(Gta5(Gta5.Config(root=layouts / "gta5", missing="repeat")), SPEC)
    world = Streets(Config(size=(64, 32), clips=2, length=LENGTH, classes="gta5"))
    assert len(samples.dataset.clips) == len(samples) == 2 * LENGTH
    for index in (0, LENGTH + 3):
        clip, position = divmod(index, LENGTH)
        assert np.array_equal(samples[index].frames[-1], world.read_frame(clip, position))
        assert np.array_equal(samples[index].labels, world.read_label(clip, position))
        assert not samples[index].flows[0, -1].any()
    assert {"wall", "train"} <= world.taxonomy.unscored
    assert not samples.dataset.taxonomy.unscored


def known_in(sample, flow, in_sight):
    """Where flow is stored: everywhere, or in Virtual KITTI 2 where it is in sight and no longer than the picture."""
    known = sample.valid.get((0, -1))
    if known is None:
        return np.ones(flow.shape[:2], bool)
    height, width = known.shape
    assert np.array_equal(known, in_sight & (np.abs(flow) <= [width - 1, height - 1]).all(-1))
    return known


def test_cityscapes_is_written_in_both_ways_of_numbering(davsn, layouts):
    values = written(davsn, layouts, "cityscapes", "clips=4", "length=3")
    names = [info.frames[info.chosen[0]] for info in Cityscapes(Cityscapes.Config(**values)).clips]
    assert names == [
        "streets_000000_000002",
        "streets_000002_000002",
        "townside_000000_000025",  # one counter for all that this car saw
        "townside_000000_000029",
    ]


def test_kitti_steps_flow_has_a_name_of_its_own(davsn, layouts, tmp_path):
    values = written(davsn, layouts, "kitti-step") | {"flow_root": tmp_path}
    with pytest.raises(
        FlowError, match=r"holds no 0000_000001_000000_int16_x10\.npy, the flow from frame 0000_000001 to"
    ):
        Samples(KittiStep(KittiStep.Config(**values)), SPEC)[0]


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "unscored"), [("camvid", {"terrain", "truck"}), ("kitti-step", set())])
def test_from_virtual_kitti_to_either_further_target(davsn, layouts, layout, unscored):
    name = layout.replace("-", "_")
    keys = {"name": name, "classes": "vkitti2", **({"frames": "frames"} if name == "camvid" else {})}
    target = keys | written(davsn, layouts, layout, "domain=camera", "seed=1")
    recipe = {
        "name": f"to_{name}",
        "source": {"name": "vkitti2", **written(davsn, layouts, "vkitti2")},
        "target": target,
        "validation": {"real": target},
        "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
        "method": {"name": "da_vsn", "discriminator_width": 4},
        "optimiser": {"name": "adamw"},
        "training": {"steps": 3, "batch_size": 1, "workers": 0, "device": "cpu"},
    }
    (layouts / f"{name}.yaml").write_text(yaml.safe_dump(recipe))
    code, out, _ = davsn(layouts, "check", f"{name}.yaml", "--all")
    assert code == 0, out
    code, out, err = davsn(layouts, "train", f"{name}.yaml", "-o", f"runs/{name}")
    assert code == 0, err
    scores = Scores.load(layouts / "runs" / name / "scores_real.json")
    assert len(scores.names) == 10
    assert scores.unscored == unscored
    assert [line.split()[1] for line in out.splitlines() if "(not in the mean)" in line] == sorted(unscored)


@pytest.fixture(params=["viper", "synthia"], name="pair")
def _pair(request, davsn, layouts):
    """The name of a recipe from a source to Cityscapes."""
    source = {"name": request.param, **written(davsn, layouts, request.param)}
    if request.param == "synthia":
        source["full"] = [64, 152]
    city = {"name": "cityscapes", "classes": request.param}
    recipe = {
        "name": request.param,
        "source": source,
        "target": {**city, **written(davsn, layouts, "cityscapes", "domain=camera", "seed=1")},
        "validation": {"city": {**city, "split": "val", **written(davsn, layouts, "cityscapes", "split=val")}},
        "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
        "method": {"name": "da_vsn", "discriminator_width": 4},
        "optimiser": {"name": "adamw"},
        "training": {"steps": 3, "batch_size": 1, "workers": 0, "device": "cpu"},
    }
    (layouts / f"{request.param}.yaml").write_text(yaml.safe_dump(recipe))
    return f"{request.param}.yaml"


@pytest.mark.slow
def test_check_train_and_score(davsn, layouts, pair):
    code, out, _ = davsn(layouts, "check", pair, "--all")
    assert code == 0, out
    lines = out.splitlines()
    counted = 3 if pair == "viper.yaml" else 2  # of SYNTHIA-Seq's sequences one has a published count, by its name
    assert sum(line.startswith("warning") and "where the published data set has" in line for line in lines) == counted
    assert (
        sum("the data set: the stored flow has the right direction: frames differ by " in line for line in lines) == 3
    )
    code, _, err = davsn(layouts, "train", pair, "-o", f"runs/{pair}")
    assert code == 0, err
    scores = Scores.load(layouts / "runs" / pair / "scores_city.json")
    assert scores.names[3] == "fence"
    assert len(scores.names) == (15 if pair == "viper.yaml" else 12)
    code, out, _ = davsn(layouts, "eval", f"runs/{pair}")
    assert code == 0
    assert "mIoU" in out


@pytest.mark.slow
@pytest.mark.usefixtures("unrehearsed")
def test_flow_of_the_wrong_sign_is_found_before_training(davsn, layouts, pair, tmp_path):
    for path in (layouts / "cityscapes-domain=camera-seed=1").glob("Estimated*/*.npy"):
        np.save(tmp_path / path.name, -np.load(path))
    code, out, _ = davsn(layouts, "check", pair, f"target.flow_root={tmp_path}")
    assert code == 2, out
    (line,) = (line for line in out.splitlines() if line.startswith("fatal"))
    assert line.startswith("fatal    target  the data set: the stored flow has the wrong direction: frames differ by ")
    assert line.endswith("to the previous one (docs/conventions.md), or set target.flow: dis")


@pytest.mark.usefixtures("unrehearsed")
def test_a_missing_flow_file_is_found_before_training(davsn, layouts, pair, tmp_path):
    folder = tmp_path / "flow"
    folder.mkdir()
    code, out, _ = davsn(layouts, "check", pair, f"target.flow_root={folder}")
    assert code == 2
    name = f"streets_000000_{LENGTH - 1:06d}"
    assert f"{folder}: holds no {name}_{LENGTH - 2:06d}_int16_x10.npy, the flow from frame {name} to streets_" in out
    assert "or set target.flow: dis, which needs no file" in out


@pytest.mark.parametrize(
    ("layout", "name", "clips"),
    [("viper", "VIPER", 999), ("kitti-step", "KITTI-STEP", 9999), ("vkitti2", "Virtual KITTI 2", 99)],
)
def test_more_clips_than_names(davsn, tmp_path, layout, name, clips):
    code, _, err = davsn(
        tmp_path, "streets", "out", "--layout", layout, f"clips={clips + 1}", "length=1", "size=[16,16]"
    )
    assert code == 2
    assert (
        f"the layout of {name}: has names for {clips} clips, not for {clips + 1}. Set clips to {clips} or fewer" in err
    )


THEIRS = {
    "TPS": {"SCALING_RATIO": [0.8, 1.2], "LAMBDA_T": 0.1, "INPUT_SIZE_TARGET": [64, 512]},
    "AdvEnt": {"MODEL": "DeepLabv2", "MULTI_LEVEL": True, "LAMBDA_ADV_MAIN": 0.001, "LAMBDA_ADV_AUX": 0.0002},
    "MinEnt": {"MODEL": "DeepLabv2", "MULTI_LEVEL": True, "LAMBDA_ENT_MAIN": 0.001, "LAMBDA_ENT_AUX": 0.0002},
}


@pytest.mark.slow
@pytest.mark.parametrize("method", THEIRS)
def test_the_public_codes_yaml_is_trained_and_scored_on_its_own_layouts(davsn, layouts, method):
    source, target = written(davsn, layouts, "viper"), written(davsn, layouts, "cityscapes", "domain=camera", "seed=1")
    city = written(davsn, layouts, "cityscapes", "split=val")
    own = {"DA_METHOD": method, "EARLY_STOP": 1, "INPUT_SIZE_SOURCE": [64, 32], "INPUT_SIZE_TARGET": [64, 32]}
    roots = {"DATA_DIRECTORY_SOURCE": source["root"], "DATA_DIRECTORY_TARGET": target["root"]}
    theirs = {"SOURCE": "Viper", "TARGET": "Cityscapes", **roots, "TRAIN": {**own, **THEIRS[method]}}
    theirs["TEST"] = {"MODE": "best", "INPUT_SIZE_TARGET": [64, 32]}
    if method == "TPS":  # the others look at no flow, and have none
        theirs["TARGET"] = "CityscapesSeq"
        theirs["TRAIN"] |= {"flow_path_src": source["flow_root"], "flow_path": target["flow_root"]}
        theirs["TEST"]["flow_path"] = city["flow_root"]
    (layouts / f"{method}.yml").write_text(yaml.safe_dump(theirs))
    small = ["network.layers=[1, 1, 1, 1]", "network.weights=random", "training.workers=0", "training.device=cpu"]
    changes = [*small, f"validation.cityscapes.root={city['root']}"]
    code, out, err = davsn(layouts, "check", f"{method}.yml", *changes, "--all")
    assert (code, err) == (0, ""), out
    code, out, err = davsn(layouts, "train", f"{method}.yml", *changes, "-o", f"runs/{method}")
    assert code == 0, err
    trained = open_trained(layouts / "runs" / method)
    assert trained.step == (1 if method == "MinEnt" else 2)
    assert trained.experiment.mode == "faithful"
    assert trained.segmenter.looks_back is (method == "TPS")
    assert Scores.load(layouts / "runs" / method / "scores_cityscapes.json").names[3] == "fence"
    snapshot = layouts / f"{method}_2.pth"
    assert davsn(layouts, "export", f"runs/{method}", "-o", snapshot).code == 0
    again = build_segmenter(trained.experiment, 15, snapshot).state_dict()
    assert all(torch.equal(value, again[key]) for key, value in trained.segmenter.state_dict().items())


def test_tps_without_its_repair_says_what_height_it_is_made_for(davsn, layouts):
    target = written(davsn, layouts, "cityscapes", "domain=camera", "seed=1")
    recipe = {
        "mode": "faithful",
        "source": {"name": "viper", **written(davsn, layouts, "viper")},
        "target": {"name": "cityscapes", **target},
        "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
        "method": "tps",
        "training": {"steps": 1, "workers": 0, "device": "cpu"},
    }
    (layouts / "low.yaml").write_text(yaml.safe_dump(recipe))
    code, _, err = davsn(layouts, "train", "low.yaml", "-o", "runs/low")
    assert code == 2
    assert "method.split  512 is not inside two stacked frames of 32 rows. Set it to null" in err
    code, _, err = davsn(layouts, "train", "low.yaml", "method.split=null", "-o", "runs/split")
    assert code == 0, err
