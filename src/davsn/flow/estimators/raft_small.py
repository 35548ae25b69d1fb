"""The estimator ``raft_small``: RAFT with 1.0 million parameters."""

from torch import nn
from torchvision.models.optical_flow import Raft_Small_Weights, raft_small

from davsn.flow.raft import Float32Correlation, Raft


class RaftSmall(Raft):
    """torchvision's small RAFT, trained by torchvision on Chairs and Things. It takes a third of raft_large's time."""

    def build(self) -> nn.Module:
        """The small RAFT network; see :meth:`Raft.build`."""
        network: nn.Module = raft_small(corr_block=Float32Correlation(num_levels=4, radius=3))
        return network

    def published(self) -> Raft_Small_Weights:
        """Torchvision's default weights, 4 MB."""
        return Raft_Small_Weights.DEFAULT
