from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davsn.core.clip import IGNORE
from davsn.data.labels.class_tables import RAW_IDS, ClassSet, RawIds, named_train_ids, raw_ids, taxonomy, train_ids

PUBLISHED = {
    ("cityscapes", "viper"): "7>0 8>1 11>2 13>3 19>4 20>5 21>6 22>7 23>8 24>9 25>9 26>10 27>11 28>12 32>13 33>14",
    ("cityscapes", "synthia"): "7>0 8>1 11>2 13>3 17>4 19>5 20>6 21>7 23>8 24>9 25>10 26>11",
    ("viper", "viper"): "3>0 4>1 9>2 11>3 13>4 14>5 7>6 8>6 6>7 2>8 20>9 24>10 27>11 26>12 23>13 22>14",
    ("synthia", "synthia"): "3>0 4>1 2>2 5>3 7>4 15>5 9>6 6>7 1>8 10>9 11>10 8>11",
}
"""As the public code has them: raw id > train id."""

PALETTES = {
    "viper": "128,64,128 244,35,232 70,70,70 190,153,153 250,170,30 220,220,0 107,142,35 152,251,152 70,130,180 "
    "220,20,60 0,0,142 0,0,70 0,60,100 0,0,230 119,11,32",
    "synthia": "128,64,128 244,35,232 70,70,70 190,153,153 153,153,153 250,170,30 220,220,0 107,142,35 70,130,180 "
    "220,20,60 255,0,0 0,0,142",
}

sets = pytest.mark.parametrize(("raw", "classes"), PUBLISHED)


@sets
def test_every_raw_id_goes_where_the_public_code_sends_it_or_is_ignored(raw, classes):
    expected = np.full(256, IGNORE)
    for pair in PUBLISHED[raw, classes].split():
        one, _, other = pair.partition(">")
        expected[int(one)] = int(other)
    assert np.array_equal(train_ids(raw, classes), expected)


@sets
def test_every_class_is_reached_and_no_id_beyond_the_data_sets_own(raw, classes):
    lookup = train_ids(raw, classes)
    assert {*lookup.tolist()} == {*range(len(taxonomy(classes))), IGNORE}
    assert (lookup[RAW_IDS[raw] :] == IGNORE).all()


@pytest.mark.parametrize("classes", PALETTES)
def test_colours_are_the_published_palettes(classes):
    colours = [tuple(map(int, colour.split(","))) for colour in PALETTES[classes].split()]
    assert taxonomy(classes).colours == tuple(colours)
    assert not taxonomy(classes).palette[len(colours) :].any()


def test_the_two_sets_agree_on_the_classes_that_they_share():
    viper, synthia = taxonomy("viper"), taxonomy("synthia")
    shared = [name for name in viper.names if name in synthia.names]
    assert len(shared) == 10
    for name in shared:
        assert viper.colours[viper.names.index(name)] == synthia.colours[synthia.names.index(name)]
    assert [name for name in synthia.names if name in viper.names] == shared


SHOWN = {
    ("cityscapes", "viper"): 15,
    ("cityscapes", "synthia"): 12,
    ("cityscapes", "vkitti2"): 10,
    ("kitti_step", "viper"): 15,
    ("kitti_step", "synthia"): 12,
    ("kitti_step", "vkitti2"): 10,
    ("camvid", "viper"): 10,
    ("camvid", "synthia"): 12,
    ("camvid", "vkitti2"): 8,
    ("segnet", "viper"): 8,
    ("segnet", "synthia"): 10,
    ("segnet", "vkitti2"): 6,
    ("vkitti2", "viper"): 9,
    ("vkitti2", "synthia"): 8,
    ("vkitti2", "vkitti2"): 10,
    ("viper", "viper"): 15,
    ("synthia", "synthia"): 12,
}
"""How many classes of a set the labels of a data set can show."""


@pytest.mark.parametrize("raw", get_args(RawIds))
@pytest.mark.parametrize("classes", get_args(ClassSet))
def test_every_id_is_a_class_or_ignored_and_what_cannot_be_shown_is_not_scored(raw, classes):
    lookup, table = train_ids(raw, classes), taxonomy(classes, raw)
    assert lookup.shape == (256,)
    assert {*lookup.tolist()} <= {*range(len(table)), IGNORE}
    assert (lookup[RAW_IDS[raw] :] == IGNORE).all()
    reached = {table.names[index] for index in lookup.tolist() if index != IGNORE}
    assert table.unscored - taxonomy(classes).unscored == set(table.names) - reached - taxonomy(classes).unscored
    assert table.names == taxonomy(classes).names
    if (raw, classes) in SHOWN:
        assert len(reached) == SHOWN[raw, classes]
    for name, number in raw_ids(raw).items():
        if name in reached and (name != "rider" or "rider" in table.names):
            assert table.names[lookup[number]] == name


def test_kitti_steps_ids_are_those_that_cityscapes_trains_with():
    """The order of the 19 classes is the order of their label ids."""
    label_ids = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
    for classes in get_args(ClassSet):
        cityscapes, kitti = train_ids("cityscapes", classes), train_ids("kitti_step", classes)
        assert np.array_equal(kitti[:19], cityscapes[list(label_ids)])


@pytest.mark.parametrize("classes", get_args(ClassSet))
@pytest.mark.parametrize("raw", get_args(RawIds))
def test_mapping_train_ids_again_changes_nothing_whatever_they_came_from(raw, classes):
    again = named_train_ids(enumerate(taxonomy(classes).names), classes)
    mapped = train_ids(raw, classes)
    assert np.array_equal(again[mapped], mapped)


@pytest.mark.parametrize("classes", PALETTES)
@given(seed=st.integers(0, 99))
def test_mapping_what_is_mapped_changes_nothing(classes, seed):
    names = taxonomy(classes).names
    again = named_train_ids(enumerate(names), classes)
    mapped = train_ids("cityscapes", classes)[np.random.default_rng(seed).integers(0, 256, (8, 8))]
    assert np.array_equal(again[mapped], mapped)
