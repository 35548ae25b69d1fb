"""Single formulas against recordings (d_parts*.npz): entropies, losses and the schedule."""

import pytest
import torch
from vectors import files, label, load

from davsn.ops.losses import SOURCE, TARGET, cross_entropy, domain_loss, weighted_l1
from davsn.ops.pictures import MEAN_BGR, match_histograms, wrapped
from davsn.ops.uncertainty import entropy, entropy_loss, self_information
from davsn.training.optimisation import Optimisation, OptimiserSettings


@pytest.fixture(params=files("d_parts*.npz"), ids=label)
def parts(request):
    return {name: torch.as_tensor(value) for name, value in load(request.param).items() if value.dtype.kind in "fiu"}


def test_self_information_and_its_means(parts):
    torch.testing.assert_close(self_information(parts["prob"]), parts["entropy_map"], rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(entropy(parts["prob"]), parts["entropy_map"].mean(1), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(entropy_loss(parts["prob"]), parts["entropy_loss"], rtol=1e-6, atol=0)


def test_losses(parts):
    logits, probabilities = parts["logits"], parts["prob"]
    close = {"rtol": 1e-6, "atol": 0}
    torch.testing.assert_close(cross_entropy(logits, parts["label"]), parts["ce"], **close)
    torch.testing.assert_close(domain_loss(logits, SOURCE), parts["bce0"], **close)
    torch.testing.assert_close(domain_loss(logits, TARGET), parts["bce1"], **close)
    torch.testing.assert_close(weighted_l1(logits, probabilities, probabilities[:, :1]), parts["wl1"], **close)


def test_histogram_matching_and_the_wrapped_picture(parts):
    source, target = (parts[name].permute(2, 0, 1)[None] / 255 for name in ("hm_src", "hm_trg"))
    torch.testing.assert_close(match_histograms(source, target) * 255, parts["hm_out"], rtol=1e-6, atol=1e-4)
    assert torch.equal((wrapped(source) * 255).round().byte()[0], parts["wrap_u8"])
    normalised = (source * 255).flip(1) - torch.tensor(MEAN_BGR).view(3, 1, 1)
    torch.testing.assert_close(normalised, parts["wrap_in"], rtol=1e-6, atol=1e-5)


def test_the_rates_fall_as_published(parts):
    weight = torch.nn.Parameter(torch.ones(1))
    settings = OptimiserSettings(horizon=250_000)
    optimisation = Optimisation({"backbone": [weight]}, {weight: "conv1.weight"}, {}, settings, steps=1)
    rates = []
    for step in (0, 1, 1_000, 40_000, 120_000, 249_999):  # no file names the steps; these give the recorded rates
        optimisation.begin(step)
        rates.append(optimisation.rates()["segmenter/backbone"])
    assert rates == pytest.approx(parts["lr_poly"].tolist(), rel=1e-9)
