"""The comparison with the recordings turns red when a loss is wrong: a test that cannot fail proves nothing."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import steps
from steps import LOSSES, first_step, recorded, run
from test_steps import off, rounding, tolerances, widened
from vectors import load, meta

from davsn.learning.method import Term


def examples():
    """The project's own recording of each method, by the method's name, with the losses that it holds.

    It is the one whose losses weigh most beside the source's, since their gradients drown else; and then the smallest.
    """

    def rank(found):
        path, vectors = found
        cfg = meta(vectors)["cfg"]
        weights = [cfg.get(key, 0.0) for key in ("lamda_u", "LAMBDA_ADV_MAIN", "LAMBDA_ENT_MAIN", "LAMBDA_T")]
        return max(weights), -path.stat().st_size

    own = Path(__file__).parent / "data"  # whatever folder DAVSN_GOLDEN names
    found = [*own.glob("c_davsn_*.npz"), *own.glob("d_*step.npz")]
    ranked = sorted(((path, load(path)) for path in found), key=rank)
    return {meta(vectors)["method"]: (path, vectors["loss_names"].tolist()) for path, vectors in ranked}


EXAMPLES = examples()
DROWNED = {"loss_sta_aux", "loss_sa_aux", "loss_wd", "loss_wd_aux"}
"""Losses of DA-VSN with small gradients: their sign shows in a whole run, but not in the norms of its first step."""


@lru_cache
def off_by_rounding(method):
    """A recording, and how far rounding moves each of its numbers."""
    vectors = load(EXAMPLES[method][0])
    return vectors, rounding(vectors, run(vectors))


def example(method, whole):
    """A recording, short where its first step holds norms that gradients show in; and how far it may be off at most."""
    vectors, spread = off_by_rounding(method)
    if "grad_norms" in vectors and not whole:
        vectors = first_step(vectors)
        spread = {name: spread[name][:1] for name in recorded(vectors)}  # the step that every run begins with
    return vectors, widened(tolerances(vectors), spread)


def changing(monkeypatch, change):
    """Let every run from now on see each term of the method as ``change`` makes it."""
    true = steps.filled

    def filled(*given):
        trainer = true(*given)
        terms = trainer.method.terms

        def changed(*given):
            for yielded in terms(*given):
                yield tuple(map(change, (yielded,) if isinstance(yielded, Term) else yielded))

        trainer.method.terms = changed
        return trainer

    monkeypatch.setattr(steps, "filled", filled)


@pytest.mark.parametrize("factor", [1.01, -1.0])
@pytest.mark.parametrize("method", EXAMPLES)
def test_a_wrong_factor_or_sign_of_any_loss_is_seen(method, factor, monkeypatch):
    changing(monkeypatch, lambda term: replace(term, loss=factor * term.loss))
    vectors = first_step(load(EXAMPLES[method][0]))
    found, wanted, allowed = run(vectors)["loss"], recorded(vectors)["loss"], tolerances(vectors)["loss"]
    assert (np.abs(found - wanted) > allowed).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "loss"),
    [
        pytest.param(method, loss, marks=pytest.mark.xdist_group(f"can fail: {method}"))  # they share an example
        for method, (_, losses) in EXAMPLES.items()
        for loss in losses
    ],
)
def test_a_loss_that_pulls_the_other_way_is_seen(method, loss, monkeypatch):
    """The sign of its weight alone is wrong, so that the logged loss of the first step is right."""
    vectors, allowed = example(method, loss in DROWNED)
    changing(monkeypatch, lambda term: replace(term, weight=-term.weight) if term.name == LOSSES[loss] else term)
    assert off(run(vectors), recorded(vectors), allowed)
