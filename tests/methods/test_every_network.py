"""Every method trains deeplab and light at a size that no stride divides; each pair with one of the three propagations.

tests/networks has the other networks: test_encoder_head.py and test_detail.py.
"""

import pytest
import torch

import toy
from davsn.core.plugins import available
from davsn.core.settings import validate
from davsn.learning.method import Method
from davsn.networks.image_network import ImageNetwork

NETWORKS = {
    "deeplab": {"layers": (1, 1, 1, 1)},
    "light": {"encoder": "test_resnet", "width": 8, "weights": None},
}
"""The smallest settings of each network."""
METHODS = available(Method)
PROPAGATIONS = ("warp", "splat", "none")


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("method", METHODS)
def test_a_step_is_finite(method, name):
    kind, network = METHODS[method], available(ImageNetwork)[name]
    propagation = PROPAGATIONS[(list(METHODS).index(method) + list(NETWORKS).index(name)) % 3]
    if not kind.single_frames and propagation == "none":
        propagation = "warp"
    trainer = toy.trainer_of(
        kind,
        propagation=propagation,
        image=lambda: network(validate(network.Config, NETWORKS[name], "network"), toy.CLASSES),
    )
    pair = [spec and toy.batch(0, spec, (51, 75)) for spec in kind.clips(kind.Config())]
    record = trainer.step(*(pair if propagation != "none" else toy.single(kind, *pair)))
    assert all(bool(torch.as_tensor(value).isfinite()) for value in record.values())
    assert all(tensor.isfinite().all() for tensor in toy.weights(trainer).values())
