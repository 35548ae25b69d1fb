"""Masked consistency: a loss of its own by hand, and for all else the method that it is over."""

import pytest
import torch
from torch.nn.functional import interpolate

from davsn.core.clip import Batch
from davsn.core.errors import ConfigError
from davsn.experiment.experiment import clips_of, dump, load
from davsn.methods.masked import Masked
from davsn.methods.mean_teacher import MeanTeacher
from davsn.networks.video import VideoSegmenter
from davsn.ops.mixing import random_blocks
from davsn.ops.pictures import MEAN_BGR, without
from davsn.training import checkpoint
from toy import LABELLED, UNLABELLED, Tiny, batch, leaves, same, trainer_of

RECIPE = {"source": "streets", "target": "streets", "network": "light"}
MEAN = torch.tensor(MEAN_BGR).flip(0) / 255


def made(**settings):
    torch.manual_seed(0)
    return Masked(Masked.Config(**settings), VideoSegmenter(Tiny()).eval())


def load_with(method, **values):
    return load({**RECIPE, "method": method, **values}, paths=False)


def test_the_loss_and_its_gradient_are_those_of_the_literal_version():
    method = made(over={"name": "mean_teacher", "threshold": 0.36, "margin_below": 5}, weight=0.5, aux_weight=0.2)
    source, target = batch(0, LABELLED), batch(0, UNLABELLED)
    given = [method.masked(target)]
    method.masked = lambda _: given[0]  # the same draw for both versions
    *inner, (main, aux) = method.terms(source, target, 0)
    assert [term.name for terms in inner for term in terms][-1] == "mixed/aux"
    assert (main.weight, aux.weight) == (0.5, 0.1)
    parameters = list(method.segmenter.parameters())
    found = torch.autograd.grad(main.loss, parameters, allow_unused=True)

    labels, _, trusted = method.inner.pseudo_labels(target)
    seen = method.segmenter(given[0].current, given[0].previous, target.flow).fused.main
    logits = interpolate(seen, target.size, mode="bilinear", align_corners=True)
    total = torch.zeros(())
    for sample in range(2):
        for row in range(40):
            for column in range(48):
                likely = logits[sample, :, row, column].softmax(0)[labels[sample, row, column]]
                total = total - trusted[sample, row, column] * likely.log()
    expected = torch.autograd.grad(total / labels.numel(), parameters, allow_unused=True)
    torch.testing.assert_close(main.loss, total / labels.numel())
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_what_is_hidden_stays_hidden_in_the_frame_before():
    method = made(block=8, share=0.5, jitter=0.0, blur=[0.1])
    flow = torch.zeros(1, 2, 24, 32)
    flow[:, 0] = -3.0
    frame = torch.rand(1, 3, 24, 32)
    clip = method.masked(Batch({0: frame, -1: frame.roll(-3, -1)}, {(0, -1): flow}))
    now, before = ((one - MEAN.view(1, 3, 1, 1)).abs().amax(1)[0] < 1e-6 for one in (clip.current, clip.previous))
    blocks = now.view(3, 8, 4, 8).float().mean((1, 3))
    assert set(blocks.flatten().tolist()) == {0.0, 1.0}  # whole blocks, some of them
    assert before[:, : 32 - 3].equal(now[:, 3:])


def test_blocks_and_what_becomes_of_them():
    torch.manual_seed(0)
    chosen = random_blocks(torch.zeros(64, 3, 20, 36), 8, 0.7)
    assert chosen.shape == (64, 20, 36)
    assert chosen.float().mean() == pytest.approx(0.7, abs=0.05)
    assert not chosen[0].equal(chosen[1])
    assert chosen[:, ::8, ::8].repeat_interleave(8, 1).repeat_interleave(8, 2)[:, :20, :36].equal(chosen)
    assert random_blocks(torch.zeros(2, 3, 8, 8), 4, 0.0).any().logical_not()
    assert random_blocks(torch.zeros(2, 3, 8, 8), 4, 1.0).all()
    hidden = without(torch.ones(1, 3, 1, 2), torch.tensor([[[True, False]]]))
    torch.testing.assert_close(hidden[0, :, 0, 0], MEAN)
    assert hidden[0, :, 0, 1].tolist() == [1, 1, 1]


