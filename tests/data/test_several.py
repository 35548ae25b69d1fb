"""Several data sets as one: clips, classes by name, shares, and what all sets are told together."""

from collections import Counter

import numpy as np
import pytest
import torch

import davsn
from davsn.core.clip import ClipSpec
from davsn.core.errors import ConfigError, DataError
from davsn.core.plugins import choose
from davsn.data.dataset import VideoDataset
from davsn.data.export.writing import write
from davsn.data.frame_pool import FramePool
from davsn.data.labels.taxonomy import write_classes
from davsn.data.loading import Samples, target_training, training_batches
from davsn.data.sets.folder import Folder
from davsn.data.sets.several import Several
from davsn.data.sets.streets import Streets
from davsn.experiment.experiment import load
from davsn.experiment.run import Run
from tiny_data import write_labelled, write_video
from tiny_recipe import RECIPE

STREETS = {"name": "streets", "size": (64, 32), "clips": 2, "length": 3}
LABELLED = ClipSpec((0,), labels=True)


def several(sets, **settings):
    choice = choose(VideoDataset, {"name": "several", "sets": sets, **settings})
    return Several(choice.settings)


def folder(path, **settings):
    return {"name": "folder", "root": path, **settings}


def test_clips_of_all_sets_are_there_under_the_names_of_their_sets(tmp_path):
    write_labelled(tmp_path / "own", {"a": 2, "b": 3})
    write_video(tmp_path / "drive.mp4", 4)
    made = several(
        {
            "drive": {"name": "video", "paths": [tmp_path / "drive.mp4"]},
            "stills": folder(tmp_path / "own", labels=None, stills=True),
        }
    )
    assert [len(info.frames) for info in made.clips] == [4, 1, 1, 1, 1, 1]
    assert made.clips[0].name == "drive/drive"
    assert all(info.name.startswith("stills/") for info in made.clips[1:])
    alone = Folder(Folder.Config(root=tmp_path / "own", labels=None, stills=True))
    assert np.array_equal(made.read_frame(3, 0), alone.read_frame(2, 0))


def test_classes_are_the_same_if_their_names_are(tmp_path):
    write_labelled(tmp_path / "one", {"a": 1})
    write_labelled(tmp_path / "two", {"a": 1})
    first = Folder(Folder.Config(root=tmp_path / "one"))
    names, colours = first.taxonomy.names, first.taxonomy.colours
    turned = type(first.taxonomy)(names[::-1], colours[::-1])
    write_classes(turned, tmp_path / "two" / "classes.yaml")
    made = several({"one": folder(tmp_path / "one"), "two": folder(tmp_path / "two")})
    own = Folder(Folder.Config(root=tmp_path / "two")).read_label(0, 0)
    found = made.read_label(1, 0)
    assert made.taxonomy == first.taxonomy
    known = own != 255
    assert known.any()
    assert np.array_equal(found[known], len(names) - 1 - own[known])
    assert (found[~known] == 255).all()
    assert np.array_equal(made.resized_label(1, 0, found.shape[::-1]), found)


def test_each_set_is_drawn_with_its_share(tmp_path):
    write_labelled(tmp_path / "few", {"a": 1})
    write_labelled(tmp_path / "many", {"a": 9})
    made = several(
        {"few": folder(tmp_path / "few"), "many": folder(tmp_path / "many")}, shares={"few": 0.75, "many": 0.25}
    )

    def drawn(start):
        batches = training_batches(Samples(made, LABELLED), 1, seed=3, start=start)
        return [next(batches).names[0] for _ in range(200 - start)]

    names = drawn(0)
    assert Counter(name.split("/")[0] for name in names)["few"] == pytest.approx(150, abs=20)
    assert len(set(names)) == 10
    assert drawn(150) == names[150:]  # a batch depends on seed and number alone


def test_styles_come_from_the_sets_with_their_shares_too(tmp_path):
    write_labelled(tmp_path / "few", {"a": 1})
    few = folder(tmp_path / "few", labels=None)
    made = several({"few": few, "many": STREETS}, shares={"few": 0.9, "many": 0.1}, size=(64, 32))
    pool, generator = FramePool(made), np.random.default_rng(0)
    few = FramePool(several({"few": few}, size=(64, 32)))(generator)
    found = sum(np.array_equal(pool(generator), few) for _ in range(100))
    assert found == pytest.approx(90, abs=10)


def test_the_target_keeps_its_shares_and_gives_no_label(tmp_path):
    made = several({"one": STREETS, "two": {**STREETS, "seed": 1}}, shares={"one": 0.1, "two": 0.9})
    seen = target_training(made)
    assert seen.groups == made.groups != []
    assert next(training_batches(Samples(seen, ClipSpec((0,))), 2, seed=0)).labels is None
    with pytest.raises(DataError, match="Target labels are for evaluation only"):
        seen.read_label(0, 0)


