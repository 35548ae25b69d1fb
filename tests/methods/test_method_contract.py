"""What every method promises. A new file in ``davsn/methods`` is tested as it is."""

import ast
import inspect
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from davsn.core.errors import ConfigError
from davsn.core.plugins import available, name_of
from davsn.experiment.experiment import asked, clips_of, dump, load
from davsn.learning.method import Method, Term
from davsn.networks.video import VideoSegmenter
from davsn.training import checkpoint
from toy import Tiny, batch, config_of, leaves, same, single, trainer_of, weights

METHODS = available(Method)


@pytest.fixture(name="method", params=METHODS.values(), ids=METHODS.keys())
def _method(request):
    return request.param


def pair(method, step=0):
    """Source and target of one step, which hold what the method declares and nothing else."""
    source, target = method.clips(method.Config())
    return batch(step, source), None if target is None else batch(step, target)


def yields(method, seed=0):
    """A new method, and what it yields in its first step, each as a tuple."""
    checkpoint.seed_everything(seed)
    made = method(config_of(method), VideoSegmenter(Tiny()))
    given = made.terms(*pair(method), 0)
    return made, [(one,) if isinstance(one, Term) else one for one in given]


def trained_by(term):
    return (term.trains,) if isinstance(term.trains, str) else term.trains


def parameters_of(part):
    return [parameter for parameter in part.parameters() if parameter.requires_grad]


def recipe_of(method, **values):
    data = {"source": "streets", "target": "streets", "network": "light"}
    start = {"start": "runs/source_only"} if method.needs_start else {}
    return {**data, **start, "method": name_of(method), **values}


def test_the_segmenter_is_a_part_and_keeps_its_place(method):
    segmenter = VideoSegmenter(Tiny())
    assert method(method.Config(), segmenter).parts["segmenter"] is segmenter


def test_terms_are_finite_scalars_of_unique_names_that_train_parts_there_are(method):
    made, given = yields(method)
    terms = [term for together in given for term in together]
    assert len({term.name for term in terms}) == len(terms)
    for term in terms:
        assert term.loss.shape == (), term.name
        assert term.loss.isfinite(), term.name
        assert set(trained_by(term)) <= set(made.parts), term.name
    assert not terms or {name for term in terms for name in trained_by(term)} >= {"segmenter"}


def test_every_trained_part_receives_the_gradient_of_its_own_terms_and_no_other(method, monkeypatch):
    made, given = yields(method)
    expected = {}
    for together in given:
        for name in trained_by(together[0]):
            total = sum(term.weight * term.loss for term in together)
            gradients = torch.autograd.grad(
                total, parameters_of(made.parts[name]), retain_graph=True, allow_unused=True, materialize_grads=True
            )
            before = expected.get(name, [torch.zeros(())] * len(gradients))
            expected[name] = [one + other for one, other in zip(before, gradients, strict=True)]
    for name, gradients in expected.items():
        assert sum(float(gradient.abs().sum()) for gradient in gradients) > 0, name

    trainer = trainer_of(method, clip=None)
    monkeypatch.setattr(trainer.optimisation, "finish", dict)  # keep the gradients to look at
    trainer.step(*pair(method))
    for name, part in trainer.parts.items():
        if name not in expected:
            assert all(parameter.grad is None for parameter in part.parameters()), name
            continue
        for parameter, gradient in zip(parameters_of(part), expected[name], strict=True):
            ours = torch.zeros(()) if parameter.grad is None else parameter.grad
            torch.testing.assert_close(ours.expand_as(gradient), gradient)


def test_a_loss_that_does_not_train_the_segmenter_does_not_hold_its_graph(method):
    made, given = yields(method)
    for term in (term for together in given for term in together if "segmenter" not in trained_by(term)):
        reached = torch.autograd.grad(
            term.loss, parameters_of(made.parts["segmenter"]), retain_graph=True, allow_unused=True
        )
        assert all(gradient is None for gradient in reached), term.name


def test_no_target_labels_are_asked_for(method):
    source, target = method.clips(method.Config())
    assert source.labels or not source.frames
    assert target is None or not target.labels
    assert method.target is None or not method.target.labels


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_declared_frames_and_flows_are_enough_and_every_part_moves(method, precision):
    trainer = trainer_of(method, precision=precision)
    before = {key: value.clone() for key, value in weights(trainer).items()}
    source, target = pair(method)
    record = trainer.step(replace(source, names=()), target)
    assert all(bool(torch.as_tensor(value).isfinite()) for value in record.values())
    after = weights(trainer)
    assert all(value.isfinite().all() for value in after.values())
    assert all(value.dtype == before[key].dtype for key, value in after.items())
    for name in trainer.parts:
        assert any(not torch.equal(after[key], before[key]) for key in after if key.startswith(f"{name}/")), name


