"""Writing a segmentation network as ONNX, for programs without PyTorch."""

import copy
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from davsn.core.errors import ConfigError
from davsn.core.files.writing import replacing
from davsn.networks.video import VideoSegmenter
from davsn.ops.resize import upsample
from davsn.ops.warp import resize_flow

OPSET = 20
"""The version of ONNX's operators."""
_INPUTS = ("frame", "previous", "flow")
_SIZES = ((64, 128), (61, 107))
"""Height and width of the frames on which a file is compared with PyTorch: the traced size, and an odd one."""
_CLOSE, _CLOSE_FP16 = 1e-4, 0.05
"""How far logits may be apart, as a share of the largest."""


class Step(nn.Module):
    """A step of a stream as a graph of tensors; see :meth:`VideoSegmenter.step`.

    Args:
        segmenter: the network.
    """

    def __init__(self, segmenter: VideoSegmenter) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, frame: Tensor, previous: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """The fused logits, and the logits of this frame alone, which are ``previous`` of the next step.

        Args:
            frame: (1, 3, H, W) float32 RGB in [0, 1].
            previous: (1, C, h, w) float32, the second result of the step before. It is resized if its size differs.
            flow: (1, 2, H', W') float32 current→previous, in pixels of its own resolution.
        """
        network, kind = self.segmenter, next(self.segmenter.parameters()).dtype
        assert network.fusion is not None
        current = network.image(frame.to(kind)).main
        size = (current.shape[-2], current.shape[-1])
        moved, _ = network.propagate(upsample(previous.to(kind), size), resize_flow(flow, size, network.flow_scale))
        fused: Tensor = network.fusion(torch.cat([current, moved], 1))
        return fused.float(), current.float()


class Single(nn.Module):
    """A single-frame network as a graph of tensors.

    Args:
        segmenter: the network.
    """

    def __init__(self, segmenter: VideoSegmenter) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, frame: Tensor) -> Tensor:
        """The logits (1, C, h, w) of a frame (1, 3, H, W), float32 RGB in [0, 1]."""
        kind = next(self.segmenter.parameters()).dtype
        logits: Tensor = self.segmenter.image(frame.to(kind)).main
        return logits.float()


def save_onnx(segmenter: VideoSegmenter, path: Path, fp16: bool = False) -> int:
    """Write a network as ONNX with dynamic sizes, operators of version :data:`OPSET`.

    The inputs are ``frame``, ``previous`` and ``flow``, the outputs ``scores`` and ``current``; see :class:`Step`. A
    single-frame network has ``frame`` and ``scores`` alone. All of them are float32.

    Args:
        segmenter: the network; it does not change.
        path: the file.
        fp16: whether weights and activations are float16.

    Returns:
        the number of tensors of the network.

    Raises:
        ConfigError: the network cannot be written as ONNX, or onnxruntime gets other numbers than PyTorch.
        DataError: the file cannot be written.
        ModuleNotFoundError: the package onnx or onnxruntime is not installed.
    """
    import onnxruntime

    network = copy.deepcopy(segmenter).cpu().eval()
    if fp16:
        network = network.half()
    inputs: tuple[Tensor, ...] = (torch.rand(1, 3, 64, 128),)
    sizes = {"frame": {2: "H", 3: "W"}, "scores": {2: "h", 3: "w"}}
    if network.looks_back:
        inputs += (torch.rand(1, network.num_classes, 8, 16), torch.rand(1, 2, 64, 128))
        sizes |= {"previous": {2: "hp", 3: "wp"}, "flow": {2: "Hf", 3: "Wf"}, "current": {2: "h", 3: "w"}}
    graph = Step(network) if network.looks_back else Single(network)
    graph.eval()  # the exporter gives all its parts the mode of the whole
    refusals: tuple[type[Exception], ...] = (
        torch.onnx.errors.OnnxExporterError,
        RuntimeError,
        TypeError,
        ValueError,
        *_errors(onnxruntime),
    )
    with replacing(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the older exporter, which takes 5 s where the newer one takes 90
        try:
            torch.onnx.export(
                graph,
                inputs,
                str(temporary),
                dynamo=False,
                opset_version=OPSET,
                input_names=list(_INPUTS[: len(inputs)]),
                output_names=["scores", "current"] if network.looks_back else ["scores"],
                dynamic_axes=sizes,
            )
            session = onnxruntime.InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
            apart = max(_difference(session, graph, size) for size in _SIZES)
        except refusals as error:
            told = " ".join(str(error).split())[:200]
            raise ConfigError(
                "--out", [f"this network cannot be written as ONNX (docs/predict.md says which can): {told}"]
            ) from None
        if not apart < (_CLOSE_FP16 if fp16 else _CLOSE):
            raise ConfigError("--out", [f"this network gives other logits as ONNX, by {apart:.1%}. Use .safetensors"])
    return len(network.state_dict())


def _difference(session: Any, graph: Step | Single, size: tuple[int, int]) -> float:
    """The largest difference of onnxruntime's logits from PyTorch's on noise of a size, divided by the largest."""
    height, width = size
    noise = torch.Generator().manual_seed(0)
    frame, flow = (
        torch.rand(1, 3, height, width, generator=noise),
        2 * torch.randn(1, 2, height, width, generator=noise),
    )
    with torch.no_grad():
        if len(session.get_inputs()) == 1:
            inputs: tuple[Tensor, ...] = (frame,)
            expected = graph(*inputs)
        else:
            inputs = (frame, graph(frame, torch.zeros(1, graph.segmenter.num_classes, 8, 16), flow)[1], flow)
            expected = graph(*inputs)[0]
    given = {name: tensor.numpy() for name, tensor in zip(_INPUTS, inputs, strict=False)}
    found = torch.from_numpy(session.run(["scores"], given)[0])
    return float((found - expected).abs().max() / expected.abs().max())


def _errors(onnxruntime: Any) -> tuple[type[Exception], ...]:
    """The errors of onnxruntime, which have no base class of their own."""
    state = onnxruntime.capi.onnxruntime_pybind11_state
    return tuple(kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception))
