"""Steps and frames as the public code of a method computes them, written from its description: the baselines.

They run the same networks on the same device as davsn. What differs is what the public code does around them: one file
a method says it. Losses and gradients are those of a faithful run; ``tests/benchmarks/test_literal.py`` compares them.
"""

from benchmarks.costs.literal.da_vsn import LiteralDaVsn
from benchmarks.costs.literal.network import Literal
from benchmarks.costs.literal.tps import LiteralTps
from davsn.training.loop import Trainer

__all__ = ["LiteralDaVsn", "LiteralTps", "literal_of"]

_BASELINES: dict[str, type[Literal]] = {"da_vsn": LiteralDaVsn, "tps": LiteralTps}


def literal_of(name: str, trainer: Trainer) -> Literal | None:
    """The baseline of a method around the networks of its trainer; None for a method without one."""
    return _BASELINES[name](trainer) if name in _BASELINES else None
