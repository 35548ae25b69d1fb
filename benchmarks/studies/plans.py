"""What a study of methods runs: the two pairs of domains, and the rows of each study.

:mod:`benchmarks.studies.methods` trains and scores the rows that are planned here.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.records import OF_TARGET, START, THEN
from davsn.core.settings import override
from davsn.experiment.recipes import recipe_values

CEILING = "trained on target labels"
SMALL = {"views": "logits", "discriminator_width": 32}
DA_VSN = {"name": "da_vsn", **SMALL, "adversarial_weight": 0.05, "consistency_weight": 1}
TEACHER = {"name": "mean_teacher", "decay": 0.99}
STREETS_THINGS = (4, 5, 9, 10, 11, 12, 13, 14)
"""VIPER's train ids, which the streets share, of the classes that CMOM aligns object by object."""
BLUR = [1.25, 1.75, 2.25]
"""TPS's published standard deviations, scaled to frames a quarter as large."""
TPS = {"name": "tps", "blur": BLUR, "target_weight": 0.3}
ACCIDENTS = {
    "numbers augmented, not pictures": ["method.augmented=numbers"],
    "mirrored flow keeps its sign": ["method.mirrored_flow=kept"],
    "maps mirrored back after the warp": ["method.mirrored_back=after_warp"],
    "flow scaled by the height": ["video.flow_scale=height"],
}
"""The accidents of TPS's public code that can happen on the streets."""
CHOICES = {
    "minent": ({}, {"entropy_weight": 0.03}),
    "advent": (SMALL, {**SMALL, "adversarial_weight": 0.05}),
    "tps": ({"blur": BLUR}, {"blur": BLUR, "target_weight": 0.3}),
    "pixmatch": ({}, {"augmented": 0.5, "fourier": 0.5, "cutmix": 0.5}),
    "mean_teacher": ({}, {"statistics": "running"}, {"decay": 0.99}),
    "cmom": ({"things": STREETS_THINGS}, {"things": STREETS_THINGS, "statistics": "batch"}),
}
"""The settings that were tried on seed 0 of the streets."""
STRONG: Mapping[str, Any] = {
    "statistics": 50,
    "photometric": {"share": 0.5, "strength": 0.6},
    "style": {"kind": "lab", "share": 0.5},
    "adjust": 0.5,
}
"""The parts of the strong recipe, in the order in which a study adds them."""
KEYS = {
    "statistics": "training.target_statistics",
    "photometric": "source.photometric",
    "style": "source.style",
    "scale": "source.scale",
    "crop": "source.crop",
    "average": "training.average_last",
}
"""The setting of each part, but for the method's own."""
RECIPE = "the recipe"
STRENGTHS: Mapping[str, Mapping[str, Any]] = {
    "statistics of 16 batches": {"statistics": 16},
    "statistics of 150 batches": {"statistics": 150},
    "photometric share 0.75": {"photometric": {"share": 0.75, "strength": 0.6}},
    "photometric strength 0.4": {"photometric": {"share": 0.5, "strength": 0.4}},
    "photometric strength 0.8": {"photometric": {"share": 0.5, "strength": 0.8}},
    "style share 0.25": {"style": {"kind": "lab", "share": 0.25}},
    "style share 0.75": {"style": {"kind": "lab", "share": 0.75}},
    "style by histogram": {"style": {"kind": "histogram", "share": 0.5}},
    "style by Fourier amplitude": {"style": {"kind": "fourier", "share": 0.5}},
    "adjust 0.25": {"adjust": 0.25},
    "adjust 1": {"adjust": 1.0},
    "scale 1 to 2": {"scale": [1.0, 2.0], "crop": [256, 128]},
    "average of the last third": {"average": 0.33},
}
"""What was tried in place of :data:`STRONG` on seed 0 of the streets: title → the parts that differ."""
NORMALISED = ("minent", "advent", "da_vsn", "tps", "mean_teacher", "cmom")
"""The methods of the study of statistics. It leaves out pixmatch and masked, which cost most."""


@dataclass(frozen=True)
class Planned:
    """A row of the results.

    Attributes:
        title: the row's title in the record.
        changes: assignments that change the recipe.
        after: title of the row whose network, after equal steps, is the start. None: a fresh network.
        timed: whether the row is also run for equal time.
        labels: on the streets, the domain whose labels train the network.
    """

    title: str
    changes: tuple[str, ...]
    after: str | None = START
    timed: bool = True
    labels: str = "game"

    def folder(self, budget: str = "steps") -> str:
        """The name of the run's folder."""
        return file_name(self.title) + "_time" * (budget == "time")


