"""Supervised losses: on the source's labels, which every method uses, and on a method's pseudo-labels."""

from torch import Tensor

from davsn.core.clip import Batch, Prediction
from davsn.learning.term import Term
from davsn.ops.losses import cross_entropy, weighted_cross_entropy
from davsn.ops.pseudo_labels import PseudoLabels
from davsn.ops.resize import upsample


def supervision(
    prediction: Prediction, source: Batch, main_weight: float, aux_weight: float, prior: Tensor | None = None
) -> tuple[Term, Term]:
    """Cross entropy of both classifiers' fused logits with the source's labels, at the labels' resolution.

    Args:
        prediction: the prediction for the source batch.
        source: a batch with labels (B, H, W).
        main_weight: weight of the main classifier's loss.
        aux_weight: weight of the auxiliary classifier's loss.
        prior: (C,) added to the logits of every pixel in the loss alone; None adds nothing.
    """
    assert source.labels is not None, "this method's source spec does not ask for labels"
    main, aux = (
        cross_entropy(
            upsample(_adjusted(logits, prior), (source.labels.shape[-2], source.labels.shape[-1])), source.labels
        )
        for logits in prediction.fused
    )
    return Term("segmentation/main", main, weight=main_weight), Term("segmentation/aux", aux, weight=aux_weight)


def _adjusted(logits: Tensor, prior: Tensor | None) -> Tensor:
    return logits if prior is None else logits + prior.to(logits.dtype).view(1, -1, 1, 1)


def pseudo_supervision(
    name: str, prediction: Prediction, labels: PseudoLabels, main_weight: float, aux_weight: float
) -> tuple[Term, Term]:
    """Cross entropy of both classifiers' fused logits with their pseudo-labels, at the labels' resolution.

    Args:
        name: the first part of both terms' names, before ``/main`` and ``/aux``.
        prediction: the prediction for the frames that the labels belong to.
        labels: pseudo-labels for both classifiers, with their weights; see
            :func:`davsn.ops.losses.weighted_cross_entropy`.
        main_weight: weight of the main classifier's loss.
        aux_weight: weight of the auxiliary classifier's loss.
    """
    size = (labels.trusted.shape[-2], labels.trusted.shape[-1])
    main, aux = (
        weighted_cross_entropy(upsample(logits, size), label, labels.trusted)
        for logits, label in zip(prediction.fused, (labels.main, labels.aux), strict=True)
    )
    return Term(f"{name}/main", main, weight=main_weight), Term(f"{name}/aux", aux, weight=aux_weight)
