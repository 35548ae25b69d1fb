"""The adversarial losses of ADVENT and DA-VSN: the segmenter learns target maps that look like source maps."""

from torch import Tensor, nn

from davsn.learning.term import Term
from davsn.ops.losses import SOURCE, TARGET, domain_loss


def fool(name: str, judge: nn.Module, on_target: Tensor, weight: float) -> Term:
    """The segmenter's loss: the discriminator should classify a target map as a source map.

    Args:
        name: the discriminator's name among the method's parts.
        judge: the discriminator.
        on_target: (B, K, H, W), with the segmenter's graph.
        weight: weight of the term.
    """
    return Term(f"fool/{name}", domain_loss(judge(on_target), SOURCE), weight=weight)


def tell_apart(name: str, judge: nn.Module, on_source: Tensor, on_target: Tensor) -> tuple[Term, Term]:
    """The discriminator's losses: each domain counts one half, and no gradient reaches the segmenter.

    Args:
        name: the discriminator's name among the method's parts.
        judge: the discriminator.
        on_source: (B, K, H, W).
        on_target: (B, K, H, W).
    """
    of_source = domain_loss(judge(on_source.detach()), SOURCE) / 2
    of_target = domain_loss(judge(on_target.detach()), TARGET) / 2
    return Term(f"judge/{name}/source", of_source, name), Term(f"judge/{name}/target", of_target, name)
