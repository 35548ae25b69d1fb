"""Learning from labels: from the source's, which every method does, and from those that a method gives itself."""

from davsn.core.clip import Batch, Prediction
from davsn.learning.term import Term
from davsn.ops.losses import cross_entropy, weighted_cross_entropy
from davsn.ops.pseudo_labels import PseudoLabels
from davsn.ops.resize import upsample


def supervision(prediction: Prediction, source: Batch, main_weight: float, aux_weight: float) -> tuple[Term, Term]:
    """Cross entropy of both classifiers' fused logits, at the label's resolution.

    Args:
        prediction: for the source batch.
        source: with labels (B, H, W).
        main_weight: weight of the main classifier's loss.
        aux_weight: weight of the auxiliary classifier's loss.
    """
    assert source.labels is not None, "the source spec of this method asks for no labels"
    main, aux = (
        cross_entropy(upsample(logits, (source.labels.shape[-2], source.labels.shape[-1])), source.labels)
        for logits in prediction.fused
    )
    return Term("segmentation/main", main, weight=main_weight), Term("segmentation/aux", aux, weight=aux_weight)


def pseudo_supervision(
    name: str, prediction: Prediction, labels: PseudoLabels, main_weight: float, aux_weight: float
) -> tuple[Term, Term]:
    """Cross entropy of both classifiers' fused logits and their pseudo labels, at the labels' resolution.

    Args:
        name: of the two terms, before ``/main`` and ``/aux``.
        prediction: for the frames that the labels are of.
        labels: of both classifiers, with their weights; see :func:`davsn.ops.losses.weighted_cross_entropy`.
        main_weight: weight of the main classifier's loss.
        aux_weight: weight of the auxiliary classifier's loss.
    """
    size = (labels.trusted.shape[-2], labels.trusted.shape[-1])
    main, aux = (
        weighted_cross_entropy(upsample(logits, size), label, labels.trusted)
        for logits, label in zip(prediction.fused, (labels.main, labels.aux), strict=True)
    )
    return Term(f"{name}/main", main, weight=main_weight), Term(f"{name}/aux", aux, weight=aux_weight)
