"""What a frame of video costs: beside the public code's frame, in evaluation, as ONNX, and from file to file.

Run: python -m benchmarks.costs.stream [--rounds 3] [--frames 8] [--save]
Networks have random weights and 15 classes, see frames of 1024×512, and predict masks of 2048×1024. With ``--scale``,
what DeepLab sees and predicts has smaller sides, for a slow machine. Four parts:

- frame: DeepLab-v2 on ResNet-101, processor time on one thread. ``public`` is a literal frame as the public code
  computes it: both frames pass the network with both classifiers, a loop over pixels moves the logits of both, the
  logits of all classes are upsampled, and NumPy takes the largest. ``fp32`` and ``bf16`` are ours: everything between a
  frame as read and its mask, resizing and estimated flow included. ``pass`` is our network's own pass alone. All take
  turns in every round.
- evaluation: upsampling, largest class and counting, in the plain way and as ``davsn eval`` does it; equal to the bit.
- logits: the light network on one thread, a step of a stream without upsampling: as trained, as it predicts, and as the
  exported ONNX file in onnxruntime.
- files: wall time of ``davsn predict`` from a video to an overlay video, all threads: the stages in turn (as for frames
  of unknown number), and side by side. The video is a texture that moves.

A time is the least of all rounds, which other work disturbs least.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.records import PROJECT, commit, write
from davsn.core.console import silent
from davsn.data.labels.class_tables import taxonomy
from davsn.data.video.footage import footage
from davsn.data.video.writer import PictureVideo
from davsn.flow.estimators.dis import Dis
from davsn.networks.folding import folded
from davsn.networks.image.deeplab import DeepLab
from davsn.networks.image.light import Light
from davsn.networks.image_network import main_alone
from davsn.networks.onnx import Step, save_onnx
from davsn.networks.predicting import bf16_slowdown, predicting
from davsn.networks.video import VideoSegmenter
from davsn.ops.resize import upsample, upsampled_largest
from davsn.scoring.confusion import confusion_matrix
from davsn.scoring.inference import Predictor

sys.path.insert(0, str(PROJECT / "tests"))
from oracles.propagation import literal_splat

CLASSES = 15
SEEN, WHOLE = (512, 1024), (1024, 2048)
"""Height and width of what networks see, and of masks."""
Size = tuple[int, int]
LIMITS = {"fp32": 0.50, "bf16": 0.30, "pass": 1.05, "evaluation": 0.70}
LIGHT = "mobilenetv2_100"


def deeplab() -> VideoSegmenter:
    """DeepLab-v2 on ResNet-101 of random weights, as DA-VSN has it."""
    torch.manual_seed(0)
    return VideoSegmenter(DeepLab(DeepLab.Config(), CLASSES), "splat", "height").eval()


def light() -> VideoSegmenter:
    """The light network of random weights."""
    torch.manual_seed(0)
    return VideoSegmenter(Light(Light.Config(encoder=LIGHT, weights=None), CLASSES)).eval()


def least(rounds: int, **calls: Callable[[], object]) -> dict[str, float]:
    """The least processor seconds of each call; they take turns.

    Each round begins with another call, since a call is slower after one that used the memory in another way.
    """
    taken: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            begun = time.process_time()
            calls[name]()
            taken[name].append(time.process_time() - begun)
    return {name: min(seconds) for name, seconds in taken.items()}


def drawn(size: tuple[int, int], count: int) -> list[np.ndarray]:
    """Frames (H, W, 3) of a texture that moves by 6 pixels to the left and 3 up from frame to frame."""
    height, width = size
    tiles = np.random.default_rng(0).integers(0, 255, (height // 8 + 16, width // 8 + 16, 3), dtype=np.uint8)
    texture = cv2.resize(tiles, (width + 128, height + 128), interpolation=cv2.INTER_CUBIC)
    moved = (texture[3 * number :, 6 * number :] for number in range(count))
    return [np.ascontiguousarray(each[:height, :width]) for each in moved]


@torch.no_grad()
def public_frame(network: VideoSegmenter, current: Tensor, previous: Tensor, flow: Tensor, whole: Size) -> np.ndarray:
    """The mask of a frame at the size ``whole``, literally as the public code computes it."""
    seen, before = network.image(current), network.image(previous)
    small = upsample(flow, (seen.main.shape[-2], seen.main.shape[-1])) * (seen.main.shape[-2] / flow.shape[-2])
    fused = {}
    for name, logits in seen.named.items():
        moved, _ = literal_splat(before.named[name][0].numpy(), small[0].numpy())
        assert network.fusion is not None
        fused[name] = network.fusion(torch.cat([logits, torch.from_numpy(moved)[None]], 1))
    scores: np.ndarray = upsample(fused["main"], whole)[0].numpy().transpose(1, 2, 0)
    return scores.argmax(2)


def frame(rounds: int, seen: Size, whole: Size) -> dict[str, float]:
    """Part ``frame``: seconds of the public frame, ours in each precision, and our pass."""
    network, (first, second) = deeplab(), drawn(whole, 2)
    tensors = [torch.rand(1, 3, *seen) for _ in range(2)]
    flow = 2 * torch.randn(1, 2, *seen, dtype=torch.float64)
    kept = folded(network)

    def ours(precision: str) -> Callable[[], object]:
        predictor = Predictor(network, taxonomy("viper"), Dis(Dis.Config()), seen[::-1], precision=precision)  # type: ignore[arg-type]
        endless = (each for _ in range(rounds + 1) for each in (first, second))
        masks = predictor.label(endless)
        next(masks)  # the first frame has no flow
        return lambda: next(masks)

    def alone() -> None:
        with predicting(kept, "cpu"), main_alone(kept):
            kept.image(tensors[0])

    calls: dict[str, Callable[[], object]] = {"public": lambda: public_frame(network, *tensors, flow, whole)}
    calls |= {"fp32": ours("fp32"), "pass": alone}
    if (times := bf16_slowdown()) < 1:
        calls["bf16"] = ours("bf16")
    else:
        print(f"bf16 takes {times:.0f} times as long as fp32 on this processor, so it is not measured")
    return least(rounds, **calls)


def evaluation(rounds: int) -> dict[str, float]:
    """Part ``evaluation``: seconds of the plain way and of ours for one frame."""
    noise = torch.randn(1, CLASSES, 9, 17, generator=torch.Generator().manual_seed(0))
    logits = upsample(noise, (65, 129)).contiguous()
    labels = torch.randint(0, CLASSES, (1, *WHOLE), generator=torch.Generator().manual_seed(0))
    labels[:, :60] = 255

    def plain() -> Tensor:
        scores = functional.interpolate(logits, WHOLE, mode="bilinear", align_corners=True)
        found = scores.argmax(1)
        counted = labels != 255
        cells = torch.bincount(labels[counted] * CLASSES + found[counted], minlength=CLASSES**2)
        return cells.view(CLASSES, CLASSES)

    def ours() -> Tensor:
        return confusion_matrix(labels.to(torch.uint8), upsampled_largest(logits, WHOLE).to(torch.uint8), CLASSES)

    assert torch.equal(plain(), ours())
    return least(3 * rounds, plain=plain, ours=ours)


def logits_of_light(rounds: int) -> dict[str, float]:
    """Part ``logits``: seconds of a step of the light network without upsampling, in PyTorch and in onnxruntime."""
    network = light()
    inputs = (torch.rand(1, 3, *SEEN), torch.rand(1, CLASSES, 128, 256), 2 * torch.randn(1, 2, *SEEN))

    def step(chosen: VideoSegmenter) -> Callable[[], object]:
        graph = Step(chosen)

        def run() -> None:
            with predicting(graph, "cpu"), main_alone(graph):
                graph(*inputs)

        return run

    calls = {"as trained": step(network), "as it predicts": step(folded(network))}
    try:
        import onnxruntime
    except ModuleNotFoundError:
        print("onnxruntime is not installed, so the exported file is not measured")
        return least(3 * rounds, **calls)
    with TemporaryDirectory() as place:
        save_onnx(network, path := Path(place) / "light.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    given = {each.name: tensor.numpy() for each, tensor in zip(session.get_inputs(), inputs, strict=True)}
    calls["ONNX in onnxruntime"] = lambda: session.run(["scores", "current"], given)
    return least(3 * rounds, **calls)


def files(
    title: str, network: VideoSegmenter, sizes: tuple[Size, Size], count: int, rounds: int
) -> list[dict[str, Any]]:
    """Part ``files``: wall seconds a frame for videos of both sizes; the network sees the first size."""
    predictor, rows = Predictor(network, taxonomy("viper"), Dis(Dis.Config()), sizes[0][::-1]), []
    for size in sizes:
        with TemporaryDirectory() as place, silent():
            source, target = Path(place) / "in.mp4", Path(place) / "out.mp4"
            with PictureVideo(source, None) as video:
                for number, picture in enumerate(drawn(size, count)):
                    video.add(str(number), picture)
            taken: dict[str, list[float]] = {"in turn": [], "side by side": []}
            for _ in range(rounds):
                unknown = (shot.frame for shot in footage(source).frames)  # how many there are is not known
                for name, given in (("in turn", unknown), ("side by side", source)):
                    taken[name].append(predictor.predict(given, target).seconds / count)
        rows.append(
            {"network": title, "video": f"{size[1]}×{size[0]}"} | {key: min(all_) for key, all_ in taken.items()}
        )
        print(rows[-1], flush=True)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=8, help="frames of a video")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/stream.json")
    parser.add_argument("--scale", type=float, default=1.0, help="of the sides of DeepLab's frames and masks")
    options, code = parser.parse_args(), commit()
    seen, whole = ((round(height * options.scale), round(width * options.scale)) for height, width in (SEEN, WHOLE))
    torch.set_num_threads(1)
    seconds = {"frame": frame(options.rounds, seen, whole), "evaluation": evaluation(options.rounds)}
    seconds["logits"] = logits_of_light(options.rounds)
    results = show(seconds)
    threads, rows = os.cpu_count() or 1, []
    torch.set_num_threads(threads)
    settings = {"rounds": options.rounds, "frames": options.frames, "threads_of_files": threads, "encoder": LIGHT}
    settings |= {"deeplab_seen": f"{seen[1]}×{seen[0]}", "deeplab_masks": f"{whole[1]}×{whole[0]}"}
    for title, network, sizes, frames, rounds in (
        ("light", light(), (SEEN, WHOLE), options.frames, options.rounds),
        ("deeplab", deeplab(), (seen, whole), 2, 1),
    ):
        rows += files(title, network, sizes, frames, rounds)
        if options.save:
            rounded = {
                part: {name: round(value, 4) for name, value in taken.items()} for part, taken in seconds.items()
            }
            write(
                "stream", "Frames of video", settings, code, seconds=rounded, results=results, limits=LIMITS, rows=rows
            )
    return 0


def show(seconds: dict[str, dict[str, float]]) -> dict[str, float]:
    """Print the seconds and the ratios that are claimed; returns the ratios."""
    of_frame, counted = seconds["frame"], seconds["evaluation"]
    results = {name: of_frame[name] / of_frame["public"] for name in ("fp32", "bf16") if name in of_frame}
    results |= {"pass": of_frame["fp32"] / of_frame["pass"], "evaluation": counted["ours"] / counted["plain"]}
    for part, taken in seconds.items():
        print(part, {name: f"{value:.3f} s" for name, value in taken.items()})
    for name, ratio in results.items():
        print(f"{name:12} {ratio:.3f}  (at most {LIMITS[name]:.2f})  {'pass' if ratio <= LIMITS[name] else 'FAIL'}")
    sys.stdout.flush()
    return {name: round(ratio, 3) for name, ratio in results.items()}


if __name__ == "__main__":
    sys.exit(main())
