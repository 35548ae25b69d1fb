"""The estimator ``flownet2``: FlowNet2 in plain PyTorch operations, without a compiled extension."""

from pathlib import Path

import torch
from torch import Tensor

from davsn.core.errors import CheckpointError, FlowError
from davsn.core.files.tensors import State, read_state
from davsn.flow.estimators.flownet2.stacks import Part, build, estimate
from davsn.flow.neural import NeuralEstimator, NeuralSettings, prepared

_FILES: dict[Part, str] = {
    "full": "FlowNet2_checkpoint.pth.tar",
    "c": "FlowNet2-C_checkpoint.pth.tar",
    "s": "FlowNet2-S_checkpoint.pth.tar",
    "sd": "FlowNet2-SD_checkpoint.pth.tar",
    "cs": "FlowNet2-CS_checkpoint.pth.tar",
    "css": "FlowNet2-CSS_checkpoint.pth.tar",
}
"""The name of NVIDIA's weights file for every part."""
_TELLING: dict[str, Part] = {
    "flownetfusion.conv0.0.weight": "full",
    "flownets_2.conv1.0.weight": "css",
    "flownets_1.conv1.0.weight": "cs",
    "conv_redir.0.weight": "c",
    "conv0.0.weight": "sd",
    "conv1.0.weight": "s",
}
"""For each part a tensor that identifies its file: the files of the parts below do not have it."""


class FlowNet2(NeuralEstimator):
    """FlowNet2 or one of its parts (Ilg et al., "FlowNet 2.0", CVPR 2017), with the weights that NVIDIA published.

    Raises:
        FlowError: the setting ``weights`` is missing.
        CheckpointError: the file does not fit this part, cannot be read, or holds more than data.
    """

    multiple = smallest = 64

    class Config(NeuralSettings):
        """The networks and their weights."""

        part: Part = "full"
        """'full' is the whole stack; 'c', 's' and 'sd' are single networks; 'cs' and 'css' are the first networks of
        the stack."""
        faithful: bool = False
        """Repeat two accidents of the public code: the flow of sd is 400 times too large, and the flow of css is
        constant in blocks of 4×4 pixels."""

    def __init__(self, config: Config) -> None:
        self.config = config
        if config.weights is None:
            raise FlowError(
                f"flownet2 needs a weights file. Get {_FILES[config.part]} from NVIDIA's flownet2-pytorch (it has a "
                f"licence of its own) and set flow: {{name: flownet2, part: {config.part}, weights: FILE}}"
            )
        state = None if config.weights == "random" else _state(config.weights, config.part)
        batch_norm = state is not None and any(name.endswith(".running_mean") for name in state)
        network = prepared(
            lambda: build(config.part, batch_norm, config.faithful),
            state,
            f"flownet2, part {config.part},",
            str(config.weights),
        )
        self.network = network.to(memory_format=torch.channels_last)  # one sixth faster on a CPU

    def flow(self, first: Tensor, second: Tensor) -> Tensor:
        """The flow first→second; see :meth:`NeuralEstimator.flow`."""
        first, second = (frames.contiguous(memory_format=torch.channels_last) for frames in (first, second))
        return estimate(self.network, first, second)


def _state(path: Path, part: Part) -> State:
    """The tensors of a file, either a checkpoint of NVIDIA's code or a plain state dictionary, if they fit the part."""
    tensors = read_state(path)
    nested = {name: tensor for name, tensor in tensors.items() if name.startswith("state_dict.")} or tensors
    state = {name.removeprefix("state_dict.").removeprefix("module."): tensor for name, tensor in nested.items()}
    found = next((of for name, of in _TELLING.items() if name in state), None)
    if found not in (part, None):
        raise CheckpointError(
            f"{path} holds FlowNet2's part {found}, not {part}. Set part: {found}, or give {_FILES[part]}"
        )
    return state
