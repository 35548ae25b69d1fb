"""A flow estimator as any user could write it: DIS with every vector negated.

A recipe names it by its path, ``flow: ./benchmarks/studies/wrong_sign.py``. This mistake follows from a flow direction
that is not documented; benchmarks/studies/flow_effect.py measures what it costs.
"""

from torch import Tensor

from davsn.flow.estimator import FlowEstimator
from davsn.flow.estimators.dis import Dis


class WrongSign(FlowEstimator):
    """DIS, and the opposite of what it says."""

    Config = Dis.Config

    def __init__(self, config: Dis.Config) -> None:
        self.config = config
        self._dis = Dis(config)

    def estimate(self, frames_a: Tensor, frames_b: Tensor) -> Tensor:
        """The wrong flow a→b; see :meth:`FlowEstimator.estimate`."""
        return -self._dis.estimate(frames_a, frames_b)
