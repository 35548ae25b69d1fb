"""``davsn.export``: writes the weights of a network for other programs."""

from pathlib import Path

from davsn.api.model import Model, opened_model
from davsn.core.errors import ConfigError
from davsn.networks.weights import WRITABLE, save_weights


def export(model: Model | Path | str, out: Path | str) -> int:
    """Write the weights of a network to a file: a .pth that the public DA-VSN code loads, or a .safetensors.

    Args:
        model: see :func:`davsn.load`.
        out: a name ending in .pth for the network deeplab, or in .safetensors for any network.

    Returns:
        the number of tensors written.

    Raises:
        ConfigError: the name has another ending, or the .pth is for a network other than deeplab.
        DataError: the file cannot be written.
    """
    out = Path(out)
    if out.suffix not in WRITABLE:
        raise ConfigError("--out", [f"{out} should end in {' or '.join(WRITABLE)}"])
    trained = opened_model(model).trained
    network = trained.experiment.network.name
    if out.suffix == ".pth" and network != "deeplab":
        raise ConfigError(
            "--out",
            [f"{out} is for the public code, which has deeplab, not {network}. Use .safetensors"],
        )
    save_weights(trained.segmenter, out)
    return len(trained.segmenter.state_dict())
