"""How far apart the two looks of the streets are.

Run: python -m benchmarks.studies.streets_gap [--gaps 0.6] [--seeds 0 1 2]
A light network is trained twice from the same start: on labelled game clips, and on labelled camera clips. Both are
scored on camera clips of another split. The ratio of the two mIoU is about 0.4 to 0.6 for the pairs of the papers.
Training worlds differ between the domains (seed + 100), as they do in the papers.
"""

import argparse
import time

import numpy as np
import torch
from torch.nn import functional

from benchmarks.records import commit, write
from davsn.data.sets.streets import Config, Streets
from davsn.networks.image.light import Light, LightSettings
from davsn.scoring.scores import iou

Samples = tuple[torch.Tensor, torch.Tensor]


def render(dataset: Streets, every: int) -> Samples:
    """Frames (N, 3, H, W) uint8 and labels (N, H, W) of every n-th position."""
    places = [(clip, at) for clip in range(len(dataset.clips)) for at in range(0, dataset.config.length, every)]
    frames = np.stack([dataset.read_frame(*place) for place in places]).transpose(0, 3, 1, 2)
    labels = np.stack([dataset.read_label(*place) for place in places])
    return torch.from_numpy(np.ascontiguousarray(frames)), torch.from_numpy(labels)


def train(samples: Samples, classes: int, given: argparse.Namespace, seed: int) -> Light:
    """A light network from random weights after the given steps on the samples, half of them mirrored."""
    torch.manual_seed(seed)
    network = Light(LightSettings(encoder=given.encoder), classes).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=given.rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.PolynomialLR(optimiser, given.steps, 0.9)
    frames, labels = samples
    draw = torch.Generator().manual_seed(seed)
    for _ in range(given.steps):
        chosen = torch.randint(len(frames), (given.batch,), generator=draw)
        images, truth = frames[chosen].float() / 255, labels[chosen].long()
        if torch.rand((), generator=draw) < 0.5:
            images, truth = images.flip(-1), truth.flip(-1)
        levels = network(images)
        loss = sum(
            weight * functional.cross_entropy(upsampled(logits, truth), truth, ignore_index=255)
            for weight, logits in ((1.0, levels.main), (0.1, levels.aux))
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def upsampled(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(logits, labels.shape[-2:], mode="bilinear", align_corners=False)


@torch.inference_mode()
def score(network: Light, samples: Samples) -> tuple[float, list[float]]:
    """The mIoU × 100, and IoU by class."""
    classes = network.num_classes
    counts = np.zeros((classes, classes), np.int64)
    for image, label in zip(*samples, strict=True):
        logits = network(image[None].float() / 255).main
        predicted = upsampled(logits, label).argmax(1)[0].numpy()
        truth = label.numpy()
        known = truth < classes
        pairs = truth[known].astype(np.int64) * classes + predicted[known]
        counts += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    values = iou(counts)
    return float(np.nanmean(values) * 100), [round(float(value) * 100, 1) for value in values]


def streets(domain: str, gap: float, seed: int, split: str, given: argparse.Namespace) -> Samples:
    clips, length = (given.clips, 30) if split == "train" else (max(4, given.clips // 3), 30)
    config = Config(domain=domain, gap=gap, seed=seed, split=split, clips=clips, length=length, classes=given.classes)
    return render(Streets(config), 3 if split == "train" else 6)


def measure(given: argparse.Namespace, seed: int) -> list[dict[str, object]]:
    """One row a gap."""
    game = streets("game", 0.0, seed, "train", given)
    classes = len(Streets(Config(classes=given.classes)).taxonomy)
    source_only = train(game, classes, given, seed)
    at_home = score(source_only, streets("game", 0.0, seed + 100, "val", given))[0]
    print(f"seed {seed}: trained on game, scored on game: {at_home:.1f}", flush=True)
    rows: list[dict[str, object]] = []
    for gap in given.gaps:
        start = time.perf_counter()
        unseen = streets("camera", gap, seed + 100, "val", given)
        low, low_classes = score(source_only, unseen)
        target = train(streets("camera", gap, seed + 100, "train", given), classes, given, seed)
        high, high_classes = score(target, unseen)
        print(
            f"seed {seed} gap {gap}: source only {low:.1f}, target labels {high:.1f}, ratio {low / high:.2f}",
            flush=True,
        )
        rows.append(
            {
                "seed": seed,
                "gap": gap,
                "source_only": round(low, 2),
                "target_labels": round(high, 2),
                "ratio": round(low / high, 3),
                "game_on_game": round(at_home, 2),
                "source_only_classes": low_classes,
                "target_labels_classes": high_classes,
                "seconds": round(time.perf_counter() - start, 1),
            }
        )
    return rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--gaps", type=float, nargs="+", default=[Config().gap])
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--steps", type=int, default=500)
    options.add_argument("--batch", type=int, default=4)
    options.add_argument("--rate", type=float, default=2e-3)
    options.add_argument("--clips", type=int, default=18)
    options.add_argument("--encoder", default="mobilenetv3_small_100")
    options.add_argument("--classes", choices=["viper", "synthia"], default="viper")
    given = options.parse_args()
    torch.set_num_threads(1)
    code, rows = commit(), []
    for seed in given.seeds:
        rows += measure(given, seed)
    write("streets_gap", "How far apart the two looks of the streets are", vars(given), code, rows=rows)


if __name__ == "__main__":
    main()
