"""Segments a video with an exported network, by onnxruntime, OpenCV and NumPy alone. The output has a mask video.

Run: python examples/onnx_video.py model.onnx drive.mp4 masks.mp4
"""

import sys

import cv2
import numpy as np
import onnxruntime


def segment(model: str, video: str, out: str, size: tuple[int, int] = (320, 160)) -> int:
    """Segment a video, and give the number of frames."""
    network = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    estimator = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    looks_back, classes = len(network.get_inputs()) > 1, network.get_outputs()[0].shape[1]
    capture = cv2.VideoCapture(video)
    writer = cv2.VideoWriter(out, cv2.VideoWriter_fourcc(*"mp4v"), capture.get(cv2.CAP_PROP_FPS) or 10, size)
    grey_before, previous, count = None, np.zeros((1, classes, 2, 2), np.float32), 0
    while (picture := capture.read()[1]) is not None:
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        frame = picture[None, ..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255
        grey, flow = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.zeros((*size[::-1], 2), np.float32)
        if grey_before is not None:
            flow = estimator.calc(grey, grey_before, None)  # from the current frame to the previous one
        for _ in range(1 if count or not looks_back else 2):  # the first frame is its own previous frame
            inputs = {"frame": frame, "previous": previous, "flow": flow.transpose(2, 0, 1)[None]}
            scores, previous = (
                network.run(None, inputs) if looks_back else (*network.run(None, {"frame": frame}), previous)
            )
        mask = cv2.resize(scores[0].transpose(1, 2, 0), size).argmax(2)
        writer.write(cv2.applyColorMap((mask * (255 // classes)).astype(np.uint8), cv2.COLORMAP_TURBO))
        grey_before, count = grey, count + 1
    writer.release()
    return count


if __name__ == "__main__":
    print(segment(*sys.argv[1:4]), "frames")
