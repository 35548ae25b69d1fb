"""FlowNet2's correlation is as fast as PyTorch allows: at most 1.5 times the fastest variant of the benchmark."""

import pytest
import torch

from benchmarks.costs import correlation as benchmark


@pytest.mark.slow
def test_ours_is_near_the_fastest_variant():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            rows = benchmark.measure(512, 256, rounds=6, hungry=False)
    finally:
        torch.set_num_threads(before)
    (ours,) = (row for row in rows if row["variant"].startswith("ours"))
    assert len(rows) >= 3
    assert ours["times_the_fastest"] <= 1.5