def test_a_resumed_step_is_the_step_that_would_have_come(method, tmp_path):
    whole = trainer_of(method)
    records = [whole.step(*pair(method, step)) for step in range(3)]
    stopped = trainer_of(method)
    for step in range(2):
        stopped.step(*pair(method, step))
    path = checkpoint.save(tmp_path, 2, stopped.state_dict(), keep=1)
    resumed = trainer_of(method, seed=7)
    resumed.load_state_dict(checkpoint.load(path))
    record = resumed.step(*pair(method, 2))
    assert {key: float(value) for key, value in record.items()} == {k: float(v) for k, v in records[2].items()}
    for key, value in weights(whole).items():
        assert torch.equal(value, weights(resumed)[key]), key
    expected = leaves(whole.state_dict())
    for key, value in leaves(resumed.state_dict()).items():
        assert same(value, expected[key]), key


def test_a_network_of_single_frames_is_trained_from_single_frames_or_refused_in_words(method, tmp_path):
    if not method.single_frames:
        with pytest.raises(
            ConfigError, match=rf"method  {name_of(method)} compares frames, but video.propagation none"
        ):
            load(recipe_of(method), ["video.propagation=none"], paths=False)
        return
    experiment = load(recipe_of(method), ["video.propagation=none"], paths=False)
    assert not asked(experiment).flows
    source, target = clips_of(experiment)
    assert not source.flows
    if method.target is not None:
        assert bool(target.flows) == method.target_motion
    whole = trainer_of(method, propagation="none")
    assert not any("fusion" in key for key in weights(whole))
    before = {key: value.clone() for key, value in weights(whole).items()}
    for step in range(2):
        whole.step(*single(method, *pair(method, step)))
    stopped = trainer_of(method, propagation="none")
    stopped.step(*single(method, *pair(method, 0)))
    path = checkpoint.save(tmp_path, 1, stopped.state_dict(), keep=1)
    resumed = trainer_of(method, seed=7, propagation="none")
    resumed.load_state_dict(checkpoint.load(path))
    resumed.step(*single(method, *pair(method, 1)))
    assert any(not torch.equal(value, before[key]) for key, value in weights(whole).items())
    assert all(torch.equal(value, weights(resumed)[key]) for key, value in weights(whole).items())


def test_the_running_statistics_can_be_those_of_the_target_as_it_is(method):
    if method.target is None:
        return  # the source's are all that there are
    target, after = pair(method)[1], []
    for source in (pair(method)[0], pair(method, 9)[0]):
        trainer = trainer_of(method)
        trainer.segmenter.statistics = "target"
        before = {key: value.clone() for key, value in trainer.segmenter.named_buffers() if "running" in key}
        trainer.step(source, target)
        after.append({key: trainer.segmenter.get_buffer(key) for key in before})
        assert not any(torch.equal(value, after[-1][key]) for key, value in before.items())
    for key, value in after[0].items():
        assert torch.equal(value, after[1][key]), key  # whatever the source shows


def test_a_step_copies_nothing_to_the_host(method, monkeypatch):
    trainer = trainer_of(method)
    given = [pair(method, step) for step in range(4)]  # a few, for methods that draw

    def guarded(name, original):
        def call(*arguments, **options):
            caller = sys._getframe(1).f_globals["__name__"]
            assert caller.startswith("torch.optim"), f"{caller} copied to the host by {name}"  # Adam's counter is there
            return original(*arguments, **options)

        return call

    for name in ("item", "cpu", "numpy", "tolist", "__bool__", "__float__", "__int__"):
        monkeypatch.setattr(torch.Tensor, name, guarded(name, getattr(torch.Tensor, name)))
    for source, target in given:
        trainer.step(source, target)


def test_settings_have_defaults_and_say_what_they_are(method):
    assert method.Config() == method.Config()
    for name, field in method.Config.model_fields.items():
        assert field.description, f"{name} has no text below it that says what it is"
    assert method.__doc__
    assert method.paper


def test_the_faithful_settings_are_settings_that_there_are(method):
    files = {"target": {"name": "cityscapes", "root": "."}}  # which public code made mistakes with, too
    faithful = dump(load(recipe_of(method, mode="faithful", **files), paths=False))
    for key, value in method.faithful.items():
        found = faithful
        for part in key.split("."):
            found = found[part]
        assert found == value, key
        stated = [f"{key}={json.dumps(value)}"]
        load(recipe_of(method, **files), stated, paths=False)  # or any recipe that states it would be refused


def test_a_method_knows_no_file_device_optimiser_or_logger_and_is_short(method):
    text = Path(inspect.getfile(method)).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    imported, called = set(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called.add(node.func.attr)
    for name in ("torch.optim", "pathlib", "logging", "os", "davsn.training.optimisation", "davsn.data"):
        assert not {module for module in imported if module == name or module.startswith(f"{name}.")}
    assert not called & {"to", "cuda", "cpu", "item", "numpy", "tolist", "requires_grad_", "backward", "autocast"}
