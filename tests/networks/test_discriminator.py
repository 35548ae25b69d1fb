"""The discriminator: published names, output size, and the size it cannot do with."""

import pytest
import torch

from davsn.core.errors import ConfigError
from davsn.networks.discriminator import discriminator


def test_names_and_shapes_are_the_published_ones():
    state = discriminator(6).state_dict()
    assert list(state) == [f"{layer}.{kind}" for layer in (0, 2, 4, 6, 8) for kind in ("weight", "bias")]
    assert [tuple(state[f"{layer}.weight"].shape[:2]) for layer in (0, 2, 4, 6, 8)] == [
        (64, 6),
        (128, 64),
        (256, 128),
        (512, 256),
        (1, 512),
    ]


@pytest.mark.parametrize(("size", "expected"), [((32, 32), (1, 1)), ((95, 64), (2, 2)), ((64, 96), (2, 3))])
def test_one_logit_for_each_patch_of_32_pixels(size, expected):
    assert discriminator(4)(torch.rand(2, 4, *size)).shape == (2, 1, *expected)


def test_a_small_map_is_refused_in_words():
    with pytest.raises(
        ConfigError, match=r"48×31 is too small for a discriminator; frames and crops need at least 32 pixels a side"
    ):
        discriminator(4)(torch.rand(1, 4, 31, 48))


def test_the_width_is_that_of_the_first_layer():
    state = discriminator(6, width=16).state_dict()
    assert [state[f"{layer}.weight"].shape[0] for layer in (0, 2, 4, 6, 8)] == [16, 32, 64, 128, 1]
