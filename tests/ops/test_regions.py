"""Connected components against OpenCV's, and the means of regions by hand."""

import cv2
import numpy as np
import pytest
import torch

from davsn.ops.regions import components, largest_components, means


def spiral(size):
    """A path of one pixel's width that winds to the middle: the longest way between two pixels of a picture."""
    mask, row, column, step = np.zeros((size, size), bool), 0, 0, (0, 1)
    mask[0, 0] = True
    for _ in range(size * size):
        for _ in range(2):
            there = (row + step[0], column + step[1])
            beyond = (row + 2 * step[0], column + 2 * step[1])
            inside = 0 <= there[0] < size and 0 <= there[1] < size
            free = not (0 <= beyond[0] < size and 0 <= beyond[1] < size and mask[beyond])
            if inside and free and not mask[there]:
                row, column = there
                mask[row, column] = True
                break
            step = (step[1], -step[0])
        else:
            break
    return mask


def random_masks():
    generator = np.random.default_rng(0)
    return [
        generator.random((h, w)) < share for h, w, share in [(20, 31, 0.3), (33, 17, 0.45), (64, 64, 0.4), (1, 9, 0.5)]
    ]


@pytest.mark.parametrize("mask", [*random_masks(), spiral(41), np.zeros((5, 6), bool), np.ones((7, 7), bool)])
def test_components_are_opencvs(mask):
    found = components(torch.from_numpy(mask)[None])[0].numpy()
    number, expected = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    assert (found > 0).tolist() == mask.tolist()
    assert len({(ours, theirs) for ours, theirs in zip(found.flat, expected.flat, strict=True)}) == len(
        set(expected.flat)
    )
    assert len(set(found.flat)) == len(set(expected.flat)) <= number


def test_masks_of_a_batch_know_nothing_of_each_other():
    masks = torch.from_numpy(np.stack([random_masks()[2], random_masks()[2][::-1]]))
    both = components(masks)
    assert both[0].equal(components(masks[:1])[0])
    assert both[1].equal(components(masks[1:])[0])


def test_the_largest_components_come_first_and_there_may_be_fewer():
    mask = torch.tensor([[[1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 1, 1], [0, 0, 1, 0]]]).bool()
    found = largest_components(mask, 3)
    assert found.shape == (1, 3, 4, 4)
    assert found[0, 0].nonzero().tolist() == [[2, 2], [2, 3], [3, 2]]
    assert found[0, 1].nonzero().tolist() == [[0, 0], [0, 1]]
    assert found[0, 2].sum() == 1
    assert largest_components(mask, 6)[0].flatten(1).sum(1).tolist() == [3, 2, 1, 1, 0, 0]


def test_means_of_parts():
    features = torch.arange(8.0).view(1, 2, 2, 2)
    masks = torch.tensor([[[[1, 0], [0, 1]], [[0, 0], [0, 0]]]]).bool()
    found, there = means(features, masks)
    assert found.tolist() == [[[1.5, 5.5], [0, 0]]]
    assert there.tolist() == [[True, False]]
    with torch.autocast("cpu", torch.bfloat16):
        assert means(features.bfloat16(), masks)[0].dtype == torch.float32
