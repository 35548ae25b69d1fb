"""The estimator ``raft_large``: RAFT with 5.3 million parameters."""

from torch import nn
from torchvision.models.optical_flow import Raft_Large_Weights, raft_large

from davsn.flow.raft import Float32Correlation, Raft


class RaftLarge(Raft):
    """torchvision's RAFT, trained by torchvision on Chairs, Things, Sintel, KITTI and HD1K."""

    def build(self) -> nn.Module:
        """The large RAFT network; see :meth:`Raft.build`."""
        network: nn.Module = raft_large(corr_block=Float32Correlation(num_levels=4, radius=4))
        return network

    def published(self) -> Raft_Large_Weights:
        """Torchvision's default weights, 20 MB."""
        return Raft_Large_Weights.DEFAULT
