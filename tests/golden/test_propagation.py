"""Propagation against recordings of the public code: DA-VSN's splat bit for bit, TPS's warp to rounding."""

import pytest
import torch
from vectors import files, flow, label, load, meta

from davsn.ops.warp import resize_flow, splat, warp


def cases(path):
    """The maps, the flow at their size, and what came out with its mask (a splat's alone)."""
    vectors = load(path)
    for case in range(len(meta(vectors)["cases"])):
        maps, expected = (torch.from_numpy(vectors[f"c{case}_{name}"]) for name in ("feat", "out"))
        mask = vectors.get(f"c{case}_mask")
        yield maps, resize_flow(flow(vectors[f"c{case}_flow"]), maps.shape[-2:], "height"), expected, mask


@pytest.mark.parametrize("path", files("a_splat*.npz"), ids=label)
def test_splat_repeats_the_recording_bit_for_bit(path):
    for maps, resized, expected, mask in cases(path):
        splatted, hit = splat(maps, resized)
        assert torch.equal(splatted, expected)
        assert torch.equal(hit[0], torch.from_numpy(mask).bool())


@pytest.mark.parametrize("path", files("g_warp*.npz"), ids=label)
def test_warp_repeats_the_recording(path):
    for maps, resized, expected, _ in cases(path):
        torch.testing.assert_close(warp(maps, resized)[0], expected, rtol=1e-6, atol=1e-6)
