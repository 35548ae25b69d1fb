"""Sections of the results page: every method beside every other, and how well checkpoints are chosen without labels."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.pages.tables import Record, column, groups, number, origin, percent, rows_of, spread, table
from benchmarks.records import OF_TARGET, THEN

Row = Mapping[str, Any]

RULES = {
    "last": "last",
    "information": "information",
    "invariance": "invariance",
    "neighbourhood": "neighbourhood",
    "best": "best on the test set",
}
BUDGETS = {"steps": "Equal steps", "time": "Equal time"}
BASELINES, TPS = ("source_only", "batch_norm"), "tps"

HOW = """\
Laptop scale: a light network, short runs, one thread. The figures compare methods with one another here, and with no
published benchmark. A source-only network is the start; every method goes on from it, once for the same number of steps
and once for the same processor time: that of da_vsn (with small views) for these steps. Where a method's step costs
within a tenth of da_vsn's, one run is both.

mIoU is that of the last checkpoint, and of those that label-free criteria chose ([start-here.md](start-here.md)); "best
on the test set" was chosen by the labels it is scored on, as published numbers are, and is no fair figure. "Over" a
baseline is the difference of last checkpoints on the same seed and budget. "Then batch_norm" is the last checkpoint
after one more run, which only gives its batch normalisation the target's statistics; during training they are those of
both domains. "da_vsn, then cmom" had da_vsn's steps before its own. Seconds are of processor, one step with its
loading; MiB are the most that the process held, PyTorch and all libraries included.
"""

PICTURE = """\
![A bar a method: mIoU at equal steps, a dot a seed; rings: then batch_norm](methods.png)

A bar is the mean over the seeds at equal steps, a dot is a seed; rings and red dots are those after one more run of
batch_norm (`python -m benchmarks.pictures.methods`).
"""

STREETS_FOUND = """\
### What surprised on the streets

- Most of what a short adaptation gains here is in the statistics of batch normalisation. `batch_norm`, which trains
  nothing, gains more than half of what the best method does; minent, advent, pixmatch and cmom are not clearly above.