@dataclass(frozen=True)
class World:
    """A pair of domains.

    Attributes:
        recipe: what all runs share.
        first: steps of the source-only start.
        steps: steps of every method after the start.
        snapshots: number of checkpoints of a run.
        things: train ids of cmom's things.
        drawn: whether clips are drawn anew for each seed. Such a world also has the rows of TPS's accidents and the
            row that is trained on the target's labels.
    """

    recipe: dict[str, Any]
    first: int
    steps: int
    snapshots: int
    things: tuple[int, ...]
    drawn: bool

    def roots(self, row: Planned, drawn: Path) -> list[str]:
        """The folders of a row's data, as assignments that change the recipe."""
        paths = {"source": drawn / row.labels, "target": drawn / "camera", "validation.unseen": drawn / "unseen"}
        return [f"{key}.root={path}" for key, path in paths.items()] if self.drawn else []


def file_name(title: str) -> str:
    """A title as a file name: letters, digits and underscores only."""
    return re.sub(r"\W+", "_", title)


def streets(given: argparse.Namespace) -> World:
    """The demo's world. Its clips are drawn anew for each seed."""
    recipe = recipe_values("demo")
    recipe["validation"] = {"unseen": {"name": "folder", "root": "unseen", "missing": "repeat"}}
    snapshots = {"choices": 3, "recipe": 1, "strengths": 1, "on_recipe": 1}.get(given.study, 5)
    return World(recipe, given.first or 240, given.steps or 150, snapshots, STREETS_THINGS, drawn=True)


RECORDED: Mapping[str, Any] = {
    "source.size": [320, 160],
    "source.colour": 0.4,
    "source.photometric": None,
    "source.style": None,
    "target.size": [320, 160],
    "network.encoder": "tf_efficientnet_lite0",
    "video.propagation": "warp",
    "training.target_statistics": 0,
    "training.save_every": 200,
}
"""What the recipe ``adapt`` said when the records of ProcCity and CamVid were made, where it says something else now.
Every row names its method."""


def procity_camvid(given: argparse.Namespace) -> World:
    """Synthetic video to real video, with the recipe of ``davsn adapt`` as it was; see :data:`RECORDED`."""
    recipe, data = recipe_values("adapt"), given.data.resolve()
    classes = str(data / "classes.yaml")
    recipe["source"] = {"name": "folder", "root": str(data / "source"), "classes": classes, "mirror": True}
    recipe = override(recipe, RECORDED)
    recipe["target"] |= {"root": str(data / "target" / "train")}
    scored = {"name": "folder", "root": str(data / "target" / "val"), "classes": classes, "size": [320, 160]}
    stills = {"frames": "stills", "labels": "stills_labels", "stills": True}
    recipe["validation"] = {
        "stills": {**scored, **stills, "missing": "repeat"},
        "clip": {**scored, "missing": "repeat"},
    }
    recipe["network"]["weights"] = str(given.weights.resolve())
    recipe["training"]["workers"] = 0
    snapshots = 1 if given.study in ("recipe", "on_recipe") else 4
    return World(recipe, given.first or 200, given.steps or 80, snapshots, (4, 5, 8, 9), drawn=False)


def planned(world: World) -> Iterator[Planned]:
    """The rows of the study of methods. A row comes after the row that it starts from."""
    rows = list(methods(world))
    yield from rows
    yield from (then_batch_norm(row.title) for row in rows if row.timed and row.title != "batch_norm")


def then_batch_norm(first: str) -> Planned:
    """A run of batch_norm after a row: it gives the row's network the target's statistics."""
    return Planned(first + THEN, ('method={"name": "batch_norm"}',), after=first, timed=False)


def normalised(world: World) -> Iterator[Planned]:
    """The rows of the study of statistics: statistics of both domains, of the target, and batch_norm afterwards."""
    rows = {row.title: row for row in methods(world)}
    yield rows[START]
    for name in NORMALISED:
        yield replace(rows[name], timed=False)
        yield Planned(name + OF_TARGET, (*rows[name].changes, "training.statistics=target"), timed=False)
        yield then_batch_norm(name)


