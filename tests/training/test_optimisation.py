"""Oracle: PyTorch's own SGD with repeated entries, and the literal loop of PyTorch 1.2."""

import copy
import warnings

import pytest
import torch
from torch import nn

from davsn.core.errors import ConfigError
from davsn.core.settings import validate
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


class Layered(nn.Module):
    """Two layers of a backbone with a norm, and a classifier."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)) for _ in range(2))
        self.classifier = nn.Linear(2, 2)


def layered(**settings):
    network = Layered()
    groups = {
        "backbone": [*network.first.parameters(), *network.second.parameters()],
        "classifier": list(network.classifier.parameters()),
    }
    names = {parameter: name for name, parameter in network.named_parameters()}
    layers = [list(network.first.parameters()), list(network.second.parameters())]
    options = OptimiserSettings(**{"name": "adamw", "learning_rate": 0.1, "power": 0.0, **settings})
    return Optimisation(groups, names, {}, options, steps=10, layers=layers), network


def groups_of(parts):
    """Each group of the segmenter's optimiser: role, rate, decay and the number of its parameters."""
    found = parts.optimisers["segmenter"].param_groups
    return [(group["role"], round(group["lr"], 6), group["weight_decay"], len(group["params"])) for group in found]


def test_rates_fall_layer_by_layer_and_the_log_shows_the_deepest():
    parts, _ = layered(layer_decay=0.5, classifier_factor=10, weight_decay=0.01)
    parts.begin(0)
    assert groups_of(parts) == [
        ("backbone", 0.025, 0.01, 4),
        ("backbone", 0.05, 0.01, 4),
        ("classifier", 1.0, 0.01, 2),
    ]
    assert parts.rates() == pytest.approx({"segmenter/backbone": 0.05, "segmenter/classifier": 1.0})


def test_weights_alone_decay_if_it_is_wished():
    parts, network = layered(decayed="weights", weight_decay=0.5)
    parts.begin(0)
    assert [group[2:] for group in groups_of(parts)] == [(0.5, 2), (0.0, 6), (0.5, 1), (0.0, 1)]
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    parts.finish()
    for name, value in network.named_parameters():
        assert torch.equal(value, before[name]) == (value.ndim == 1), name


def test_both_together_make_a_group_of_each_layer_and_kind():
    parts, network = layered(layer_decay=0.5, decayed="weights")
    held = [parameter for group in parts.optimisers["segmenter"].param_groups for parameter in group["params"]]
    assert len(held) == len({id(parameter) for parameter in held}) == len(list(network.parameters()))
    assert len(groups_of(parts)) == 6


def test_rates_rise_in_equal_parts_in_the_warm_up():
    parts, _, _ = optimisation(learning_rate=0.1, power=0.0, warmup=4)
    found = []
    for step in range(6):
        parts.begin(step)
        found.append(parts.rates()["segmenter/backbone"])
    assert found == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1])


def test_a_network_that_does_not_tell_its_layers_has_no_rates_by_layer():
    with pytest.raises(ConfigError, match=r"layer_decay  the network does not tell its layers\. Set it to 1"):
        optimisation(layer_decay=0.9)


@pytest.mark.parametrize("settings", [{"layer_decay": 0.9}, {"decayed": "weights"}])
def test_the_positional_schedule_needs_one_group_a_role(settings):
    with pytest.raises(ConfigError, match="schedule  positional counts on one group a role"):
        validate(OptimiserSettings, {"schedule": "positional", **settings}, "recipe")


def test_the_positional_schedule_has_no_warm_up():
    with pytest.raises(ConfigError, match="schedule  positional leaves some rates constant, so they have no warm-up"):
        validate(OptimiserSettings, {"schedule": "positional", "warmup": 10}, "recipe")