- Training does not use that gain up, it hides it. While a method trains, frames of both domains pass the same layers,
  and the running statistics become those of both. One more run of batch_norm gives the network the target's own: then
  nearly all methods rise by more than most of them differ from one another, pixmatch the least, and the seeds of tps
  come together. And the order changes: source_only with batch_norm after it, the baseline that this asks for, is above
  advent and pixmatch, and tps, da_vsn and mean_teacher are above it. On real video (below) it is another matter. A
  setting does it without a second run ([whose statistics](#whose-statistics-a-network-predicts-by-the-streets)).
- A teacher that predicts by its running statistics teaches nothing ([what was tried](#what-was-tried-before)): what it
  is sure of is wrong, and the segmenter follows. By those of the batch, as in the public code of DACS, it is among the
  best. We had it wrong at first, and this table is how we found out.
- tps is the best of those that were run, with neither teacher nor discriminator. masked lifts mean_teacher on one seed
  of three, and costs half as much again.
- cmom gains least, and from da_vsn's network it loses on two seeds of three: its labels are those of a frozen network,
  and a start this young is rarely both sure and right.
- More training on the source, for equal time, gains nothing.
- One of TPS's accidents matters, the change of numbers in the place of pictures; the signs and orders around
  mirroring are lost in the noise: the flow here is of a few pixels, and the maps that move along it are coarse.
- Of the label-free criteria `information` loses least, a little less than the last checkpoint does, which is hard to
  beat where rates fall to zero with the last step. `neighbourhood` loses most: it likes the first checkpoints best.
"""

PROCITY_FOUND = """\
### What surprised on real video

The pair and its two sets are those of [ProcCity → CamVid](#proccity--camvid-real-video) above, `stills` the better mIoU
and `clip` the only one with temporal consistency.

- `batch_norm`, which costs a minute and is missing from the papers, is the row to beat. On the stills no method is
  clearly above it: cmom and tps are level with it, minent and advent below. On the clip, a single street, masked and
  cmom are above it on every seed.
- A network that saw more of the source alone and then batch_norm is level with the best rows: on the stills the methods
  add nothing to the statistics that lasts. The likely reason is that of da_vsn above. The two domains do not share
  their layout, and what makes the target's predictions sure, or like the source's, pays with classes of which the two
  sets hold different amounts.
- One more run of batch_norm lifts tps on both sets, and costs masked and cmom a little, which train on mixed frames. On
  the streets it made the difference. It is worth a try, not a rule.
- The order of the methods does not carry over from the streets: cmom, last there, is among the first here. tps is among
  the first on both. Settings were chosen on the streets, none here; another choice may order them otherwise.
- Temporal consistency rises more easily than mIoU: pixmatch has far more of it than batch_norm, and no more mIoU.
- Choosing the checkpoint by its labels would have flattered most rows by a good part of what methods differ by.
  `information` loses least again.
"""

CHOICES = """\
What was tried on seed 0 of the streets, which no reported figure uses: each method's default and an alternative, before
the runs above. The better one was taken, for both pairs. da_vsn's weights were chosen there before, for the demo, among
more; masked and batch_norm have their defaults. This favours da_vsn a little.
"""

NORMALISATION = """\
While a method trains, frames of both domains pass the network, and the running statistics of its batch normalisation,
by which it predicts, become those of both. With `training.statistics=target` they follow the target's frames alone, as
they are ([methods.md](methods.md#whose-statistics)). The runs of `both`, and of batch_norm after them, are those of the
tables above; they were run again, and gave the same numbers to the last digit. pixmatch and masked, whose steps cost
most, were not run.
"""

STREETS_STATISTICS = """\
What was found. The target's statistics lift every method on every seed, and bring all that one more run of batch_norm
brought, without that run. It took three tries: at first mixed and changed frames counted as well, and less was gained,
by cmom a quarter of this, by tps nothing on one of two seeds (not recorded). The statistics want the frames as they
are. Rows were run over three commits; what changed between them concerns the rows of tps, mean_teacher and cmom, which
were run again. Temporal consistency falls a little with most.
"""

PROCITY_STATISTICS = """\
What was found. The setting does here too what one more run of batch_norm does, but that is worth less. tps gains on the
mean of both sets, on the clip on every seed; cmom loses on five of six; the others change by less than their seeds
differ. And all but tps pay with temporal consistency on the clip, thirteen to fifteen points, after a run of batch_norm
as well. Why tps does not was not found out; of the six it is the one that learns to say the same of changed frames and
mixes no others in. So the setting is no default: take it with tps, and look at the video with the others. The commit
named is that of the start; mean_teacher and cmom by the target's statistics were run at a006c2c.
"""

CORRECTIONS = """\
The public code of TPS does some things by accident (docs/methods.md). Here each is switched on alone, in `tps` with all
corrections: a correction is worth what its accident costs, "below tps" on the same seed. All start from the same
source-only network and train as long. Two accidents cannot happen on streets, the fixed height of 512 rows and the flow
of another drive. And the height ratio can change little: the light network's logits keep the shape of the frames, but
for the changed ones, whose sizes are rounded.
"""


def methods(record: Record, found: str) -> list[str]:
    """A pair of domains: equal steps, equal time, the criteria, classes, and what was found."""
    order = list(record["settings"]["methods"])
    rows = [row for row in rows_of(record) if not row["method"].startswith(f"{TPS}: ")]
    rows.sort(key=lambda row: order.index(row["method"]))
    adapted = [row for row in rows if row["method"].endswith(THEN)]
    rows = [row for row in rows if not row["method"].endswith(THEN)]
    sets = list(dict.fromkeys(row["set"] for row in rows))
    lines = [HOW]
    for name in sets:
        scored = [row for row in rows if row["set"] == name]
        for budget, title in BUDGETS.items():
            lines += [f"### {title}{f', scored on {name}' if len(sets) > 1 else ''}", ""]
            after = [row for row in adapted if row["set"] == name and budget in row["budgets"]]
            lines += comparison([row for row in scored if budget in row["budgets"]], after, record["costs"])
    lines += [*regrets(rows_of(record)), found]
    lines += by_class([row for row in rows if row["set"] == sets[0] and "steps" in row["budgets"]])
    return [*lines, *settings(record), *origin(without_settings(record))]


def by_class(rows: Sequence[dict[str, Any]]) -> list[str]:
    """IoU of every class, a row a method."""
    names = list(rows[0]["iou"])
    body = [
        [method, *(number(mean([percent(row, name) for row in same])) for name in names)]
        for (method,), same in groups(rows, "method").items()
    ]
    told = f"IoU at equal steps, last checkpoint, on {rows[0]['set']}: means over the seeds.\n"
    return [told, *table(["method", *names], body)]


def mean(values: Iterable[float | None]) -> float | None:
    """Of those that there are."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def without_settings(record: Record) -> dict[str, Any]:
    """A record without its methods' settings, which the recipe of each row has in a table of their own."""
    return {**record, "settings": {key: value for key, value in record["settings"].items() if key != "methods"}}


def streets(record: Record) -> list[str]:
    """The drawn world, with TPS's corrections."""
    return [PICTURE, *methods(record, STREETS_FOUND), *corrections(record)]


def procity(record: Record) -> list[str]:
    """Synthetic video to real video."""
    return methods(record, PROCITY_FOUND)


def settings(record: Record) -> list[str]:
    """What each method ran with; all else is its default, or the recipe's."""
    body = [[title, f"`{written}`"] for title, written in record["settings"]["methods"].items()]
    return [
        "<details><summary>Settings of the methods</summary>",
        "",
        *table(["row", "method"], body),
        "</details>",
        "",
    ]


def comparison(rows: Sequence[Row], adapted: Sequence[Row], costs: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A row a method: each rule's mIoU, what the last is above the baselines, then batch_norm, consistency, cost."""
    columns: dict[str, list[str]] = {name: [] for name in ("method", "steps", *RULES.values())}
    columns |= {
        name: []
        for name in (*(f"over {name}" for name in BASELINES), "then batch_norm", "consistency", "s a step", "MiB")
    }
    for (method,), same in groups(rows, "method").items():
        after = [row for row in adapted if row["method"] == method + THEN]
        cost = costs.get(method, {})
        values = [
            method,
            str(same[0]["steps"]),
            *(spread([row["chosen"].get(rule) for row in same]) for rule in RULES),
            *("–" if method == name else spread(differences(same, rows, name)) for name in BASELINES),
            spread(column(after, "miou")),
            spread(column(same, "temporal_consistency")),
            number(cost.get("seconds"), 2),
            number(cost.get("memory_mib"), 0),
        ]
        for cells, value in zip(columns.values(), values, strict=True):
            cells.append(value)
    shown = {name: cells for name, cells in columns.items() if set(cells) != {"–"}}
    return table(list(shown), zip(*shown.values(), strict=True))


def differences(rows: Iterable[Row], among: Iterable[Row], reference: str) -> list[float]:
    """What rows have more mIoU than the reference's of the same seed and set."""
    base = {(row["seed"], row["set"]): row["miou"] for row in among if row["method"] == reference}
    return [row["miou"] - base[key] for row in rows if (key := (row["seed"], row["set"])) in base]


def regrets(rows: Sequence[Row]) -> list[str]:
    """What each rule loses against the best checkpoint, over all runs."""
    rules = [rule for rule in RULES if rule != "best"]
    lost = {
        rule: [row["chosen"]["best"] - row["chosen"][rule] for row in rows if rule in row["chosen"]] for rule in rules
    }
    body = [
        [rule, str(len(values)), spread(values, 2), number(max(values), 2), number(found_best(values), 0)]
        for rule, values in lost.items()
        if values
    ]
    told = "How much mIoU each rule loses against the checkpoint that is best on the test set, over all runs here:\n"
    return ["### Choosing a checkpoint", "", told, *table(["rule", "runs", "regret", "worst", "best found, %"], body)]


def found_best(values: Sequence[float]) -> float:
    """In how many of a hundred runs nothing was lost."""
    return 100 * statistics.fmean(value <= 0 for value in values)


def corrections(record: Record) -> list[str]:
    """See :data:`CORRECTIONS`."""
    rows = [row for row in rows_of(record) if "steps" in row["budgets"]]
    body = []
    for (method,), same in groups(rows, "method").items():
        if method in (TPS, *BASELINES) or method.startswith(f"{TPS}: "):
            below = "–" if method == TPS else spread([-value for value in differences(same, rows, TPS)], 2)
            body.append([method, spread(column(same, "miou")), below, spread(column(same, "temporal_consistency"))])
    told = ["### What each correction of TPS is worth", "", CORRECTIONS]
    return [*told, *table(["method", "mIoU", "below tps", "temporal consistency"], body)]


def normalisation(record: Record, found: str) -> list[str]:
    """See :data:`NORMALISATION`."""
    rows = rows_of(record)
    by_row = groups(rows, "set", "method")
    lines = [NORMALISATION]
    for name in dict.fromkeys(row["set"] for row in rows):
        body = []
        for scored, method in by_row:
            if scored == name and (name, method + OF_TARGET) in by_row:
                of_target, after = (by_row[name, method + behind] for behind in (OF_TARGET, THEN))
                mious = (spread(column(same, "miou")) for same in (by_row[name, method], of_target, after))
                consistency = (
                    spread(column(same, "temporal_consistency")) for same in (by_row[name, method], of_target)
                )
                body.append([method, *mious, spread(differences(of_target, rows, method)), *consistency])
        head = ["both", "target", "then batch_norm", "target over both", "consistency, both", "consistency, target"]
        lines += table([f"mIoU on {name}", *head], body)
    return [*lines, found, *origin(without_settings(record))]


def streets_statistics(record: Record) -> list[str]:
    """The drawn world."""
    return normalisation(record, STREETS_STATISTICS)


def procity_statistics(record: Record) -> list[str]:
    """Synthetic video to real video."""
    return normalisation(record, PROCITY_STATISTICS)


def choices(record: Record) -> list[str]:
    """See :data:`CHOICES`."""
    body = [[row["method"], str(row["steps"]), number(row["miou"])] for row in rows_of(record)]
    return [CHOICES, *table(["method and settings", "steps", "mIoU"], body), *origin(without_settings(record))]
