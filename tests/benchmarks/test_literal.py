"""The baselines compute a faithful step, as the public code does: the same losses and the same new weights."""

import pytest
import torch
from PIL import Image

from benchmarks.costs import device
from benchmarks.costs.literal import literal_of, tps
from davsn.methods.tps import Draw, Tps
from davsn.ops.augmentation import Photometric
from davsn.training import checkpoint


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(device, "LAYERS", (1, 1, 1, 1))


def trainer_of(method, *changes):
    checkpoint.seed_everything(3)
    trainer, *specs = device.trainer_of(method, "fp32", torch.device("cpu"), *changes)
    return trainer, [device.batch(spec, (56, 64)) for spec in specs]


def agree(method, *changes):
    """Take a step of a method and one of its baseline; compare losses and weights."""
    ours, pair = trainer_of(method, *changes)
    theirs, _ = trainer_of(method, *changes)
    found = ours.step(*pair)
    losses = literal_of(method, theirs).step(*pair)
    assert losses == {
        key.removeprefix("loss/"): pytest.approx(float(loss), rel=1e-4)
        for key, loss in found.items()
        if key.startswith("loss/")
    }
    for name, part in ours.parts.items():
        expected = theirs.parts[name].state_dict()
        for key, value in part.state_dict().items():
            torch.testing.assert_close(value, expected[key], rtol=1e-4, atol=2e-6, msg=f"{name}/{key}")


def test_the_literal_step_of_da_vsn_is_the_faithful_step():
    agree("da_vsn", "method.discriminator_width=4")


def test_the_literal_step_of_tps_is_the_faithful_step(monkeypatch):
    monkeypatch.setattr(Tps, "draw", lambda self, height: Draw(True, 1.1, Photometric()))
    agree("tps")


def test_the_augmentation_in_pillow_is_ours_within_eight_bits():
    noise = torch.nn.functional.interpolate(
        torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(0)), (48, 64)
    )
    numbers = (noise * 255).byte()
    picture = Image.fromarray(numbers[0].permute(1, 2, 0).numpy())
    for drawn in (
        Photometric(blur=5.0),
        Photometric(jitter=(("brightness", 0.7), ("contrast", 1.4), ("saturation", 0.5))),
        Photometric(grey=True),
    ):
        theirs = tps.transforms.pil_to_tensor(tps.in_pillow(picture, drawn)).float() / 255
        ours = drawn(numbers / 255)[0]
        inside = (slice(None), slice(16, -16), slice(16, -16))  # a blur continues a frame in another way
        assert (theirs - ours)[inside].abs().max() < 5 / 255
