"""RAFT with 5.3 million parameters: the estimator ``raft_large``."""

from torch import nn
from torchvision.models.optical_flow import Raft_Large_Weights, raft_large

from davsn.flow.raft import Float32Correlation, Raft


class RaftLarge(Raft):
    """torchvision's RAFT, trained by torchvision on Chairs, Things, Sintel, KITTI and HD1K."""

    def build(self) -> nn.Module:
        """See :meth:`Raft.build`."""
        network: nn.Module = raft_large(corr_block=Float32Correlation(num_levels=4, radius=4))
        return network

    def published(self) -> Raft_Large_Weights:
        """Torchvision's default, 20 MB."""
        return Raft_Large_Weights.DEFAULT
