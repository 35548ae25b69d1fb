"""Supervised losses: on the source's labels, which every method uses, and on a method's pseudo-labels.

A network without an auxiliary classifier has no auxiliary loss.
"""

from torch import Tensor

from davsn.core.clip import Batch, Prediction
from davsn.learning.term import Term
from davsn.ops.losses import cross_entropy, weighted_cross_entropy
from davsn.ops.pseudo_labels import PseudoLabels
from davsn.ops.resize import upsample


def supervision(
    prediction: Prediction, source: Batch, main_weight: float, aux_weight: float, prior: Tensor | None = None
) -> tuple[Term, ...]:
    """Cross entropy of every classifier's fused logits with the source's labels, at the labels' resolution.

    Args:
        prediction: the prediction for the source batch.
        source: a batch with labels (B, H, W).
        main_weight: weight of the main classifier's loss.
        aux_weight: weight of the auxiliary classifier's loss, if there is one.
        prior: (C,) added to the logits of every pixel in the loss alone; None adds nothing.
    """
    assert source.labels is not None, "this method's source spec does not ask for labels"
    labels, weights = source.labels, {"main": main_weight, "aux": aux_weight}
    size = (labels.shape[-2], labels.shape[-1])
    losses = prediction.fused.each(lambda logits: cross_entropy(upsample(_adjusted(logits, prior), size), labels))
    return tuple(Term(f"segmentation/{name}", loss, weight=weights[name]) for name, loss in losses.named.items())


def _adjusted(logits: Tensor, prior: Tensor | None) -> Tensor:
    return logits if prior is None else logits + prior.to(logits.dtype).view(1, -1, 1, 1)


def pseudo_supervision(
    name: str, prediction: Prediction, labels: PseudoLabels, main_weight: float, aux_weight: float
) -> tuple[Term, ...]:
    """Cross entropy of every classifier's fused logits with their pseudo-labels, at the labels' resolution.

    Args:
        name: the first part of the terms' names, before ``/main`` and ``/aux``.
        prediction: the prediction for the frames that the labels belong to.
        labels: pseudo-labels for both classifiers, with their weights; see
            :func:`davsn.ops.losses.weighted_cross_entropy`.
        main_weight: weight of the main classifier's loss.
        aux_weight: weight of the auxiliary classifier's loss, if there is one.
    """
    weights = {"main": main_weight, "aux": aux_weight}
    size = (labels.trusted.shape[-2], labels.trusted.shape[-1])
    losses = {
        level: weighted_cross_entropy(upsample(logits, size), getattr(labels, level), labels.trusted)
        for level, logits in prediction.fused.named.items()
    }
    return tuple(Term(f"{name}/{level}", loss, weight=weights[level]) for level, loss in losses.items())
