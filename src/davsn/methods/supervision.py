"""Learning from the source's labels, which every method does."""

from davsn.clip import Batch, Prediction
from davsn.methods.base import Term
from davsn.ops.losses import cross_entropy
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
