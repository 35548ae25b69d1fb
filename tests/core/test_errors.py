"""An error of a part names its settings by their full keys."""

import pytest

from davsn.core.errors import DataError, with_full_keys


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("Set 'size', or batch_size: 1", "Set target.size, or training.batch_size: 1"),
        ("Make 'crop' smaller or 'size' larger", "Make target.crop smaller or target.size larger"),
        ("Set stride: 1, or flow: dis", "Set target.stride: 1, or target.flow: dis"),
        ("set target.size: 8, or flow: {size: 3}", "set target.size: 8, or target.flow: {size: 3}"),
        ("frames of different sizes: 20x12", "frames of different sizes: 20x12"),
        ("the label is 3x4 pixels, its frame's size 5x6", "the label is 3x4 pixels, its frame's size 5x6"),
    ],
)
def test_settings_in_a_message_get_full_keys(text, full):
    assert with_full_keys(text, "target", ["size", "crop", "stride", "flow"]) == full


def test_an_error_keeps_its_kind_and_its_place():
    told = DataError("frames differ", "size: 3/a", "Set 'size'").within("validation.camera", ["size"])
    assert type(told) is DataError
    assert str(told) == "size: 3/a: frames differ. Set validation.camera.size"
