"""The game of segmenter and discriminator, which ADVENT and DA-VSN play: maps that pass for those of the source."""

from torch import Tensor, nn

from davsn.learning.term import Term
from davsn.ops.losses import SOURCE, TARGET, domain_loss


def fool(name: str, judge: nn.Module, on_target: Tensor, weight: float) -> Term:
    """The segmenter's half: a target map that the discriminator takes for one of the source.

    Args:
        name: of the discriminator among the method's parts.
        judge: the discriminator.
        on_target: (B, K, H, W), with the segmenter's graph.
        weight: of the term.
    """
    return Term(f"fool/{name}", domain_loss(judge(on_target), SOURCE), weight=weight)


def tell_apart(name: str, judge: nn.Module, on_source: Tensor, on_target: Tensor) -> tuple[Term, Term]:
    """The discriminator's half: each domain counts one half, and neither map reaches the segmenter.

    Args:
        name: of the discriminator among the method's parts.
        judge: the discriminator.
        on_source: (B, K, H, W).
        on_target: (B, K, H, W).
    """
    of_source = domain_loss(judge(on_source.detach()), SOURCE) / 2
    of_target = domain_loss(judge(on_target.detach()), TARGET) / 2
    return Term(f"judge/{name}/source", of_source, name), Term(f"judge/{name}/target", of_target, name)
