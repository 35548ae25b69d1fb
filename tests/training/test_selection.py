"""Label-free criteria, worked out by hand, and what each is blind to."""

import math

import pytest
import torch

from colour_network import ColourNetwork, colour_segmenter
from davsn.core.clip import Batch
from davsn.core.errors import DataError
from davsn.networks.video import VideoSegmenter
from davsn.training.selection import CRITERIA, label_free


def seen(current, previous=None, flow=None):
    """A batch of one frame whose colours are those classes; the previous one is the same, at rest, unless given."""

    def picture(classes):
        return torch.eye(3)[torch.tensor(classes)].permute(2, 0, 1)[None]

    frame = picture(current)
    moved = torch.zeros(1, 2, *frame.shape[-2:]) if flow is None else flow
    return Batch({0: frame, -1: picture(previous or current)}, {(0, -1): moved})


def of(segmenter, *batches):
    return label_free(segmenter, batches)


def test_a_sure_network_that_uses_every_class():
    found = of(colour_segmenter(1e3), seen([[0, 1, 2]]))
    assert tuple(found) == CRITERIA
    assert found["information"] == pytest.approx(1.0)
    assert found["invariance"] == pytest.approx(1.0)


def test_a_collapsed_network_is_found_by_information_alone():
    found = of(colour_segmenter(1e3), seen([[0, 0, 0, 0]]))
    assert found["information"] == pytest.approx(0.0, abs=1e-6)
    assert found["invariance"] == pytest.approx(1.0)
    assert found["neighbourhood"] == pytest.approx(1.0)


def test_an_unsure_network():
    grey = torch.full((1, 3, 2, 2), 0.5)
    found = of(colour_segmenter(), Batch({0: grey, -1: grey}, {(0, -1): torch.zeros(1, 2, 2, 2)}))
    assert found["information"] == pytest.approx(0.0, abs=1e-6)
    assert found["invariance"] == pytest.approx(1 / 3)


def test_information_worked_by_hand():
    # two pixels, each sure by p = e^2 / (e^2 + 2) of another class
    sure = math.exp(2) / (math.exp(2) + 2)
    rest = (1 - sure) / 2
    mean = [(sure + rest) / 2, (sure + rest) / 2, rest]

    def entropy(probabilities):
        return -sum(p * math.log(p) for p in probabilities)

    expected = (entropy(mean) - entropy([sure, rest, rest])) / math.log(3)
    found = of(colour_segmenter(2.0), seen([[0]]), seen([[1]]))
    assert found["information"] == pytest.approx(expected, abs=1e-6)


def test_motion_that_changes_the_answer_costs_invariance():
    still = of(colour_segmenter(2.0), seen([[0, 0, 1, 1]], previous=[[0, 0, 1, 2]]))
    sure = math.exp(2) / (math.exp(2) + 2)
    assert still["invariance"] == pytest.approx((4 + 3) / 8 * sure, rel=1e-5)  # mirrored: all; moved: three of four
    along = torch.zeros(1, 2, 1, 4)
    along[:, 0] = -1.0  # from the left; what comes from beyond the edge is not known
    moved = of(colour_segmenter(2.0), seen([[0, 1, 2, 1]], previous=[[1, 2, 1, 0]], flow=along))
    assert moved["invariance"] == pytest.approx(sure, rel=1e-5)  # all seven that are known


def test_an_answer_that_depends_on_the_side_costs_invariance():
    class Sided(ColourNetwork):
        def forward(self, images):
            here = torch.linspace(1, 0, images.shape[-1]).expand_as(images[:, :1])
            return super().forward(torch.cat([here, 1 - here, torch.zeros_like(here)], 1))

    found = of(VideoSegmenter(Sided(4.0), "none"), Batch({0: torch.rand(1, 3, 2, 2)}))
    assert found["invariance"] == 0.0


def test_neighbourhoods_worked_by_hand():
    # three pixels: two alike, one that is equally far from both
    found = of(colour_segmenter(1e3), seen([[0, 0, 1]]))
    near = 1 / (1 + math.exp(-20))  # cosine 1 against 0, over the temperature of 0.05
    pair = -(near * math.log(near) + (1 - near) * math.log(1 - near))
    assert found["neighbourhood"] == pytest.approx((2 * pair + math.log(2)) / 3 / math.log(2), rel=1e-4)


def test_it_needs_frames_and_leaves_the_network_as_it_was():
    with pytest.raises(DataError, match="at least one target frame"):
        of(colour_segmenter())
    network = colour_segmenter().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    of(network, seen([[0, 1, 2]]))
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
