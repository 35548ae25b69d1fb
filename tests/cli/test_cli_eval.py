"""``davsn eval`` of one network and of several: pictures, weights of networks, and changes of what is scored."""

import errno
import json

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import davsn as package
from davsn.cli import main
from davsn.core.plugins import choose
from davsn.data.dataset import VideoDataset
from davsn.data.loading import evaluation_batches
from davsn.experiment.trained import open_trained, scored_frames
from davsn.scoring.frames import read_frames
from davsn.scoring.scores import Scores
from davsn.training import checkpoint


@pytest.fixture(scope="module", name="city")
def _city(world):
    """One labelled frame in each of two clips, in the layout of Cityscapes; the change that makes it the set scored."""
    drives = ["domain=camera", "split=val", "size=[64,32]", "clips=2", "length=4"]
    assert main(["streets", str(world / "city"), "--layout", "cityscapes", *drives]) == 0
    return "validation={city: {name: cityscapes, root: city, split: val, classes: viper, flow: zero}}"


def test_pictures_of_the_labelled_frames(davsn, world, trained, city, tmp_path):
    wanted = ["--pictures", tmp_path / "masks", "-o", tmp_path / "scores.json"]
    code, out, err = davsn(world, "eval", trained, city, *wanted)
    assert code == 0, err
    assert f"predictions to {tmp_path / 'masks'}".replace(" ", "") in "".join(out.split())
    network = open_trained(trained)
    samples = scored_frames(network, choose(VideoDataset, yaml.safe_load(city.partition("=")[2])["city"]))
    found = {}
    for batch in evaluation_batches(samples):
        size = batch.labels.shape[-2:]
        name = batch.names[0].rpartition("/")[2]
        found[f"{name}_leftImg8bit_color.png"] = network.segmenter.predict(
            batch.current, batch.previous, batch.flow, size
        )[0].numpy()
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == sorted(found)
    labels = sorted((world / "city" / "gtFine").rglob("*_gtFine_labelIds.png"))
    assert sorted(found) == [label.name.replace("gtFine_labelIds", "leftImg8bit_color") for label in labels]
    for name, expected in found.items():
        with Image.open(tmp_path / "masks" / name) as mask:
            assert mask.mode == "P"
            np.testing.assert_array_equal(np.array(mask), expected)
            palette = mask.getpalette("RGB")
            colours = np.array(palette).reshape(-1, 3)[: len(network.taxonomy)]
            assert [tuple(colour) for colour in colours.tolist()] == list(network.taxonomy.colours)
            np.testing.assert_array_equal(np.array(mask.convert("RGB")), network.taxonomy.palette[expected])


def test_unlabelled_frames_get_no_picture(davsn, world, trained, city, tmp_path):
    wanted = ["validation.city.every_frame=true", "--pictures", tmp_path / "masks", "-o", tmp_path / "scores.json"]
    code, _, err = davsn(world, "eval", trained, city, *wanted)
    assert code == 0, err
    assert Scores.load(tmp_path / "scores.json").frames == 6
    assert len(list((tmp_path / "masks").iterdir())) == 2


def test_pictures_of_clips_with_frames_of_the_same_names(davsn, world, trained, tmp_path):
    code, _, err = davsn(world, "eval", trained, "--pictures", tmp_path / "masks", "-o", tmp_path / "scores.json")
    assert code == 0, err
    found = sorted(str(path.relative_to(tmp_path / "masks")) for path in (tmp_path / "masks").rglob("*.png"))
    frames = sorted((world / "camera" / "frames").glob("*/*.png"))
    assert found == [f"{frame.parent.name}/{frame.stem}_color.png" for frame in frames]


@pytest.fixture(name="other")
def _other(trained, tmp_path):
    """A second checkpoint: the first with its fusion layer turned."""
    state = checkpoint.load(checkpoint.latest(trained / "checkpoints"))
    state["parts"]["segmenter"]["fusion.weight"].neg_()
    path = tmp_path / "other.pt"
    torch.save(state, path)
    return path


def counts(davsn, world, tmp_path, *arguments):
    code, out, err = davsn(world, "eval", *arguments, "-o", tmp_path / "scores.json")
    assert code == 0, err
    return Scores.load(tmp_path / "scores.json").counts, " ".join(out.split())


