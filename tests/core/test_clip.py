"""The conventions of ``davsn.core.clip`` from files on disk to a batch; those of functions are tested beside them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from davsn.core.clip import IGNORE, Batch, ClipSpec
from davsn.data.loading import Samples, evaluation_batches
from davsn.data.sets.folder import Folder
from davsn.ops.losses import cross_entropy
from davsn.ops.warp import warp

SPEC = ClipSpec((0, -1), ((0, -1), (-1, 0)), labels=True)
RIGHT, DOWN = 4, 2
"""How far the content moves from the previous frame to the current one."""


@pytest.fixture(scope="module", name="batch")
def _batch(tmp_path_factory):
    """Two frames of one texture, nearly all red; the second shows it further right and further down."""
    root = tmp_path_factory.mktemp("set")
    noise = np.random.default_rng(0).integers(0, 256, (14, 20), np.uint8)
    scene = np.array(Image.fromarray(noise).resize((160, 112), Image.Resampling.BICUBIC))
    for number, (x, y) in {1: (32, 24), 2: (32 - RIGHT, 24 - DOWN)}.items():
        shown = np.zeros((64, 96, 3), np.uint8)
        shown[..., 0] = scene[y : y + 64, x : x + 96]
        label = np.full((64, 96), number - 1, np.uint8)
        label[:3] = IGNORE
        for kind, picture in (("frames", shown), ("labels", label)):
            (root / kind / "clip").mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(root / kind / "clip" / f"{number}.png")
    (root / "classes.yaml").write_text(
        "classes: [{name: a, color: [0, 0, 0]}, {name: b, color: [9, 9, 9]}, {name: c, color: [1, 2, 3]}]"
    )
    data = Folder(Folder.Config(root=root, flow="dis"))
    return next(evaluation_batches(Samples(data, SPEC)))


def test_letters_and_types(batch):
    assert batch.current.shape == batch.previous.shape == (1, 3, 64, 96)
    assert batch.current.dtype == torch.float32
    assert batch.flow.shape == (1, 2, 64, 96)
    assert batch.labels.shape == (1, 64, 96)
    assert batch.labels.dtype == torch.int64
    assert batch.size == (64, 96)
    assert batch.names == ("clip/2",)


def test_frames_are_rgb_between_0_and_1(batch):
    assert 0 <= batch.current.min() < 0.1 < 0.9 < batch.current.max() <= 1
    assert batch.current[:, 1:].max() == 0  # what is red in the file is the first channel


def test_offsets_name_the_frames_and_the_label_is_the_current_ones(batch):
    assert batch.current is batch.frames[0]
    assert batch.previous is batch.frames[-1]
    assert batch.seen == (batch.current, batch.previous, batch.flow)
    assert replace(batch, frames={0: batch.current}, flows={}).seen == (batch.current, None, None)
    assert batch.flow is batch.flows[0, -1]
    assert torch.equal(batch.current[..., DOWN:, RIGHT:], batch.previous[..., :-DOWN, :-RIGHT])
    assert batch.labels[:, 3:].unique().tolist() == [1]


def test_content_at_p_in_a_is_at_p_plus_flow_in_b(batch):
    inner = (..., slice(16, 48), slice(24, 72))
    for pair, sign in (((0, -1), -1), ((-1, 0), 1)):
        x, y = batch.flows[pair][inner].flatten(2)[0].median(1).values
        assert float(x) == pytest.approx(sign * RIGHT, abs=0.25)
        assert float(y) == pytest.approx(sign * DOWN, abs=0.25)
        a, b = batch.frames[pair[0]], batch.frames[pair[1]]
        moved, _ = warp(b, batch.flows[pair])
        assert (moved - a)[inner].abs().mean() < 0.2 * (b - a)[inner].abs().mean()


def test_255_counts_nowhere(batch):
    logits = torch.randn(1, 3, 64, 96, requires_grad=True)
    cross_entropy(logits, batch.labels).backward()
    ignored = batch.labels == IGNORE
    assert ignored.sum() == 3 * 96
    assert (logits.grad.abs().sum(1)[ignored] == 0).all()
    assert (logits.grad.abs().sum(1)[~ignored] > 0).all()


def test_a_spec_names_the_frames_of_its_flows():
    with pytest.raises(ValueError, match=r"flows \(\(0, -2\),\) name frames \[-2\] that are not among \(0, -1\)"):
        ClipSpec((0, -1), ((0, -2),))


def test_a_batch_moves_as_a_whole():
    pair = (0, -1)
    maps = torch.zeros(1, 2, 4, 6)
    mask = torch.ones(1, 4, 6, dtype=torch.bool)
    batch = Batch({0: maps, -1: maps}, {pair: maps}, {pair: mask}, labels=mask.long(), names=("a",), skipped=("b",))
    moved = batch.to("meta")
    tensors = [*moved.frames.values(), moved.flows[pair], moved.valid[pair], moved.labels]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert (moved.names, moved.skipped) == (("a",), ("b",))
    assert Batch({0: maps}).to("meta").labels is None
