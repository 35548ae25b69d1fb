"""The moving average of a network's weights and statistics, which is kept beside it and used for prediction."""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel


class Average(AveragedModel):
    """PyTorch's averaged model, with updates that never wait for the device.

    PyTorch's own update copies its counter to the device, which has to finish first. Here the counter stays on the host
    and gives a number. Its names in a checkpoint are PyTorch's.

    Args:
        network: the network to average; its copy starts with the first update.
        decay: decay of an exponential moving average; None gives the mean of all updates (SWA, Izmailov et al., 2018).
    """

    def __init__(self, network: nn.Module, decay: float | None) -> None:
        super().__init__(network)
        self.decay = decay

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Update the average with the network's new weights and buffers. The first update copies them.

        Args:
            model: the network, on any device.
        """
        count = int(self.n_averaged)
        share = 1 / (count + 1) if self.decay is None or count == 0 else 1 - self.decay
        ours, theirs = ([*each.parameters(), *each.buffers()] for each in (self.module, model))
        for mean, new in zip(ours, theirs, strict=True):
            if mean.is_floating_point():
                mean.lerp_(new, share)
            else:
                mean.copy_(new)
        self.n_averaged += 1