@pytest.mark.parametrize(("height", "side"), [(1024, 64), (512, 64), (96, 12), (32, 8)])
def test_blocks_suit_the_frames_where_no_size_is_given(height, side, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "davsn.methods.masked.random_blocks", lambda picture, block, share: asked.append(block) or picture[:, 0] > 2
    )
    made().masked(Batch({0: torch.zeros(1, 3, height, 16)}))
    assert asked == [side]


def test_all_else_is_the_inner_method():
    method = made(over={"name": "mean_teacher", "decay": 0.5})
    assert isinstance(method.inner, MeanTeacher)
    assert method.parts is method.inner.parts
    assert method.kept is method.inner.kept
    assert method.inner.config.decay == 0.5
    before = method.inner.teacher.module.image.main.bias.clone()
    with torch.no_grad():
        method.segmenter.image.main.bias.add_(1.0)
    method.after_step(0)
    torch.testing.assert_close(method.inner.teacher.module.image.main.bias, before + 1)
    assert Masked.clips(method.config) == MeanTeacher.clips(method.inner.config)


def test_the_teacher_is_asked_once_a_step(monkeypatch):
    method, asked = made(), []
    label = method.inner.label
    monkeypatch.setattr(method.inner, "label", lambda target: asked.append(target) or label(target))
    for step in range(2):
        list(method.terms(batch(step, LABELLED), batch(step, UNLABELLED), step))
    assert len(asked) == 2


def test_a_recipe_composes_without_code():
    experiment = load_with({"name": "masked", "over": {"name": "mean_teacher", "decay": 0.9}, "share": 0.5})
    assert dump(experiment)["method"]["over"]["decay"] == 0.9
    assert load(dump(experiment), paths=False) == experiment
    assert load_with("masked").method.settings.over.name == "mean_teacher"
    assert clips_of(experiment)[0] == MeanTeacher.source
    single = load_with("masked", video={"propagation": "none"})
    assert clips_of(single)[1].frames == (0,)


def test_every_mistake_is_named_also_those_below():
    with pytest.raises(ConfigError) as error:
        load_with({"name": "masked", "share": 2, "over": {"name": "mean_teacher", "decay": 1.5, "treshold": 0.5}})
    text = str(error.value)
    assert "has 3 mistakes" in text
    assert "method.share  input should be less than or equal to 1, but got 2" in text
    assert "method.over.decay  input should be less than 1, but got 1.5" in text
    assert "method.over.treshold  unknown key. Did you mean 'threshold'?" in text


def test_a_method_without_pseudo_labels_is_refused_in_words():
    with pytest.raises(ConfigError, match=r"method.over  there is no TeacherMethod 'advent'\. .*mean_teacher") as error:
        load_with({"name": "masked", "over": "advent"})
    assert "masked," not in str(error.value).partition("there are:")[2]


def test_what_the_inner_method_cannot_is_refused_too(monkeypatch):
    monkeypatch.setattr(MeanTeacher, "single_frames", False)
    with pytest.raises(ConfigError, match="method  mean_teacher compares frames"):
        load_with("masked", video={"propagation": "none"})
    monkeypatch.setattr(MeanTeacher, "needs_start", True)
    with pytest.raises(ConfigError, match="start  mean_teacher adapts a network that is already trained"):
        load_with("masked")


@pytest.mark.parametrize("inner", ["mean_teacher", "pixmatch", "cmom"])
def test_over_every_teacher_method_a_resumed_step_is_the_one_that_would_have_come(inner, tmp_path):
    composed = type("Composed", (Masked,), {"Config": staticmethod(lambda: Masked.Config(over=inner))})

    def step(trainer, number):
        source, target = (batch(number, spec) for spec in composed.clips(composed.Config()))
        return {key: float(value) for key, value in trainer.step(source, target).items()}

    whole = trainer_of(composed)
    records = [step(whole, number) for number in range(3)]
    stopped = trainer_of(composed)
    for number in range(2):
        step(stopped, number)
    saved = checkpoint.save(tmp_path, 2, stopped.state_dict(), keep=1)
    resumed = trainer_of(composed, seed=7)
    resumed.load_state_dict(checkpoint.load(saved))
    assert step(resumed, 2) == records[2]
    assert "loss/masked/main" in records[2]
    expected = leaves(whole.state_dict())
    assert all(same(value, expected[key]) for key, value in leaves(resumed.state_dict()).items())
