"""The content of a small report, for the tests of its page."""

import numpy as np

from davsn.data.labels.taxonomy import Taxonomy
from davsn.report.content import Behaviour, Footage, Look, Measured, Network, RunReport, Seen, Still
from davsn.scoring.scores import Scores

TAXONOMY = Taxonomy(("road", "fence", "sky"), ((128, 64, 128), (190, 153, 153), (70, 130, 180)), frozenset({"fence"}))
HEIGHT, WIDTH = 24, 40
PHOTO = np.stack([*np.mgrid[0:240:10, 0:240:6], np.full((HEIGHT, WIDTH), 90)], -1).astype(np.uint8)
LABEL = (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) % 3).astype(np.uint8)


def scores(hits, consistency=None, names=TAXONOMY.names):
    """Of road ``hits`` of 100 pixels are right, of fence 50; sky is never there but predicted."""
    counts = ((hits, 100 - hits, 0), (0, 50, 50), (0, 0, 0))
    return Scores(names, TAXONOMY.unscored, counts, 12, 3.0, consistency)


def measured(hits, consistency=None, **metrics):
    one = scores(hits, consistency)
    return Measured(one, {**one.as_data(), "metrics": metrics})


def still(step, networks=2, labelled=True, size=None):
    """A frame in which network n is wrong in the first n + 1 rows, and all later frames are darker."""
    frame = PHOTO // (step + 1) if size is None else np.random.default_rng(step).integers(0, 256, (*size, 3), np.uint8)
    label = LABEL if size is None else np.random.default_rng(step).integers(0, 3, size, np.uint8)
    seen = {}
    for number in range(networks):
        mask = label.copy()
        mask[: number + 1] = (mask[: number + 1] + 1) % 3
        wrong = 100 * (number + 1) / HEIGHT if labelled else None
        seen[number] = Seen(mask, wrong, None if step == 0 else 2.0 * step + number, 80.0)
    return Still(f"clip_a/{step:06d}", frame, label if labelled else None, seen)


def behaviour():
    total = np.zeros(20, np.int64)
    total[10], total[19] = 300, 700
    right = np.zeros(20, np.int64)
    right[10], right[19] = 150, 700
    return Behaviour(np.array([500, 250, 250]), np.array([400, 300, 300]), total, right, total.copy(), (3.0, 12.0))


def look(networks=2, labelled=True, steps=4, **options):
    stills = [still(step, networks, labelled, **options) for step in range(steps)]
    return Look(
        "camera", [Footage("clip_a, 000000 to 000003", stills)], {n: behaviour() for n in range(networks)}, labelled
    )


def report(**changes):
    fields = {
        "title": "Streets, 600 steps",
        "networks": [
            Network("source_only", scores={"camera": [measured(40, 71.5)]}, seconds=41.4),
            Network(
                "da_vsn",
                "corrected mode",
                facts={"folder": "runs/x"},
                settings={"method.name": "da_vsn", "seed": "0"},
                scores={"camera": [measured(60, 81.25)]},
                history={"camera": [(10, 20.0), (20, 30.0)]},
                records=[{"step": step, "loss/segmentation/main": 1.0 - step / 10} for step in range(10)],
                seconds=95.0,
            ),
            Network("upper", uses_target_labels=True, scores={"camera": [measured(90, 91.0)]}, seconds=40.0),
        ],
        "taxonomy": TAXONOMY,
        "looks": [look()],
        "notes": ["Labels were held back."],
        "facts": {"command": "davsn demo --seed 0"},
    }
    return RunReport(**fields | changes)
