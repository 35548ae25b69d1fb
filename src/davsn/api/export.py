"""``davsn.export``: a network's weights alone, for other programs."""

from pathlib import Path

from davsn.api.model import Model, opened_model
from davsn.core.errors import ConfigError
from davsn.networks.weights import WRITABLE, save_weights


def export(model: Model | Path | str, out: Path | str) -> int:
    """Write a network's weights alone: a .pth that the public DA-VSN code loads, or a .safetensors.

    Args:
        model: see :func:`davsn.load`.
        out: a name ending in .pth, for network deeplab, or in .safetensors, for any network.

    Returns:
        the number of tensors written.

    Raises:
        ConfigError: a name with another ending, or a .pth of another network than deeplab.
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
            [f"{out} would be a snapshot of the public code: of deeplab, not {network}. Take .safetensors"],
        )
    save_weights(trained.segmenter, out)
    return len(trained.segmenter.state_dict())
