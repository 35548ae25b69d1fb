"""Settings that save memory or time: a batch in parts, activations computed twice, fused optimisers."""

import pytest
import torch

import toy
from davsn.core.clip import Batch
from davsn.core.errors import ConfigError
from davsn.core.plugins import available
from davsn.core.settings import validate
from davsn.experiment.run import check_parts
from davsn.learning.method import Method
from davsn.networks.image_network import ImageNetwork
from davsn.networks.recomputing import blocks
from davsn.training.settings import TrainingSettings

METHODS = available(Method)


def light():
    """The smallest light network."""
    kind = available(ImageNetwork)["light"]
    return kind(validate(kind.Config, {"encoder": "test_resnet", "width": 8, "weights": None}, "network"), toy.CLASSES)


def stepped(name="source_only", image=light, steps=2, **settings):
    """A trainer after a few steps."""
    kind = METHODS[name]
    trainer = toy.trainer_of(kind, image=image, **settings)
    for step in range(steps):
        pair = [spec and toy.batch(step, spec) for spec in kind.clips(kind.Config())]
        trainer.last = trainer.step(*pair)
    return trainer


@pytest.mark.parametrize("name", ["source_only", "mean_teacher"])
def test_recomputed_activations_change_no_number(name):
    plain, again = stepped(name), stepped(name, recompute=True)
    assert len(blocks(again.segmenter.image)) >= 4
    counters = "num_batches_tracked"
    for key, value in toy.weights(plain).items():
        if not key.endswith(counters):
            torch.testing.assert_close(toy.weights(again)[key], value, rtol=0, atol=1e-6, msg=key)
    assert list(toy.weights(plain)) == list(toy.weights(again))


def test_recomputed_activations_are_not_kept():
    def held(**settings):
        trainer, kept = toy.trainer_of(METHODS["source_only"], image=light, **settings), []

        def count(tensor):
            kept.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            trainer.segmenter.image(torch.rand(1, 3, 64, 64))
        return sum(kept)

    assert held(recompute=True) < 0.5 * held()


def test_a_network_without_blocks_cannot_be_recomputed():
    with pytest.raises(ConfigError, match="no blocks"):
        stepped(image=toy.Tiny, recompute=True)


def test_two_equal_halves_of_a_batch_give_the_gradients_of_one():
    twice = lambda batch: Batch(  # noqa: E731
        *({key: torch.cat([value, value]) for key, value in each.items()} for each in (batch.frames, batch.flows)),
        labels=torch.cat([batch.labels, batch.labels]),
        names=batch.names * 2,
    )
    kind = METHODS["source_only"]
    batch = toy.batch(0, kind.clips(kind.Config())[0])
    one, two = (toy.trainer_of(kind, image=light, **more) for more in ({}, {"accumulate": 2}))
    first, second = one.step(batch, None), two.step(twice(batch), None)
    torch.testing.assert_close(first["loss/segmentation/main"], second["loss/segmentation/main"], rtol=0, atol=1e-6)
    for name, value in one.parts["segmenter"].named_parameters():
        torch.testing.assert_close(dict(two.parts["segmenter"].named_parameters())[name], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("batch_norm", "advent")])
def test_every_method_trains_on_parts(name):
    record = stepped(name, toy.Tiny, steps=1, accumulate=2).last
    whole = stepped(name, toy.Tiny, steps=1).last
    assert record.keys() == whole.keys()
    assert all(bool(torch.as_tensor(value).isfinite()) for value in record.values())


@pytest.mark.parametrize(
    ("settings", "method", "said"),
    [
        ({"batch_size": 2, "accumulate": 4}, "source_only", "training.batch_size  2 samples cannot be divided among 4"),
        ({"compile": True, "recompute": True}, "source_only", "training.compile  goes neither with training.recompute"),
        ({"batch_size": 2, "accumulate": 2}, "batch_norm", "training.accumulate  this method must see whole batches"),
    ],
)
def test_parts_that_cannot_be_are_refused(settings, method, said):
    with pytest.raises(ConfigError, match=said):
        check_parts(TrainingSettings(**settings), METHODS[method])


def test_compiling_needs_a_compiler(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ConfigError, match="needs a C\\+\\+ compiler, and none was found"):
        check_parts(TrainingSettings(compile=True), METHODS["source_only"])


def test_a_compiled_network_trains_as_before_and_keeps_the_names_of_its_weights(monkeypatch):
    true, calls = torch.nn.Module.compile, []

    def traced(module):  # without the compiler, whose kernels take a minute
        calls.append(type(module))
        true(module, backend="eager")

    monkeypatch.setattr(torch.nn.Module, "compile", traced)
    plain, compiled = stepped(image=toy.Tiny), stepped(image=toy.Tiny, compile=True)
    assert calls == [toy.Tiny]
    ours, usual = toy.weights(compiled), toy.weights(plain)
    assert list(ours) == list(usual)
    for key, value in usual.items():
        torch.testing.assert_close(ours[key], value, rtol=0, atol=1e-6, msg=key)


def test_fused_updates_are_those_of_separate_ones():
    kind = METHODS["da_vsn"]
    results = []
    for fused in (False, True):
        trainer = toy.trainer_of(kind, image=toy.Tiny, rates={"fused": fused})
        pair = [spec and toy.batch(0, spec) for spec in kind.clips(kind.Config())]
        trainer.step(*pair)
        assert all(
            bool(group["fused"]) is fused
            for each in trainer.optimisation.optimisers.values()
            for group in each.param_groups
        )
        results.append(toy.weights(trainer))
    for key, value in results[0].items():
        torch.testing.assert_close(results[1][key], value, rtol=0, atol=1e-5, msg=key)
