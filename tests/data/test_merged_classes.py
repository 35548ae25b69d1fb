"""A class table of the user's own over the drawn classes: merged, dropped, and every mistake named."""

import numpy as np
import pytest
import yaml

from davsn.core.errors import ConfigError
from davsn.data.sets.streets import Streets
from davsn.streets.categories import Category


def streets(path, classes):
    path.write_text(yaml.safe_dump({"classes": classes}))
    return Streets(Streets.Config(size=(64, 32), classes=path))


def test_classes_are_merged_and_dropped(tmp_path):
    vehicle = {"name": "vehicle", "color": [0, 0, 142], "of": ["car", "truck", "bus"]}
    classes = [{"name": "road", "color": [1, 2, 3]}, vehicle, {"name": "person", "color": [4, 5, 6]}]
    dataset = streets(tmp_path / "mine.yaml", classes)
    assert dataset.taxonomy.names == ("road", "vehicle", "person")
    categories, label = dataset.read_categories(0, 0), dataset.read_label(0, 0)
    expected = np.full_like(label, 255)
    merged = {"ROAD": 0, "CAR": 1, "TRUCK": 1, "BUS": 1, "PERSON": 2, "RIDER": 2}
    for name, index in merged.items():
        expected[categories == Category[name]] = index
    np.testing.assert_array_equal(label, expected)
    assert {0, 255} <= set(np.unique(label))


def test_label_maps_of_other_tables_are_not_taken_from_the_cache(tmp_path):
    road = {"name": "road", "color": [1, 2, 3]}
    one = streets(tmp_path / "mine.yaml", [road, {"name": "car", "color": [1, 1, 1]}]).label_origin(0, 0)
    two = streets(tmp_path / "mine.yaml", [road, {"name": "sky", "color": [1, 1, 1]}]).label_origin(0, 0)
    assert one != two


def test_unknown_and_repeated_classes_are_named_at_once(tmp_path):
    both = {"name": "wheels", "color": [0, 0, 0], "of": ["car", "bicycle"]}
    classes = [both, {"name": "car", "color": [1, 1, 1]}, {"name": "buildings", "color": [2, 2, 2]}]
    with pytest.raises(ConfigError) as error:
        streets(tmp_path / "mine.yaml", classes)
    assert "there is no drawn class 'buildings'. Did you mean 'building'?" in str(error.value)
    assert "'car' is in two classes" in str(error.value)
