"""A flow estimator of one's own, as any user could write it: DIS with every vector turned round.

A recipe names it by its path, ``flow: ./benchmarks/wrong_sign.py``. It is the mistake that a direction nobody documents
leads to; benchmarks/flow_effect.py asks what it costs.
"""

from torch import Tensor

from davsn.flow.base import FlowEstimator
from davsn.flow.dis import Dis


class WrongSign(FlowEstimator):
    """DIS, and the opposite of what it says."""

    Config = Dis.Config

    def __init__(self, config: Dis.Config) -> None:
        self.config = config
        self._dis = Dis(config)

    def estimate(self, frames_a: Tensor, frames_b: Tensor) -> Tensor:
        """The wrong flow a→b; see :meth:`FlowEstimator.estimate`."""
        return -self._dis.estimate(frames_a, frames_b)
