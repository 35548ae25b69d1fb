"""The protocol ``unified`` in whole: full resolution, sliding windows, and riders that count nowhere."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from test_showing import experiment

from colour_network import TAXONOMY, ColourNetwork
from davsn.core.clip import IGNORE, Levels
from davsn.core.plugins import choose, find
from davsn.data.dataset import VideoDataset
from davsn.experiment.scoring import score
from davsn.experiment.trained import Trained
from davsn.networks.video import VideoSegmenter
from davsn.networks.windows import Window
from davsn.scoring.measures import Measures
from davsn.scoring.protocols import DAVSN, UNIFIED
from davsn.streets.categories import Category

BLOCKS = np.array([[0, 1], [2, 0]], np.uint8)


class MeanColour(ColourNetwork):
    """Says of every pixel which colour is strongest on average in all that the network sees."""

    def forward(self, images):
        self.calls += 1
        assert images.shape[-2:] == (32, 32)
        means = images.mean((2, 3), keepdim=True).expand_as(images)
        return Levels(means, means)


@pytest.fixture(name="part")
def _part(tmp_path):
    """One frame of 64×64: four blocks of one colour each. Its set is read at half that size."""
    lines = [f"  - {{name: {name}, color: {list(colour)}}}\n" for name, colour in zip(*_table(), strict=True)]
    (tmp_path / "classes.yaml").write_text(f"classes:\n{''.join(lines)}")
    ids = np.kron(BLOCKS, np.ones((32, 32), np.uint8))
    for kind, picture in (("frames", (np.eye(3)[ids] * 255).astype(np.uint8)), ("labels", ids)):
        (tmp_path / kind / "a").mkdir(parents=True)
        Image.fromarray(picture).save(tmp_path / kind / "a" / "0.png")
    return choose(
        VideoDataset, {"name": "folder", "root": tmp_path, "missing": "repeat", "flow": "zero", "size": [32, 32]}
    )


def _table():
    return TAXONOMY.names, TAXONOMY.colours


def test_unified_sees_full_frames_through_windows(part):
    segmenter = VideoSegmenter(MeanColour(), "none")
    trained = Trained(segmenter, TAXONOMY, experiment("none"), 5)
    assert UNIFIED.window == Window(1024, 1024, 0.5)
    small = replace(UNIFIED, window=Window(32, 32, 0.0))
    # The published protocol: the network sees the whole frame at the data set's size, which is red on average.
    # Red has 2 of 4 blocks right, green and blue none.
    usual = score(trained, part, "camera", measures=Measures(protocol=DAVSN))
    assert usual.exact_miou == pytest.approx((2 / 4 + 0 + 0) / 3 * 100)
    assert segmenter.image.calls == 1
    # The full frame has four windows, and each holds one block.
    unified = score(trained, part, "camera", measures=Measures(protocol=small))
    assert unified.exact_miou == 100
    assert segmenter.image.calls == 1 + 4
    assert segmenter.window is None  # as it was


def test_riders_of_streets_are_ignored_where_the_classes_have_none():
    ids = {}
    for classes in ("viper", "synthia", "vkitti2"):
        part = choose(VideoDataset, {"name": "streets", "classes": classes})
        ids[classes] = [find(VideoDataset, "streets")(one.data(part).settings)._ids for one in (DAVSN, UNIFIED)]
    usual, unified = ids["viper"]
    assert usual[Category.RIDER] == usual[Category.PERSON] != IGNORE
    assert unified[Category.RIDER] == IGNORE
    assert (np.delete(usual, Category.RIDER) == np.delete(unified, Category.RIDER)).all()
    usual, unified = ids["synthia"]  # it has riders
    assert (usual == unified).all()
    assert unified[Category.RIDER] != unified[Category.PERSON]
    assert (ids["vkitti2"][0] == ids["vkitti2"][1]).all()  # it has neither
