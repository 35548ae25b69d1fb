"""Writes a report as one HTML page that needs no server, no network and no other file."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from davsn.core.files.writing import replacing
from davsn.report.charts import Chart, loss_charts, reliability_chart, score_chart, selection_chart
from davsn.report.content import Footage, Look, Network, RunReport, Seen
from davsn.report.differences import Differences, differences
from davsn.report.encoding import BUDGET, Player, players
from davsn.report.tables import behaviour_columns, class_rows, confusion, headline, share_rows, unscored_of
from davsn.scoring.protocols import DAVSN

_HERE = Path(__file__).parent
_CARDS = 4
"""Number of frames of each network in the lists of the worst and of the most flickering ones."""


def write_page(report: RunReport, path: Path, budget: int = BUDGET) -> None:
    """Write the page.

    Args:
        report: the content.
        path: the file.
        budget: the largest number of bytes of all images; see :func:`davsn.report.encoding.players`.

    Raises:
        ValueError: scores have other classes than the class table.
        DataError: the page cannot be written.
    """
    for network in report.networks:
        for measured in (one for several in network.scores.values() for one in several):
            if measured.scores.names != report.taxonomy.names:
                raise ValueError(
                    f"'{network.name}' has scores of {measured.scores.names}, but the page has {report.taxonomy.names}"
                )
    content = _template().render(**_content(report, budget))
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"letter": letter}
    return environment.get_template("page.html.jinja")


def letter(number: int) -> str:
    """The letter of a network on the page: A to Z, then A2 and so on."""
    return chr(ord("A") + number % 26) + (str(number // 26 + 1) if number >= 26 else "")


def _content(report: RunReport, budget: int) -> dict[str, Any]:
    """Collect everything that the template shows: one value for each of its panels."""
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return {
        "report": report,
        "style": Markup((_HERE / "page.css").read_text(encoding="utf-8")),
        "script": Markup(script),
        "script_hash": digest,
        "sets": [_set(report, name) for name in _scored(report.networks)],
        "looks": _looks(report, budget),
        "losses": loss_charts({number: network.records for number, network in enumerate(report.networks)}),
        "differing": _differing(report.networks),
    }


def _scored(networks: Sequence[Network]) -> list[str]:
    """The names of all sets that a network has scores on."""
    return list(dict.fromkeys(name for network in networks for name, found in network.scores.items() if found))


@dataclass(frozen=True)
class _Set:
    """The scores on one validation set."""

    name: str
    protocol: str
    unscored: frozenset[str]
    columns: Sequence[Any]
    classes: Sequence[Any]
    confusions: Mapping[int, Any]
    history: Chart | None
    reliability: Chart | None
    differences: Differences | None


def _set(report: RunReport, name: str) -> _Set:
    scored = {number: network for number, network in enumerate(report.networks) if network.scores.get(name)}
    protocol = next(iter(scored.values())).scores[name][0].scores.protocol
    return _Set(
        name if protocol == DAVSN.name else f"{name.removesuffix(f'_{protocol}')}, protocol {protocol}",
        protocol,
        unscored_of(report, name),
        headline(report.networks, name),
        class_rows(report, name),
        {number: confusion(network, name) for number, network in scored.items()},
        score_chart({number: network.history.get(name, ()) for number, network in enumerate(report.networks)}, name),
        reliability_chart({number: _reliability(network, name) for number, network in scored.items()}),
        differences(report.networks, name),
    )


def _reliability(network: Network, name: str) -> list[tuple[float, float]]:
    """The (confidence, accuracy) of every bin in the first seed's scores file, in percent; empty where it has none."""
    metrics = network.scores[name][0].data.get("metrics") or {}
    bins = metrics.get("calibration", {}).get("details", {}).get("reliability", [])
    return [(each["confidence"], each["accuracy"]) for each in bins if each.get("pixels")]


@dataclass(frozen=True)
class _Card:
    """A frame of a list: its player, its step, and the number for which it is listed."""

    player: str
    step: int
    name: str
    network: int
    text: str


@dataclass(frozen=True)
class _Shown:
    """One set as it is shown: players, and tables of what the networks do on these frames."""

    look: Look
    players: Mapping[str, Player]
    contents: Mapping[str, Any]
    worst: Sequence[_Card]
    flickering: Sequence[_Card]
    behaviour: Sequence[Any]
    shares: Sequence[Any]
    columns: Sequence[int | None]
    reliability: Chart | None
    selection: Chart | None


def _looks(report: RunReport, budget: int) -> list[_Shown]:
    letters = [letter(number) for number in range(len(report.networks))]
    frames = sum(len(clip.stills) for look in report.looks for clip in look.footage)
    found = []
    for place, look in enumerate(report.looks):
        part = sum(len(clip.stills) for clip in look.footage) / max(frames, 1)
        made = players(look.footage, letters, report.taxonomy, round(budget * part))
        named = {f"player-{place}-{number}": player for number, player in enumerate(made)}
        clips = dict(zip(named, look.footage, strict=True))
        found.append(
            _Shown(
                look,
                named,
                {key: _in_player(clips[key], player) for key, player in named.items()},
                _cards(named, clips, look, "wrong"),
                _cards(named, clips, look, "flicker"),
                behaviour_columns(report, look),
                *share_rows(report, look.behaviour),
                reliability_chart({number: sums.reliability() for number, sums in look.behaviour.items()}),
                selection_chart({number: sums.selection() for number, sums in look.behaviour.items()}),
            )
        )
    return found


def _in_player(clip: Footage, player: Player) -> dict[str, Any]:
    """Make the data of a player: names, images, panes, and what it says below each frame, by step and pane."""
    values = [
        ["" if pane.network is None else _said(still.seen.get(pane.network), pane.errors) for pane in player.panes]
        for still in clip.stills[: len(player.steps)]
    ]
    panes = [{"base": pane.base, "over": pane.over, "errors": pane.errors} for pane in player.panes]
    return {"steps": list(player.steps), "layers": dict(player.layers), "panes": panes, "values": values}


def _said(seen: Seen | None, errors: bool) -> str:
    if seen is None:
        return "no prediction"
    if errors:
        return "no label" if seen.wrong is None else f"{seen.wrong:.1f} % wrong"
    return f"confidence {seen.confidence:.0f} %" + ("" if seen.flicker is None else f", flicker {seen.flicker:.1f} %")


def _cards(named: Mapping[str, Player], clips: Mapping[str, Footage], look: Look, what: str) -> list[_Card]:
    """List the frames of each network with the largest value of :class:`davsn.report.content.Seen`."""
    cards = []
    for number in look.behaviour:
        found = [
            (value, key, step, still.name)
            for key, player in named.items()
            for step, still in enumerate(clips[key].stills[: len(player.steps)])
            if number in still.seen and (value := getattr(still.seen[number], what)) is not None
        ]
        found.sort(key=lambda one: -one[0])
        cards += [_Card(key, step, name, number, f"{value:.1f} %") for value, key, step, name in found[:_CARDS]]
    return cards


def _differing(networks: Sequence[Network]) -> dict[str, list[str]]:
    """The settings in which the networks differ: the value of each, by key."""
    keys = dict.fromkeys(key for network in networks for key in network.settings)
    groups = {key.rpartition(".")[0] for key in keys}  # "null" for one network, and settings of its own for another
    values = {key: [network.settings.get(key, "–") for network in networks] for key in keys if key not in groups}
    return {key: each for key, each in values.items() if len(set(each)) > 1}
