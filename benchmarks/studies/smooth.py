"""What smoothing costs in mIoU and gains in consistency, by the weight of the past.

Run: python -m benchmarks.studies.smooth RUN [RUN ...] --name streets
     python -m benchmarks.studies.smooth RUN [RUN ...] --name camvid --data FOLDER --size 320 160
A run is the folder of a finished run. Without --data the frames are those of streets, in a world that no run was
trained on, and the flow by which consistency is measured is exact. The folder of --data holds the pair of ProcCity and
CamVid (target/val, classes.yaml); it is not part of this repository. Its consistency is measured along the flow of DIS
where the forward-backward check holds, so with the flow that smoothing itself uses. Each world has its own record.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import davsn
from benchmarks.records import commit, write
from davsn.data.dataset import VideoDataset
from davsn.data.sets.folder import Folder
from davsn.data.sets.streets import Config, Streets
from davsn.flow.consistency import consistent
from davsn.flow.setting import FlowSetting
from davsn.ops.arrays import pictures
from davsn.ops.warp import warp
from davsn.scoring.confusion import confusion_matrix, iou

Motion = tuple[Tensor, Tensor]
"""The flow (1, 2, H, W) current→previous, and (H, W) bool, where it can be trusted."""
DIS = FlowSetting(name="dis").build()


def world(given: argparse.Namespace) -> VideoDataset:
    """The labelled clips."""
    if given.data is None:
        return Streets(Config(domain="camera", split="val", seed=given.seed, clips=given.clips, length=given.length))
    root = given.data / "target" / "val"
    return Folder(Folder.Config(root=root, classes=given.data / "classes.yaml"))


def motion(dataset: VideoDataset, clip: int, position: int) -> Motion:
    """The exact flow to the frame before, or that of DIS with its check."""
    own = dataset.read_flow(clip, position, position - 1)
    if own is not None:
        flow, valid = own
        known = np.ones(flow.shape[:2], bool) if valid is None else valid
        return torch.from_numpy(flow).permute(2, 0, 1)[None].float(), torch.from_numpy(known)
    current, before = (pictures([dataset.read_frame(clip, at)]) for at in (position, position - 1))
    flow = DIS.estimate(current, before)
    return flow, consistent(flow, DIS.estimate(before, current))[0]


def moved(mask: Tensor, along: Motion) -> tuple[Tensor, Tensor]:
    """The previous mask (H, W) on the current frame's grid, from the nearest pixel; and where it is known."""
    flow, trusted = along
    before, inside = warp(mask[None, None].float(), flow.round())
    return before[0, 0].round().long(), inside[0] & trusted


def measure(model: davsn.Model, dataset: VideoDataset, size: tuple[int, int] | None) -> dict[str, Any]:
    """Score a network: mIoU on labels; along the flow, mIoU with the previous mask, and the share that changes."""
    classes = len(model.classes)
    truth, agreement = torch.zeros(2, classes, classes, dtype=torch.int64)
    changed = seen = frames = 0
    seconds = 0.0
    for clip, info in enumerate(dataset.clips):
        before: Tensor | None = None
        shown = [dataset.read_frame(clip, position) for position in range(len(info.frames))]
        begun = time.process_time()
        masks = [torch.from_numpy(result.mask).long() for result in model.segment(shown, size=size)]
        seconds += time.process_time() - begun
        for position, mask in enumerate(masks):
            if position in info.labelled:
                truth += confusion_matrix(torch.from_numpy(dataset.read_label(clip, position)).long(), mask, classes)
            if before is not None:
                past, known = moved(before, motion(dataset, clip, position))
                agreement += confusion_matrix(torch.where(known, past, 255), mask, classes)
                changed, seen = changed + int((past != mask)[known].sum()), seen + int(known.sum())
            before = mask
        frames += len(masks)
    scored = list(model.trained.taxonomy.scored_on(dataset.taxonomy).scored)
    return {
        "miou": round(100 * float(np.nanmean(iou(truth.numpy())[scored])), 3),
        "consistency": round(100 * float(np.nanmean(iou(agreement.numpy())[scored])), 3),
        "changed": round(100 * changed / seen, 3),
        "frames": frames,
        "seconds": round(seconds / frames, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--name", choices=["streets", "camvid"], required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--size", type=int, nargs=2)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0, 0.25, 0.5, 0.75])
    parser.add_argument("--seed", type=int, default=900)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--length", type=int, default=20)
    given = parser.parse_args()
    torch.set_num_threads(1)
    code, dataset = commit(), world(given)
    rows: list[dict[str, Any]] = []
    for run in given.runs:
        model = davsn.load(run)
        for share in given.shares:
            found = measure(model.using(smooth=share), dataset, given.size and tuple(given.size))
            rows.append({"run": run.name, "seed": model.experiment.seed, "share": share, **found})
            print(rows[-1], flush=True)
            settings = {key: value for key, value in vars(given).items() if key not in ("runs", "data")}
            write(f"smooth_{given.name}", f"Smoothing along the flow, on {given.name}", settings, code, rows=rows)


if __name__ == "__main__":
    main()