@pytest.mark.slow
def test_several_networks_decide_together(davsn, world, trained, other, tmp_path):
    one, _ = counts(davsn, world, tmp_path, trained)
    two, _ = counts(davsn, world, tmp_path, other)
    assert one != two
    both, out = counts(davsn, world, tmp_path, trained, "--with", other, "--weights", 1000, 1)
    assert both == one
    assert "at step 3 +" in out
    assert counts(davsn, world, tmp_path, trained, "--with", other, "--weights", 1, 1000)[0] == two
    same, _ = counts(davsn, world, tmp_path, trained, "--with", trained, "--with", trained)
    assert same == one
    first, _ = counts(davsn, world, tmp_path, trained, "--with", other, "--weights", 1, 1000, "--first-only")
    assert first == one


def test_scores_of_several_networks_do_not_take_the_place_of_ones(davsn, world, trained, other):
    before = (trained / "scores_camera.json").read_text()
    code, out, err = davsn(world, "eval", trained, "--with", other)
    assert code == 0, err
    assert "scores_camera_tiny+other.json" in "".join(out.split())
    assert (trained / "scores_camera.json").read_text() == before
    assert json.loads((trained / "scores_camera_tiny+other.json").read_text())["frames"] == 8


def test_the_validation_set_of_a_run_is_changed(davsn, world, trained, tmp_path):
    found, _ = counts(davsn, world, tmp_path, trained, f"validation.camera.root={world / 'game'}")
    assert found == counts(davsn, world, tmp_path, trained, "--data", world / "game")[0]
    assert found != counts(davsn, world, tmp_path, trained)[0]
    code, _, err = davsn(
        world, "eval", trained, "--every", f"validation.camera.root={world / 'game'}", "-o", tmp_path / "every.json"
    )
    assert code == 0, err
    entries = json.loads((tmp_path / "every.json").read_text())["sets"]["camera"]
    assert [list(row) for row in found] in [item["scores"]["counts"] for item in entries["checkpoints"].values()]
    assert entries["last"]["step"] == 3
    assert entries["best"]["chosen_on"] == "camera"


def test_mistakes(davsn, world, trained, deep_classes, tmp_path):
    def told(*arguments):
        code, _, err = davsn(world, "eval", trained, *arguments)
        assert code == 2
        return err

    few = "--weights  should be 2 numbers above 0, one for each network, but got [1.0]"
    assert few in told("--with", trained, "--weights", 1)
    assert "but got [1.0, -2.0]" in told("--with", trained, "--weights", "1", "-2")
    assert "--first-only  needs several networks: name the others with --with" in told("--first-only")
    err = told("--with", deep_classes, "--weights", "1")
    assert f"--with  {deep_classes} has the classes road, sidewalk, building, fence, pole, " in err
    assert "but got [1.0]" in err  # both mistakes at once
    err = told("training.device=cuda", "validation.camera.stride=2")
    assert "training.device=cuda  a trained network takes only validation.NAME.key=value" in err
    assert "validation.camera.strid  unknown key. Did you mean 'stride'?" in told("validation.camera.strid=2")
    several = ("--with", trained, "--pictures", tmp_path / "masks", "--weights", "1", "1", "--first-only")
    err = told("--every", *several, "--against", trained, "--flip", "--bf16", "--scales", "1", "--recipe", "tiny.yaml")
    for option in (*several[::2][:3], "--first-only", "--against", "--flip", "--bf16", "--scales", "--recipe"):
        assert f"{option}  cannot be combined with --every or --watch, which score the checkpoints of a run" in err
    (tmp_path / "file").write_text("")
    assert "could not be written" in told("--pictures", tmp_path / "file", "-o", tmp_path / "scores.json")


@pytest.fixture(name="deep_classes")
def _deep_classes(trained, tmp_path):
    """A checkpoint whose network has other classes."""
    state = checkpoint.load(checkpoint.latest(trained / "checkpoints"))
    names = state["taxonomy"]["names"]
    state["taxonomy"]["names"] = [*names[:4], "pole", *names[5:]]
    path = tmp_path / "classes.pt"
    torch.save(state, path)
    return path


def test_a_full_disk_leaves_whole_pictures_only(davsn, world, trained, tmp_path, monkeypatch):
    real, saved = Image.Image.save, []

    def until_full(image, path, *arguments, **options):
        saved.append(path)
        if len(saved) < 3:
            return real(image, path, *arguments, **options)
        path.write_bytes(b"half a picture")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", until_full)
    code, _, err = davsn(world, "eval", trained, "--pictures", tmp_path / "masks", "-o", tmp_path / "scores.json")
    assert code == 2
    assert "000002_color.png: could not be written (No space left on device). Free some space" in err
    whole = sorted(path.name for path in (tmp_path / "masks").rglob("*.*"))
    assert whole == ["000000_color.png", "000001_color.png"]
    assert not (tmp_path / "scores.json").exists()


