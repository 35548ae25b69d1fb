"""DA-VSN's propagation against recordings of the public code (a_splat*.npz), bit for bit."""

import pytest
import torch
from vectors import files, flow, label, load, meta

from davsn.ops.warp import resize_flow, splat


@pytest.mark.parametrize("path", files("a_splat*.npz"), ids=label)
def test_splat_repeats_the_recording_bit_for_bit(path):
    vectors = load(path)
    for case in range(len(meta(vectors)["cases"])):
        maps, expected = (torch.from_numpy(vectors[f"c{case}_{name}"]) for name in ("feat", "out"))
        resized = resize_flow(flow(vectors[f"c{case}_flow"]), maps.shape[-2:], "height")
        splatted, hit = splat(maps, resized)
        assert torch.equal(splatted, expected), case
        assert torch.equal(hit[0], torch.from_numpy(vectors[f"c{case}_mask"]).bool()), case
