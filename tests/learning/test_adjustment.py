"""Logit adjustment: the source's class shares reach every method, and move its loss as the formula says."""

import math

import pytest
import torch

from davsn.core.clip import Levels, Prediction
from davsn.core.plugins import available
from davsn.data.rare_classes import class_shares
from davsn.learning.method import RAREST, Method, SupervisedSettings
from davsn.learning.supervision import supervision
from davsn.methods.source_only import SourceOnly
from davsn.networks.video import VideoSegmenter
from toy import CLASSES, LABELLED, UNLABELLED, Tiny, batch, trainer_of

SHARES = torch.tensor([0.7, 0.3, 0.0])


def test_the_loss_is_the_cross_entropy_of_adjusted_logits():
    """Worked by hand: one pixel, logits 0, label 1."""
    logits = torch.zeros(1, 2, 1, 1)
    source = batch(0, LABELLED)
    source = type(source)(frames={0: torch.zeros(1, 3, 1, 1)}, labels=torch.ones(1, 1, 1, dtype=torch.long))
    levels = Levels(logits, logits)
    prior = 0.5 * torch.tensor([0.8, 0.2]).log()
    main, aux = supervision(Prediction(levels, levels), source, 1.0, 0.1, prior)
    expected = math.log(1 + (0.8 / 0.2) ** 0.5)
    assert main.loss.item() == pytest.approx(expected, rel=1e-6)
    assert aux.loss.item() == pytest.approx(expected, rel=1e-6)


def test_shares_leave_ignored_pixels_out():
    assert class_shares(torch.tensor([[6, 2, 0, 92], [0, 2, 0, 8]]).numpy()).tolist() == [0.6, 0.4, 0.0]


def supervised():
    for name, method in available(Method).items():
        if issubclass(method.Config, SupervisedSettings):
            yield pytest.param(method, id=name)


def adjusted(method, adjust):
    settings = {"adjust": adjust} if method is not None else {}
    torch.manual_seed(0)
    return method(method.Config(**settings), VideoSegmenter(Tiny()))


@pytest.mark.parametrize("method", list(supervised()))
def test_every_supervised_method_is_adjusted(method):
    found = {}
    for adjust in (0.0, 1.0):
        made = adjusted(method, adjust)
        assert made.needs_shares == bool(adjust)
        made.prepare(steps=10, source_shares=SHARES)
        torch.manual_seed(1)
        terms = next(iter(made.terms(batch(0, LABELLED), batch(0, UNLABELLED) if method.target else None, 0)))
        term = next(term for term in terms if term.name == "segmentation/main")
        found[adjust] = term.loss.item()
        assert made.steps == 10
    assert found[0.0] != pytest.approx(found[1.0], rel=1e-3)
    assert math.isfinite(found[1.0])  # the class without a pixel counts as RAREST
    assert RAREST > 0


def test_without_adjustment_nothing_has_to_be_counted():
    made = adjusted(SourceOnly, 0.0)
    assert not made.needs_shares
    made.prepare(steps=3)
    assert next(iter(made.terms(batch(0, LABELLED), None, 0)))


def test_the_engine_tells_the_method_how_long_the_run_is():
    assert trainer_of(SourceOnly, steps=7).method.steps == 7


def test_shares_that_were_not_given_are_an_error_of_ours():
    made = adjusted(SourceOnly, 0.5)
    with pytest.raises(AssertionError, match="before the first step"):
        list(made.terms(batch(0, LABELLED), None, 0))


assert CLASSES == len(SHARES)
