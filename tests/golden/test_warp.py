"""TPS's propagation against recordings (g_warp*.npz)."""

import pytest
import torch
from vectors import files, flow, label, load, meta

from davsn.ops.warp import resize_flow, warp


@pytest.mark.parametrize("path", files("g_warp*.npz"), ids=label)
def test_warp_repeats_the_recording(path):
    vectors = load(path)
    for case in range(len(meta(vectors)["cases"])):
        maps, expected = (torch.from_numpy(vectors[f"c{case}_{name}"]) for name in ("feat", "out"))
        warped, _ = warp(maps, resize_flow(flow(vectors[f"c{case}_flow"]), maps.shape[-2:], "height"))
        torch.testing.assert_close(warped, expected, rtol=1e-6, atol=1e-6)
