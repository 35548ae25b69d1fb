"""AdaBN: exactly the mean of the target batches' statistics, and nothing else."""

import pytest
import torch
from torch import nn

from davsn.core.clip import Batch, ClipSpec, Levels
from davsn.core.errors import ConfigError
from davsn.core.settings import Settings
from davsn.methods.batch_norm import BatchNorm
from davsn.networks.image_network import ImageNetwork
from davsn.networks.video import VideoSegmenter
from toy import Tiny, batch, trainer_of, weights

NOTHING = Batch({})


class Bare(ImageNetwork):
    """A batch norm on the pixels themselves, after a dropout that training would switch on."""

    Config = Settings

    def __init__(self):
        super().__init__(None, 3)
        self.num_classes = 3
        self.drop, self.norm = nn.Dropout(0.5), nn.BatchNorm2d(3)
        self.norm.running_mean.fill_(7)

    def forward(self, images):
        scores = self.norm(self.drop(images))
        return Levels(scores, scores)

    def groups(self):
        return {"backbone": list(self.norm.parameters())}


def pixels(*values):
    """A target batch of one-pixel-high pictures, all channels alike."""
    return Batch({0: torch.tensor(values).view(1, 1, 1, -1).expand(1, 3, 1, -1).clone()})


def adapted(*batches, **config):
    image = Bare()
    made = BatchNorm(BatchNorm.Config(**config), VideoSegmenter(image, "none"))
    for step, given in enumerate(batches):
        assert list(made.terms(NOTHING, given, step)) == []
    return image.norm


def test_statistics_are_the_mean_over_all_batches_and_the_sources_are_gone():
    norm = adapted(pixels(0.0, 2.0), pixels(4.0, 8.0), pixels(3.0, 3.0))
    assert norm.running_mean.tolist() == pytest.approx([(1 + 6 + 3) / 3] * 3)
    assert norm.running_var.tolist() == pytest.approx([(2 + 8 + 0) / 3] * 3)  # unbiased: of two, the squares' sum


def test_with_a_momentum_the_sources_fade_out():
    norm = adapted(pixels(0.0, 2.0), pixels(4.0, 8.0), momentum=0.5)
    assert norm.running_mean.tolist() == pytest.approx([7 / 4 + 1 / 4 + 6 / 2] * 3)
    assert norm.running_var.tolist() == pytest.approx([1 / 4 + 2 / 4 + 8 / 2] * 3)


def test_nothing_else_changes_and_the_log_has_no_rates_of_what_is_not_trained():
    trainer = trainer_of(BatchNorm)
    before = {key: value.clone() for key, value in weights(trainer).items()}
    for step in range(3):
        assert trainer.step(NOTHING, batch(step, ClipSpec())) == {}
    changed = {key for key, value in weights(trainer).items() if not torch.equal(value, before[key])}
    assert changed == {f"segmenter/image.norm.{key}" for key in ("running_mean", "running_var", "num_batches_tracked")}


def test_the_order_of_the_batches_does_not_matter():
    given = [batch(step, ClipSpec()) for step in range(4)]
    forward, backward = adapted(*given), adapted(*given[::-1])
    torch.testing.assert_close(forward.running_mean, backward.running_mean)
    torch.testing.assert_close(forward.running_var, backward.running_var)


def test_a_network_without_batch_normalisation_is_refused():
    class Other(Tiny):
        def __init__(self):
            super().__init__()
            self.norm = nn.GroupNorm(1, 4)

    with pytest.raises(ConfigError, match="network  has no batch normalisation to adapt"):
        BatchNorm(BatchNorm.Config(), VideoSegmenter(Other()))
