"""Oracle: PyTorch's own SGD with repeated entries, and the literal loop of PyTorch 1.2."""

import copy
import warnings

import pytest
import torch
from torch import nn

from davsn.training.optimisation import Optimisation, OptimiserSettings, RepeatedSGD, times_listed


def repeated_torch(weight, gradients, count, foreach, rate, momentum=0.9, decay=5e-4):
    parameter = nn.Parameter(weight.clone())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of repeated parameters: they are the point here
        optimiser = torch.optim.SGD(
            [{"params": [parameter] * count}], lr=rate, momentum=momentum, weight_decay=decay, foreach=foreach
        )
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimiser.step()
    return parameter.detach()


def repeated_torch12(weight, gradients, count, rate, momentum=0.9, decay=5e-4):
    weight, buffer = weight.clone().double(), None
    for gradient in gradients:
        gradient = gradient.clone().double()
        for _ in range(count):
            gradient += decay * weight
            buffer = gradient.clone() if buffer is None else momentum * buffer + gradient
            weight -= rate * buffer
    return weight.float()


def repeated_ours(weight, gradients, count, repeats, rate):
    parameter = nn.Parameter(weight.clone())
    group = {"params": [parameter], "counts": [count]}
    optimiser = RepeatedSGD([group], repeats=repeats, lr=rate, momentum=0.9, weight_decay=5e-4)
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimiser.step()
    return parameter.detach()


@pytest.mark.parametrize("count", [1, 3, 4])
@pytest.mark.parametrize("repeats", ["for_loop", "foreach", "torch12"])
def test_repeated_sgd_equals_the_literal_repeats(count, repeats):
    generator = torch.Generator().manual_seed(count)
    weight = torch.randn(7, 5, generator=generator)
    gradients = [torch.randn(7, 5, generator=generator) for _ in range(4)]
    if repeats == "torch12":
        expected = repeated_torch12(weight, gradients, count, 0.05)
    else:
        expected = repeated_torch(weight, gradients, count, repeats == "foreach", 0.05)
    ours = repeated_ours(weight, gradients, count, repeats, 0.05)
    torch.testing.assert_close(ours, expected, rtol=2e-6, atol=2e-6)
    if count > 1:  # the check can fail: one listing gives another result
        assert not torch.allclose(ours, repeated_ours(weight, gradients, 1, repeats, 0.05), atol=1e-3)


def test_times_listed_counts_the_modules_that_hold_a_parameter():
    assert times_listed("conv1.weight") == 1
    assert times_listed("layer3.22.conv2.weight") == 3
    assert times_listed("layer1.0.downsample.0.weight") == 4


def optimisation(**settings):
    layers = {role: nn.Linear(2, 2, bias=False) for role in ("backbone", "fusion", "classifier")}
    groups = {role: list(layer.parameters()) for role, layer in layers.items()}
    names = {layer.weight: "conv1.weight" for layer in layers.values()}
    judge = {"judge": nn.Linear(2, 1)}
    return Optimisation(groups, names, judge, OptimiserSettings(**settings), steps=10, clip=1.0), layers, judge


def test_named_schedule_decays_every_group_by_its_own_factor():
    parts, _, _ = optimisation(learning_rate=0.1, power=1.0)
    parts.begin(5)
    assert parts.rates() == pytest.approx(
        {"segmenter/backbone": 0.05, "segmenter/fusion": 0.05, "segmenter/classifier": 0.5, "judge": 5e-5}
    )


def test_positional_schedule_gives_the_fusion_the_classifiers_rate():
    parts, _, _ = optimisation(learning_rate=0.1, power=1.0, schedule="positional")
    parts.begin(5)
    assert parts.rates() == pytest.approx(
        {"segmenter/backbone": 0.05, "segmenter/fusion": 0.5, "segmenter/classifier": 1.0, "judge": 5e-5}
    )


def test_clipping_is_of_each_part_on_its_own():
    parts, layers, judge = optimisation()
    parts.begin(0)
    layers["backbone"].weight.grad = torch.full((2, 2), 3.0)
    judge["judge"].weight.grad = torch.full((1, 2), 0.1)
    norms = parts.finish()
    assert norms["segmenter"].item() == pytest.approx(6.0)
    assert layers["backbone"].weight.grad.norm().item() == pytest.approx(1.0, rel=1e-5)
    assert judge["judge"].weight.grad.norm().item() == pytest.approx(0.02**0.5, rel=1e-5)


def test_torch12_adam_adds_epsilon_before_the_bias_correction():
    parts, _, judge = optimisation(repeats="torch12")
    weight = judge["judge"].weight
    start = weight.detach().clone()
    parts.begin(0)
    gradient = torch.tensor([[1e-9, 1.0]])
    weight.grad = gradient.clone()
    parts.clip = None
    parts.finish()
    first, second = 0.1 * gradient, 0.01 * gradient**2
    expected = start - 1e-4 * (1 - 0.99) ** 0.5 / (1 - 0.9) * first / (second.sqrt() + 1e-8)
    torch.testing.assert_close(weight.detach(), expected)


@pytest.mark.parametrize("settings", [{}, {"repeats": "for_loop"}, {"name": "adamw"}])
def test_a_resumed_optimisation_goes_on_as_if_never_stopped(settings):
    def run(stop):
        torch.manual_seed(0)
        parts, layers, judge = optimisation(learning_rate=0.1, **settings)
        modules = [*layers.values(), *judge.values()]
        generator = torch.Generator().manual_seed(1)
        for step in range(6):
            if step == stop:
                saved, weights = parts.state_dict(), [m.state_dict() for m in modules]
                torch.manual_seed(9)
                parts, layers, judge = optimisation(learning_rate=0.1, **settings)
                modules = [*layers.values(), *judge.values()]
                parts.load_state_dict(saved)
                for module, weight in zip(modules, weights, strict=True):
                    module.load_state_dict(weight)
            parts.begin(step)
            for module in modules:
                for parameter in module.parameters():
                    parameter.grad = torch.randn(parameter.shape, generator=generator)
            parts.finish()
        return [p.detach() for m in modules for p in m.parameters()]

    for whole, resumed in zip(run(None), run(3), strict=True):
        assert torch.equal(whole, resumed)


def test_a_copy_of_the_repeating_optimiser_steps_as_it_does():
    weight = nn.Parameter(torch.ones(3))
    optimiser = RepeatedSGD(
        [{"params": [weight], "counts": [3]}], repeats="for_loop", lr=0.1, momentum=0.9, weight_decay=0.01
    )
    other = copy.deepcopy(optimiser)
    for one in (optimiser, other):
        (parameter,) = one.param_groups[0]["params"]
        parameter.grad = torch.full((3,), 0.5)
        one.step()
    assert torch.equal(weight, other.param_groups[0]["params"][0])
