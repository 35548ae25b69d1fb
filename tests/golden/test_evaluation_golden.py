"""The evaluation protocol against numbers recorded from the reference (e_eval_*.npz)."""

import numpy as np
import pytest
import torch
from vectors import files, label, load

from davsn.core.clip import Batch, Levels
from davsn.core.settings import Settings
from davsn.data.labels.taxonomy import Taxonomy
from davsn.networks.image_network import ImageNetwork
from davsn.networks.video import VideoSegmenter
from davsn.scoring.evaluation import evaluate

FENCE = 3
"""Trained, and left out of the reported classes where they are fewer."""


class Recorded(ImageNetwork):
    """Answers with recorded logits: the picture holds nothing but the frame's number."""

    Config = Settings

    def __init__(self, logits):
        super().__init__(Settings(), logits.shape[1])
        self.num_classes = logits.shape[1]
        self.logits = logits

    def forward(self, images):
        chosen = self.logits[images[:, 0, 0, 0].long()]
        return Levels(chosen, chosen)

    def groups(self):
        return {}


def batch(number, labels):
    frame = torch.full((1, 3, 8, 16), float(number))
    labels = torch.from_numpy(labels[number : number + 1].astype(np.int64))
    return Batch({0: frame, -1: frame}, {(0, -1): torch.zeros(1, 2, 8, 16)}, {}, labels, (f"clip/{number}",))


@pytest.mark.parametrize("path", files("e_eval_*.npz"), ids=label)
def test_the_protocol_is_repeated_exactly(path):
    vectors = load(path)
    classes = vectors["logits"].shape[1]
    unscored = frozenset({str(FENCE)} if len(vectors["ious_reported"]) < classes else ())
    taxonomy = Taxonomy(tuple(map(str, range(classes))), ((0, 0, 0),) * classes, unscored)
    segmenter = VideoSegmenter(Recorded(torch.from_numpy(vectors["logits"])))
    batches = [batch(number, vectors["labels"]) for number in range(len(vectors["labels"]))]
    height, width = vectors["labels"].shape[-2:]

    for number, one in enumerate(batches):
        found = segmenter.predict(one.current, one.previous, one.flow, (height, width))
        np.testing.assert_array_equal(found[0].numpy(), vectors["preds"][number])
        assert evaluate(segmenter, [one], taxonomy).counts == tuple(map(tuple, vectors["hists"][number].tolist()))

    scores = evaluate(segmenter, batches, taxonomy)
    np.testing.assert_array_equal(np.array(scores.counts), vectors["hist"])
    np.testing.assert_array_equal(np.array(list(scores.iou.values())), vectors["ious"])
    kept = [scores.iou[taxonomy.names[index]] for index in taxonomy.scored]
    np.testing.assert_array_equal(np.array(kept), vectors["ious_reported"])
    assert scores.exact_miou == pytest.approx(float(vectors["miou"]), rel=1e-12)
    assert scores.miou == round(float(vectors["miou"]), 2)
