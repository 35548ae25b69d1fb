"""``davsn.export``: writes the weights of a network for other programs."""

from pathlib import Path

from davsn.api.model import Model, opened_model
from davsn.core.errors import ConfigError
from davsn.networks.onnx import save_onnx
from davsn.networks.video import VideoSegmenter
from davsn.networks.weights import WRITABLE, save_weights

ONNX = ".onnx"


def export(model: Model | Path | str, out: Path | str, fp16: bool = False) -> int:
    """Write a network for other programs: a .pth that the public DA-VSN code loads, a .safetensors, or an .onnx.

    Args:
        model: see :func:`davsn.load`.
        out: a name ending in .pth for the network deeplab; in .safetensors for any network's weights; or in .onnx for
            the network itself, which runs without PyTorch.
        fp16: whether an .onnx computes in float16.

    Returns:
        the number of tensors written.

    Raises:
        ConfigError: the name has another ending; the .pth is for a network other than deeplab; ``fp16`` is not for an
            .onnx; or the package onnx is not installed.
        DataError: the file cannot be written.
    """
    out = Path(out)
    endings = [*WRITABLE, ONNX]
    if out.suffix not in endings:
        raise ConfigError("--out", [f"{out} should end in {', '.join(endings[:-1])} or {endings[-1]}"])
    if fp16 and out.suffix != ONNX:
        raise ConfigError("--fp16", [f"is for {ONNX}. A {out.suffix} holds the weights as they were trained"])
    trained = opened_model(model).trained
    if out.suffix == ONNX:
        return _onnx(trained.segmenter, out, fp16)
    network = trained.experiment.network.name
    if out.suffix == ".pth" and network != "deeplab":
        raise ConfigError(
            "--out",
            [f"{out} is for the public code, which has deeplab, not {network}. Use .safetensors"],
        )
    save_weights(trained.segmenter, out)
    return len(trained.segmenter.state_dict())


def _onnx(segmenter: VideoSegmenter, out: Path, fp16: bool) -> int:
    try:
        return save_onnx(segmenter, out, fp16)
    except ModuleNotFoundError as error:
        missing = f"{ONNX} needs {error.name}, which is not installed: pip install 'davsn[onnx]'"
        raise ConfigError("--out", [missing]) from None
