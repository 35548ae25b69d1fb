"""Neural flow on a GPU: that of the CPU, and nothing waits for it."""

import pytest
import torch

from davsn.core.plugins import find
from davsn.flow.estimator import FlowEstimator
from devices import on_devices

NETWORKS = [("raft_small", {"updates": 3}), ("raft_large", {"updates": 3}), ("flownet2", {"part": "cs"})]


@pytest.mark.parametrize(("network", "device"), on_devices(*NETWORKS))
def test_flow_is_that_of_the_cpu(network, device):
    name, options = network
    kind = find(FlowEstimator, name)
    estimator = kind(kind.Config(weights="random", **options))
    first, second = torch.rand(2, 1, 3, 100, 130)
    expected = estimator.estimate(first, second)
    first, second = first.to(device), second.to(device)
    estimator.estimate(first, second)  # moves the network, and prepares kernels
    if device == "cuda":
        torch.cuda.set_sync_debug_mode("error")
    try:
        flow = estimator.estimate(first, second)
    finally:
        if device == "cuda":
            torch.cuda.set_sync_debug_mode("default")
    assert flow.device.type == device
    assert flow.dtype == torch.float32
    size = float(expected.abs().max())
    assert size > 0
    assert float((flow.cpu() - expected).abs().max()) < 1e-2 * max(size, 1.0)
