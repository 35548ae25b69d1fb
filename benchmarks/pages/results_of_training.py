"""Sections of the results page: networks that were trained and scored."""

from benchmarks.pages.tables import Record, classes, column, groups, number, origin, rows_of, spread, summary, table

DEMO = """\
The embedded world: a network that saw the labelled `game` alone, one that adapted to the unlabelled `camera`, and
one that was allowed the camera's labels, as a measure of what there is to gain. All start from the same random
weights, train for the same number of steps and are scored once, on `camera` clips that none has seen. The weights of
da_vsn's losses were chosen on seed 0, which is therefore no result. "Its target losses off" trains da_vsn with both of
them at 0: target frames still pass the network in training mode, so its batch normalisation learns the target's
statistics, and that row is what this alone is worth. This is a small drawn world: the figures compare methods with one
another here, and with no published benchmark.
"""

PROCITY = """\
Synthetic video to real video: ProcCity, a simple procedural street, to CamVid (Brostow et al., Cambridge). The
target's labels are used for scoring alone; no model was trained or chosen on them. `stills` are 47 labelled frames of
several drives, one a second, and the better mIoU. `clip` is one street for two seconds at 15 Hz: a noisy number, and
the only one with temporal consistency. The source is a plain render (people are boxes, poles and signs are 0.2 % of
the pixels), and nothing here compares with a published benchmark. The pair is no part of this repository. da_vsn has
the weights that were chosen on the streets; nothing was chosen here. "Its target losses off": see above.
"""

PROCITY_FOUND = """\
What was found. Everything that da_vsn gains over source_only here is there with its target losses off too, and more:
it is the gain of the batch statistics. The losses cost part of it again, on the clip most of all, and less at the
published weights than at those of the recipe. The likely reason is in the layouts below. Both discriminators want the
target's class maps to look like the source's, and these differ in what they hold: the source is full of vehicles, the
clip has next to none, and three times the source's trees. The alignment pays for trees with buildings. The streets,
whose two domains share one world, have no such shift, and there the losses help. Rows were run over an afternoon of
commits that touched neither the method nor the loop's arithmetic; the commit named is the last.

Two overlays of `davsn predict` on the clip (seed 0, the 5th and the 25th frame) were looked at. source_only paints
the nearer half of the road and all house fronts as vehicle, and trees as trees. da_vsn finds the road and part of the
fronts, and paints nearly all trees as building. With its losses off the road is found and the trees stay. None finds
people.
"""

FLOW_FOUND = """\
What was found: on this world and at this length, next to nothing depends on the flow. No motion at all, and even
motion of the wrong sign, cost less mIoU than the seeds differ by. The table below says why: what the fusion learns in
so few steps gives a class's score in the previous frame a few hundredths of the weight that the current one's has, so
that it hardly matters where the flow fetched it; and da_vsn's consistency is one small term beside the discriminators
and the batch statistics, which need no flow. Temporal consistency does fall with the flow, since it is measured along
it: scored with exact flow, all are alike. Longer training, other methods (tps and cmom move labels along the flow) and
published sizes may tell another story; that was not run.
"""


def scored(record: Record) -> list[str]:
    """Networks that were trained and scored."""
    return [*summary(rows_of(record)), *classes(rows_of(record)), *origin(record)]


def demo(record: Record) -> list[str]:
    """See :data:`DEMO`."""
    return [DEMO, *scored(record)]


def procity(record: Record) -> list[str]:
    """See :data:`PROCITY`."""
    shares = record.get("shares", {})
    names = list(next(iter(shares.values()), {}))
    body = [[name, *(number(share[name]) for share in shares.values())] for name in names]
    layouts = table(["share of pixels, %", *shares], body) if shares else []
    return [PROCITY, *scored(record), PROCITY_FOUND, *layouts]


def gap(record: Record) -> list[str]:
    """How much the two looks of the streets differ."""
    keys = {
        "source_only": "game labels alone",
        "target_labels": "camera labels",
        "ratio": "ratio",
        "game_on_game": "game labels, scored on game",
    }
    body = [
        [value, *(spread(column(same, key), 2 if key == "ratio" else 1) for key in keys)]
        for (value,), same in groups(rows_of(record), "gap").items()
    ]
    told = "mIoU on `camera` of a network trained on either domain's labels, by the setting `gap`.\n"
    return [told, *table(["gap", *keys.values()], body), *origin(record)]


def flow_effect(record: Record) -> list[str]:
    """See :data:`FLOW_FOUND`."""
    rows = [row for row in rows_of(record) if row["set"] == "exact flow"]
    body = [
        [method, spread(column(same, "weight_of_previous"), 3)]
        for (method,), same in groups(rows, "method").items()
        if "weight_of_previous" in same[0]
    ]
    fusion = table(["trained with", "weight of the previous frame"], body) if body else []
    return [*summary(rows_of(record)), FLOW_FOUND, *fusion, *origin(record)]
