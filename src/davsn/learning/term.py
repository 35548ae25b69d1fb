"""A named loss, as a method yields it."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Term:
    """One named loss.

    Attributes:
        name: its key in the log, and its name in the report's legend.
        loss: scalar.
        trains: the name of the part, or the names of the parts, that its gradient trains.
        weight: its factor in the sum that is minimised; the log shows the loss without this factor.
    """

    name: str
    loss: Tensor
    trains: str | tuple[str, ...] = "segmenter"
    weight: float = 1.0