TOY = """
import torch
from davsn.scoring.metric import Metric


class Share(Metric):
    title = "share of all classes but the first"
    needs = frozenset()

    def count(self, seen):
        return {"pixels": torch.tensor([int((seen.prediction > 0).sum()), seen.prediction.numel()])}

    def values(self, counts):
        return {"share": float(counts["pixels"][0] / counts["pixels"][1] * 100)}
"""


def test_a_metric_is_one_file(davsn, world, trained, tmp_path):
    """A user's own file is found by its path: by the command, for checkpoints, and in Python."""
    (tmp_path / "other_share.py").write_text(TOY)
    own, out = tmp_path / "other_share.py", tmp_path / "scores.json"
    code, printed, err = davsn(world, "eval", trained, "--metrics", own, "flicker", "-o", out)
    assert code == 0, err
    assert "share of all classes but the first" in printed
    scores = Scores.load(out)
    assert set(scores.metrics) == {"miou", "consistency", "other_share", "flicker"}
    share = sum(sum(row[1:]) for row in scores.counts) / sum(map(sum, scores.counts)) * 100
    assert scores.metrics["other_share"].headline == pytest.approx(share, abs=2)  # ignored pixels count there too
    found = package.evaluate(trained, world / "camera", metrics=[str(own)], quiet=True)
    assert found.metrics["other_share"].values == scores.metrics["other_share"].values
    code, printed, err = davsn(world, "eval", trained, "--every", "--metrics", own, "-o", tmp_path / "every.json")
    assert code == 0, err
    entries = json.loads((tmp_path / "every.json").read_text())["sets"]["camera"]["checkpoints"].values()
    assert all(entry["scores"]["metrics"]["other_share"]["values"]["share"] > 0 for entry in entries)
    assert not any(entry["scores"]["metrics"]["other_share"]["clips"] for entry in entries)
    code, _, err = davsn(world, "eval", trained, "--metrics", "flickr")
    assert code == 2
    assert "there is no Metric 'flickr'. Did you mean 'flicker'?" in err


def test_metrics_can_be_listed(davsn, world):
    code, out, _ = davsn(world, "list", "metrics")
    assert code == 0
    for name in ("calibration", "flicker", "tc", "vc"):
        assert name in out
    assert "tolerance = 3" in davsn(world, "list", "metrics", "flicker").out


def test_two_protocols_and_a_comparison(davsn, world, trained, city):
    code, out, err = davsn(world, "eval", trained, city, "--protocol", "davsn", "unified", "--full")
    assert code == 0, err
    assert "protocol unified" in " ".join(out.split())
    usual, unified = (Scores.load(trained / f"scores_{name}.json") for name in ("city", "city_unified"))
    assert (usual.protocol, unified.protocol) == ("davsn", "unified")
    assert usual.frames == unified.frames == 6  # all frames, as metrics in time need them
    assert sum(map(sum, unified.counts)) <= sum(map(sum, usual.counts))
    frames = read_frames(trained / "scores_city_unified_frames.csv")
    assert len(frames) == 6
    assert sum(one["miou"] == one["miou"] for one in frames.values()) == 2  # the labelled ones
    beside = out[out.index("IoU % on city, by protocol") :]
    assert f"{usual.miou:.2f}" in beside
    assert f"{sum(map(sum, unified.counts)):,}" in beside
    code, out, err = davsn(world, "eval", trained, city, "--against", trained)
    assert code == 0, err
    assert "+0.00" in out
    code, out, err = davsn(world, "eval", trained, city, "--against", trained / "scores_city_unified.json")
    assert code == 2
    assert "holds scores by the protocol unified. Compare with scores by the protocol davsn, or score with" in err
    assert "scoring" not in out  # it is told before anything is scored


def test_every_checkpoint_by_two_protocols(davsn, world, trained, tmp_path):
    every = ["eval", trained, "--every", "-o", tmp_path / "every.json"]
    code, _, err = davsn(world, *every, "--protocol", "davsn", "unified")
    assert code == 0, err
    sets = json.loads((tmp_path / "every.json").read_text())["sets"]
    assert list(sets) == ["camera", "camera_unified"]
    for name, protocol in (("camera", "davsn"), ("camera_unified", "unified")):
        assert {one["scores"]["protocol"] for one in sets[name]["checkpoints"].values()} == {protocol}
    before = (tmp_path / "every.json").read_bytes()
    code, out, err = davsn(world, *every, "--protocol", "unified")  # is found again, and not scored anew
    assert code == 0, err
    assert "checkpoints on camera_unified" in " ".join(out.split())
    assert (tmp_path / "every.json").read_bytes() == before