def test_exact_flow_is_that_of_the_set():
    made = several({"one": {**STREETS, "seed": 5}, "two": STREETS}, flow="exact")
    sample = Samples(made, ClipSpec((0, -1), ((0, -1),)))[5]
    alone = Samples(several({"two": STREETS}, flow="exact"), ClipSpec((0, -1), ((0, -1),)))[1]
    assert sample.name == alone.name
    assert np.array_equal(sample.flows[0, -1], alone.flows[0, -1])
    assert np.abs(sample.flows[0, -1]).max() > 0


def test_frames_have_one_size_whatever_their_own():
    made = several({"one": STREETS, "two": {**STREETS, "size": (96, 48)}}, size=(48, 32))
    batch = next(training_batches(Samples(made, LABELLED), 6, seed=0))
    assert batch.current.shape == (6, 3, 32, 48)
    assert batch.labels.shape == torch.Size((6, 32, 48))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shares": {"one": 0.5, "tow": 0.5}}, "should name the sets one, two, but names one, tow"),
        ({"shares": {"one": 0.5, "two": 0.6}}, "should add up to 1, but add up to 1.1"),
        ({"sets": {"one": {**STREETS, "mirror": True}, "two": STREETS}}, "Set them beside 'sets'.*one.mirror"),
        ({"sets": {"one": {"name": "streets", "clip": 1}}}, "clip"),
    ],
)
def test_mistakes_are_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        several(**{"sets": {"one": STREETS, "two": STREETS}, **settings})


def test_settings_of_a_run_can_be_read_again():
    made = choose(VideoDataset, {"name": "several", "sets": {"one": STREETS}, "shares": {"one": 1.0}})
    assert choose(VideoDataset, made.model_dump(mode="json")) == made


def test_a_set_without_labels_may_stand_beside_one_with_labels(tmp_path):
    write_labelled(tmp_path / "own", {"a": 2})
    made = several({"own": folder(tmp_path / "own", labels=None), "drawn": STREETS})
    assert [len(info.labelled) for info in made.clips] == [0, 3, 3]
    assert len(made.taxonomy) == 15


def test_a_class_that_the_first_set_lacks_is_refused(tmp_path):
    write_labelled(tmp_path / "own", {"a": 2})
    sets = {"one": folder(tmp_path / "own"), "two": STREETS}
    with pytest.raises(DataError, match="has classes that the first set with labels does not have: sidewalk"):
        several(sets)


def test_a_set_with_a_share_needs_a_sample():
    sets = {"drawn": STREETS, "more": {**STREETS, "length": 1}}
    made = target_training(several(sets, shares={"drawn": 0.5, "more": 0.5}))
    with pytest.raises(DataError, match="a set with a share has no frame with all that the method needs"):
        next(training_batches(Samples(made, ClipSpec((0, -1))), 1, seed=0))


def test_shares_and_rare_classes_do_not_go_together(tmp_path):
    drawn = {"name": "several", "sets": {"one": STREETS}, "shares": {"one": 1.0}}
    with pytest.raises(ConfigError, match=r"source.shares and training.rare_classes both say"):
        load({**RECIPE, "source": drawn, "method": "source_only", "training": {"rare_classes": {}}}, paths=False)


def test_streets_and_an_own_folder_train_on_video_and_stills(tmp_path):
    """The largest mix: two sources, and a target of a video and stills, with styles from both."""
    write_video(tmp_path / "drive.mp4", 5)
    own = Streets(Streets.Config(size=(64, 32), clips=1, length=2, seed=9))
    write(own, tmp_path / "own")
    sets = {"drawn": STREETS, "own": folder(tmp_path / "own")}
    source = {"name": "several", "sets": sets, "shares": {"drawn": 0.5, "own": 0.5}, "size": (64, 32), "style": {}}
    footage = {"drive": {"name": "video", "paths": [tmp_path / "drive.mp4"]}}
    stills = {"stills": folder(tmp_path / "own", labels=None, stills=True)}
    target = {"name": "several", "sets": {**footage, **stills}, "size": (64, 32), "missing": "repeat"}
    recipe = {**RECIPE, "source": source, "target": target, "validation": {}}
    done = davsn.train(recipe, ["training.target_statistics=2"], out=tmp_path / "run", quiet=True)
    assert done.finished
    source, target = Run(load(recipe), tmp_path / "other").domains
    assert {source.name(*place).split("/")[0] for place in source.places} == {"drawn", "own"}
    assert {target.name(*place).split("/")[0] for place in target.places} == {"drive", "stills"}