def methods(world: World) -> Iterator[Planned]:
    """The rows that train a method."""

    def method(**settings: Any) -> tuple[str, ...]:
        return (f"method={json.dumps(settings)}",)

    cmom = {"name": "cmom", "things": world.things}  # its labels are those of its start, which may not know the target
    yield Planned(START, method(name="source_only"), after=None, timed=False)
    yield Planned("source_only", method(name="source_only"))
    yield Planned("batch_norm", method(name="batch_norm"))
    yield Planned("minent", method(name="minent", entropy_weight=0.03))
    yield Planned("advent", method(name="advent", **SMALL, adversarial_weight=0.05))
    yield Planned("da_vsn", method(**DA_VSN))
    yield Planned("tps", method(**TPS))
    yield Planned("pixmatch", method(name="pixmatch"))
    yield Planned("mean_teacher", method(**TEACHER))
    yield Planned("masked over mean_teacher", method(name="masked", over=TEACHER))
    yield Planned("cmom", method(**cmom, statistics="batch"))
    yield Planned("da_vsn, then cmom", method(**cmom), after="da_vsn", timed=False)
    if world.drawn:
        yield Planned(CEILING, method(name="source_only"), timed=False, labels="camera")
        every = [change for changes in ACCIDENTS.values() for change in changes]
        for title, changes in {"all accidents": every, **ACCIDENTS}.items():
            yield Planned(f"tps: {title}", (*method(**TPS), *changes), timed=False)


def strong(parts: Mapping[str, Any], **method: Any) -> tuple[str, ...]:
    """The assignments of a row of the studies of the recipe: its method, and parts such as those of :data:`STRONG`.

    Args:
        parts: name of the part → its setting.
        method: the method's settings; ``adjust`` is added if it is among the parts.
    """
    adjusted = {"adjust": parts["adjust"]} if "adjust" in parts else {}
    if "over" in method:
        method["over"] = {**method["over"], **adjusted}
    else:
        method |= adjusted
    rest = (f"{KEYS[part]}={json.dumps(setting)}" for part, setting in parts.items() if part != "adjust")
    return (f"method={json.dumps(method)}", *rest)


def ingredients(world: World) -> Iterator[Planned]:
    """The rows of the study of the recipe: its parts one after the other, the whole, and the whole without each."""
    whole = tuple(STRONG)

    def row(title: str, *parts: str, labels: str = "game") -> Planned:
        return Planned(
            title, strong({part: STRONG[part] for part in parts}, name="source_only"), timed=False, labels=labels
        )

    yield Planned(START, strong({}, name="source_only"), after=None, timed=False)
    yield row("source_only")
    for count in range(1, len(whole)):
        yield row(f"with {', '.join(whole[:count])}", *whole[:count])
    yield row(RECIPE, *whole)
    for left_out in whole[:-1]:  # the row before the whole leaves out the last one
        yield row(f"{RECIPE} without {left_out}", *(part for part in whole if part != left_out))
    if world.drawn:
        yield row(f"{CEILING}, {RECIPE}", *whole, labels="camera")


def on_recipe(world: World) -> Iterator[Planned]:
    """The rows of the study of methods on top of the recipe."""
    rows = list(ingredients(world))
    yield rows[0]
    yield next(row for row in rows if row.title == RECIPE)
    things = {"things": world.things, "statistics": "batch"}
    methods: Mapping[str, dict[str, Any]] = {
        "tps": TPS,
        "da_vsn": DA_VSN,
        "mean_teacher": TEACHER,
        "masked over mean_teacher": {"name": "masked", "over": TEACHER},
        "pixmatch": {"name": "pixmatch"},
        "minent": {"name": "minent", "entropy_weight": 0.03},
        "advent": {"name": "advent", **SMALL, "adversarial_weight": 0.05},
        "cmom": {"name": "cmom", **things},
    }
    for title, settings in methods.items():
        yield Planned(f"{title}, {RECIPE}", strong(STRONG, **settings), timed=False)


def strengths(world: World) -> Iterator[Planned]:
    """The rows of the study of strengths: the recipe, and the recipe with another setting of one part."""
    rows = list(ingredients(world))
    yield rows[0]
    yield next(row for row in rows if row.title == RECIPE)
    for title, changed in STRENGTHS.items():
        yield Planned(title, strong({**STRONG, **changed}, name="source_only"), timed=False)


def tried(world: World) -> Iterator[Planned]:
    """The rows of the study of settings: the start, and every setting that was tried on seed 0."""
    yield next(planned(world))
    for name, several in CHOICES.items():
        for settings in several:
            title = " ".join([name, *(f"{key}={value}" for key, value in settings.items())])
            yield Planned(title, (f"method={json.dumps({'name': name, **settings})}",), timed=False)


STUDIES: Mapping[str, tuple[Callable[[World], Iterator[Planned]], str, str]] = {
    "methods": (planned, "methods_{}", "Every method on {}"),
    "choices": (tried, "methods_choices", "What was tried before"),
    "recipe": (ingredients, "recipe_{}", "Every part of the training recipe, on {}"),
    "strengths": (strengths, "recipe_choices", "Strengths of the training recipe that were tried before"),
    "on_recipe": (on_recipe, "on_recipe_{}", "Every method on top of the training recipe, on {}"),
    "statistics": (normalised, "methods_statistics_{}", "Whose statistics, on {}"),
}
"""Study → its rows, the record's name and the record's title."""
