"""The benchmark of FlowNet2's correlation compares like with like, and tells how far ours is from the fastest.

How far that is depends on the processor, so that no test asks for it: docs/results/flow.md has the measured numbers.
"""

import pytest
import torch

from benchmarks.costs import correlation as benchmark


def test_every_variant_computes_the_same_and_is_timed_against_the_fastest(monkeypatch):
    with torch.no_grad():
        rows = benchmark.measure(128, 64, rounds=1, hungry=True)
        assert [row["variant"] for row in rows] == list(benchmark.VARIANTS)
        assert rows[0]["variant"].startswith("ours")
        assert min(row["times_the_fastest"] for row in rows) == 1
        monkeypatch.setitem(benchmark.VARIANTS, "another sum", lambda a, b: 1.01 * benchmark.correlation(a, b, 10, 2))
        with pytest.raises(AssertionError, match="another sum"):
            benchmark.measure(128, 64, rounds=1, hungry=False)
