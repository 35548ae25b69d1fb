"""A network as ONNX: onnxruntime computes what PyTorch does, over a stream and at other sizes than the exported one."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from davsn.core.errors import ConfigError
from davsn.networks.image.encoder_head import EncoderHead, EncoderHeadSettings
from davsn.networks.image.light import Light, LightSettings
from davsn.networks.onnx import OPSET, save_onnx
from davsn.networks.video import VideoSegmenter

onnxruntime = pytest.importorskip("onnxruntime", reason="needs davsn[onnx]")
pytest.importorskip("onnx", reason="needs davsn[onnx]")
PROJECT = Path(__file__).parents[2]


def light(propagation):
    torch.manual_seed(0)
    network = Light(LightSettings(encoder="mobilenetv3_small_050", width=8, weights=None), 4)
    segmenter = VideoSegmenter(network, propagation).eval()
    if segmenter.looks_back:
        torch.nn.init.normal_(segmenter.fusion.weight)
    return segmenter


def session(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.fixture(name="exported", scope="module")
def _exported(tmp_path_factory):
    segmenter, path = light("warp"), tmp_path_factory.mktemp("onnx") / "a.onnx"
    save_onnx(segmenter, path)
    return segmenter, path


@pytest.mark.parametrize("size", [(48, 96), (61, 75)])
def test_twenty_frames_of_a_stream_are_equal(exported, size):
    segmenter, path = exported
    network, memory, previous = session(path), None, np.zeros((1, 4, 2, 2), np.float32)
    for number in range(20 if size == (48, 96) else 2):
        frame, flow = torch.rand(1, 3, *size), 3 * torch.randn(1, 2, *size) * (number > 0)
        for _ in range(1 if number else 2):
            inputs = {"frame": frame.numpy(), "previous": previous, "flow": flow.numpy()}
            scores, previous = network.run(["scores", "current"], inputs)
        expected, memory = segmenter.step(frame, flow, memory, scores.shape[-2:])
        np.testing.assert_allclose(scores, expected, atol=1e-4)
        np.testing.assert_allclose(previous, memory.main, atol=1e-4)


def test_single_frames_and_the_version_of_the_operators(tmp_path):
    import onnx

    segmenter = light("none")
    save_onnx(segmenter, tmp_path / "a.onnx")
    frame = torch.rand(1, 3, 40, 72)
    (scores,) = session(tmp_path / "a.onnx").run(None, {"frame": frame.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(scores, segmenter(frame).fused.main, atol=1e-4)
    assert [each.version for each in onnx.load(tmp_path / "a.onnx").opset_import if not each.domain] == [OPSET]


def test_half_precision_is_half_as_large_and_nearly_equal(exported, tmp_path):
    segmenter, path = exported
    save_onnx(segmenter, tmp_path / "half.onnx", fp16=True)
    assert next(segmenter.parameters()).dtype == torch.float32
    assert (tmp_path / "half.onnx").stat().st_size < 0.7 * path.stat().st_size
    inputs = {"frame": torch.rand(1, 3, 48, 96), "previous": torch.rand(1, 4, 6, 12), "flow": torch.zeros(1, 2, 48, 96)}
    given = {name: value.numpy() for name, value in inputs.items()}
    exact, rough = (session(each).run(None, given)[0] for each in (path, tmp_path / "half.onnx"))
    assert 0 < np.abs(rough - exact).max() < 0.03 * np.abs(exact).max()


def test_the_example_segments_a_video(exported, tmp_path):
    import cv2

    writer = cv2.VideoWriter(str(tmp_path / "in.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 10, (64, 32))
    for number in range(3):
        writer.write(np.full((32, 64, 3), 60 * number, np.uint8))
    writer.release()
    segment = runpy.run_path(str(PROJECT / "examples" / "onnx_video.py"))["segment"]
    assert segment(str(exported[1]), str(tmp_path / "in.mp4"), str(tmp_path / "out.mp4"), (96, 48)) == 3
    assert (tmp_path / "out.mp4").stat().st_size > 0


@pytest.mark.parametrize(
    ("encoder", "head"),
    [("test_convnext", "daformer"), pytest.param("mit_b0", "segformer", marks=pytest.mark.slow)],
)
def test_an_encoder_with_a_head(tmp_path, encoder, head):
    torch.manual_seed(0)
    settings = EncoderHeadSettings(encoder=encoder, head={"name": head, "width": 8}, weights=None)
    segmenter = VideoSegmenter(EncoderHead(settings, 4), "none").eval()
    save_onnx(segmenter, tmp_path / "a.onnx")
    frame = torch.rand(1, 3, 53, 91)
    (scores,) = session(tmp_path / "a.onnx").run(None, {"frame": frame.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(scores, segmenter(frame).fused.main, atol=1e-4)


def test_a_network_that_onnx_cannot_compute_is_refused_and_leaves_no_file(tmp_path):
    with pytest.raises(ConfigError, match="this network cannot be written as ONNX"):
        save_onnx(light("splat"), tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())
