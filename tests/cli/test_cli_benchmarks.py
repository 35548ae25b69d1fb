"""streets in the published layouts → check → train → eval, with real files, labels and flow known exactly."""

import numpy as np
import pytest
import yaml

from davsn.clip import ClipSpec
from davsn.data.cityscapes import Cityscapes
from davsn.data.samples import Samples
from davsn.data.streets import Config, Streets
from davsn.data.synthia import Synthia
from davsn.data.viper import Viper
from davsn.scores import Scores

SPEC = ClipSpec((0, -1), ((0, -1),), labels=True)
LENGTH = 11
WORLD = ["size=[64,32]", "clips=2", f"length={LENGTH}"]
FLOW = {
    "viper": "Estimated_optical_flow_Viper_train",
    "synthia": "Estimated_optical_flow_SynthiaSeq_train",
    "cityscapes": "Estimated_optical_flow_Cityscapes-Seq_train",
}


@pytest.fixture(scope="module", name="layouts")
def _layouts(tmp_path_factory):
    return tmp_path_factory.mktemp("layouts")


def written(davsn, place, layout, *changes):
    """A folder in a layout, written once; the settings that its reader needs."""
    name = "-".join([layout, *changes])
    if not (place / name).exists():
        code, out, err = davsn(place, "streets", name, "--layout", layout, *WORLD, *changes)
        assert (code, err) == (0, "")
        assert out.endswith("2 clips of 11 frames: " + name + "\n")
    flow = FLOW[layout].replace("train", "val" if "split=val" in changes else "train")
    return {"root": str(place / name), "flow": "stored", "flow_root": str(place / name / flow)}


@pytest.mark.parametrize(
    ("part", "layout", "keys", "used"),
    [
        (Viper, "viper", {}, [9]),
        (Viper, "viper", {"every": 1}, range(1, LENGTH)),
        (Synthia, "synthia", {"full": (64, 152)}, range(1, LENGTH)),
        (Cityscapes, "cityscapes", {}, [LENGTH - 1]),
        (Cityscapes, "cityscapes", {"classes": "synthia"}, [LENGTH - 1]),
    ],
)
def test_what_was_written_is_what_the_world_shows(davsn, layouts, part, layout, keys, used):
    values = written(davsn, layouts, layout)
    samples = Samples(part(part.Config(**values, **keys)), SPEC)
    classes = "synthia" if layout == "synthia" else keys.get("classes", "viper")
    world = Streets(Config(size=(64, 32), clips=2, length=LENGTH, classes=classes))
    assert [(clip, position) for clip, position in samples.places] == [(clip, at) for clip in (0, 1) for at in used]
    shown = np.array([[world.read_frame(clip, at) for at in range(LENGTH)] for clip in (0, 1)], np.float32)
    for index, (clip, position) in enumerate(samples.places):
        sample = samples[index]
        for offset, frame in sample.frames.items():
            differences = np.abs(shown[clip] - frame).mean((1, 2, 3))
            assert np.argmin(differences) == position + offset
            assert layout == "viper" or differences.min() == 0  # VIPER's are JPEG
        flow, _ = world.read_flow(clip, position, position - 1)
        assert np.abs(sample.flows[0, -1] - flow).max() <= 0.0501  # rounded to tenths
        label = world.read_label(clip, position)
        differs = sample.labels != label
        own_car = (label == 10) & (sample.labels == 255) if layout == "viper" else np.zeros_like(differs)
        assert not (differs & ~own_car).any()


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
        "network": {"name": "light", "encoder": "mobilenetv3_small_050", "width": 8, "weights": None},
        "method": {"name": "da_vsn"},
        "optimiser": {"name": "adamw"},
        "training": {"steps": 3, "batch_size": 1, "workers": 0, "device": "cpu"},
    }
    (layouts / f"{request.param}.yaml").write_text(yaml.safe_dump(recipe))
    return f"{request.param}.yaml"


@pytest.mark.slow
def test_check_train_and_score(davsn, layouts, pair):
    code, out, _ = davsn(layouts, "check", pair, "--all")
    assert code == 0, out
    code, _, err = davsn(layouts, "train", pair, "-o", f"runs/{pair}")
    assert code == 0, err
    scores = Scores.load(layouts / "runs" / pair / "scores_city.json")
    assert scores.names[3] == "fence"
    assert len(scores.names) == (15 if pair == "viper.yaml" else 12)
    code, out, _ = davsn(layouts, "eval", f"runs/{pair}")
    assert code == 0
    assert "mIoU" in out


def test_a_missing_flow_file_is_found_before_training(davsn, layouts, pair, tmp_path):
    folder = tmp_path / "flow"
    folder.mkdir()
    code, out, _ = davsn(layouts, "check", pair, f"target.flow_root={folder}")
    assert code == 2
    name = f"streets_000000_{LENGTH - 1:06d}"
    assert f"{folder}: holds no {name}_{LENGTH - 2:06d}_int16_x10.npy, the flow of frame {name} to streets_" in out
    assert "or set flow: dis to need no files" in out


def test_more_clips_than_vipers_names(davsn, tmp_path):
    code, _, err = davsn(tmp_path, "streets", "out", "--layout", "viper", "clips=1000", "length=1", "size=[16,16]")
    assert code == 2
    assert "the layout of VIPER: has names for 999 clips, not for 1000. Set clips" in err
