"""A named loss, as a method yields it."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Term:
    """One named loss.

    Attributes:
        name: the key in the log and the legend in the report.
        loss: scalar.
        trains: the part, or parts, whose parameters receive its gradient.
        weight: its factor in the sum that is minimised; the log holds the loss without it.
    """

    name: str
    loss: Tensor
    trains: str | tuple[str, ...] = "segmenter"
    weight: float = 1.0
