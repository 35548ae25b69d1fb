"""The page of a report: its numbers, what it loads (nothing), and names that try to be markup."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_content import TAXONOMY, behaviour, look, measured, report, scores

from davsn.data.labels.taxonomy import Taxonomy
from davsn.report.content import Footage, Look, Measured, Network
from davsn.report.page import letter, write_page
from davsn.scoring.measures import build_metric, chosen_metric
from davsn.scoring.metric_scores import MetricScores


@pytest.fixture
def page(tmp_path):
    def write(**changes):
        write_page(report(**changes), tmp_path / "page.html")
        return (tmp_path / "page.html").read_text(encoding="utf-8")

    return write


class Cells(HTMLParser):
    """The rows of a page's tables by section: lists of texts; and the places of the marked cells."""

    def __init__(self, text):
        super().__init__()
        self.sections, self.section, self.inside = {}, "", False
        self.best = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "section":
            self.section = attributes["id"]
        rows = self.sections.setdefault(self.section, [])
        if tag == "tr":
            rows.append([])
        if tag in ("td", "th"):
            self.inside = True
            rows[-1].append("")
            if "best" in (attributes.get("class") or "").split():
                self.best.append((self.section, rows[-1][0].split()[0], len(rows[-1]) - 1))
        if tag == "small" and self.inside:
            rows[-1][-1] += " | "

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.sections[self.section][-1][-1] += data

    def rows(self, section):
        return [[" ".join(text.split()) for text in row] for row in self.sections[section]]


def content(text, number=0):
    """What a player of the page reads."""
    return json.loads(re.search(rf'id="player-0-{number}-content">(.*?)</script>', text, re.DOTALL)[1])


def test_every_number_is_there_as_given(page):
    found = Cells(page())
    assert found.rows("results") == [
        ["network", "mIoU, %", "temporal consistency, %", "training, s"],
        ["A source_only", "20.00", "71.50", "41"],
        ["B da_vsn | corrected mode", "30.00", "81.25", "95"],
        ["C upper | trained on target labels: a bound, not an adaptation", "45.00", "91.00", "40"],
    ]
    assert found.rows("classes")[1:] == [
        ["road", "40.00", "60.00 | +20.00", "90.00 | +50.00"],
        ["fence | not in the mean", "31.25", "35.71 | +4.46", "45.45 | +14.20"],
        ["sky", "0.00", "0.00 | +0.00", "0.00 | +0.00"],
    ]
    assert found.rows("confusion")[1:4] == [
        ["road", "40", "60", "·"],
        ["fence", "·", "50", "50"],
        ["sky", "–", "–", "–"],
    ]


def test_training_on_target_labels_is_never_called_best(page):
    best = Cells(page()).best
    assert ("results", "B", 1) in best
    assert not any(row == "C" for _, row, _ in best)
    assert not any(section == "classes" and column == 3 for section, _, column in best)


def test_one_network_alone_is_not_the_best_of_anything(page):
    networks = report().networks
    text = page(networks=[networks[0], networks[2]], looks=[look(1)])
    assert not Cells(text).best
    assert "★:" not in text


def test_what_is_not_known_is_a_dash(page):
    empty = measured(0)
    nothing = replace(empty.scores, counts=((0, 0, 0),) * 3)
    networks = [Network("new", scores={"camera": [replace(empty, scores=nothing)]}), report().networks[0]]
    assert Cells(page(networks=networks)).rows("results")[1] == ["A new", "–", "–", "–"]


def test_seeds_are_a_mean_with_its_deviation(page):
    networks = [Network("sweep", scores={"camera": [measured(40, 70.0), measured(60, 80.0)]})]
    row = Cells(page(networks=networks, looks=[])).rows("results")[1]
    assert row[1:] == ["25.00 | ± 7.07 over 2 seeds", "75.00 | ± 7.07 over 2 seeds"]


def test_intervals_and_all_metrics_of_a_scores_file_are_shown(page):
    calibration = {
        "title": "calibration",
        "better": "lower",
        "values": {"ECE": 4.1, "accuracy": 83.9},
        "intervals": {"ECE": [3.5, 4.9], "accuracy": None},
        "details": {
            "reliability": [
                {"confidence": None, "accuracy": None, "pixels": 0},
                {"confidence": 40.0, "accuracy": 30.0, "pixels": 9},
                {"confidence": 90.0, "accuracy": 80.0, "pixels": 9},
            ]
        },
    }
    found = {"miou": {"values": {"mIoU": 20.0}, "intervals": {"mIoU": [18.0, 22.5]}}, "calibration": calibration}
    worse = {"calibration": {**calibration, "values": {"ECE": 5.0, "accuracy": None}}}
    networks = [
        Network("a", scores={"camera": [measured(40, **found)]}),
        Network("b", scores={"camera": [measured(40, **worse)]}),
    ]
    text = page(networks=networks, looks=[])
    cells = Cells(text)
    assert cells.rows("results")[:2] == [
        ["network", "mIoU, %", "calibration: ECE, %", "calibration: accuracy, %"],
        ["A a", "20.00 | 18.00 to 22.50", "4.10 | 3.50 to 4.90", "83.90"],
    ]
    assert ("results", "A", 2) in cells.best  # the lower one
    assert "Calibration on camera" in text


def counted(*hits, protocol="davsn"):
    """Scores with the counts of clips, each with so many of 100 pixels of road right; sky is always right."""
    metric = build_metric(chosen_metric("confusion"), TAXONOMY)
    clips = {f"c{n}": {"matrix": np.array([[hit, 100 - hit, 0], [0, 0, 0], [0, 0, 9]])} for n, hit in enumerate(hits)}
    found = replace(scores(40), protocol=protocol, metrics={"confusion": MetricScores.of(metric, clips)})
    return Measured(found, found.as_data())


def test_differences_between_runs_have_paired_intervals(page):
    networks = [
        Network("a", scores={"camera": [counted(10, 30, 50, 90)]}),
        Network("b", scores={"camera": [counted(20, 40, 60, 100)]}),
        Network("seeds", scores={"camera": [counted(1, 2, 3, 4), counted(1, 2, 3, 4)]}),
        Network("other clips", scores={"camera": [counted(10, 20, 30, 40, 50)]}),
        Network("old", scores={"camera": [measured(40)]}),
    ]
    text = page(networks=networks, looks=[])
    rows = Cells(text).rows("results")
    (place,) = [number for number, row in enumerate(rows) if row == ["network", "confusion: mean recall"]]
    # recall of road rises by 10 in every clip, so the mean of road and sky by 5 in every resample
    assert rows[place + 1 :] == [["B b", "+5.00 | +5.00 to +5.00"]]
    assert "Differences from" not in page(networks=networks[2:], looks=[])


def test_scores_by_both_protocols_stand_below_each_other(page):
    own = {"camera": [measured(40)], "camera_unified": [counted(10, 20, protocol="unified")]}
    text = page(networks=[Network("a", scores=own)], looks=[])
    assert "<h3>On camera</h3>" in text
    assert "<h3>On camera, protocol unified</h3>" in text
    assert "numbers cannot be compared with the others" in text


def test_only_settings_that_differ_are_compared(page):
    one = {"seed": "0", "source.style": "null", "training.steps": "10"}
    other = {"seed": "0", "source.style.kind": "lab", "training.steps": "20"}
    text = page(networks=[Network("a", settings=one), Network("b", settings=other)])
    rows = [row[:3] for row in Cells(text).rows("repeat")]
    assert rows == [["setting", "A a", "B b"], ["training.steps", "10", "20"], ["source.style.kind", "–", "lab"]]


def test_the_page_needs_nothing_else(page):
    text = page()
    assert "http://" not in text
    assert "https://" not in text
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    images = [source for source in sources if source.startswith("data:image/webp")]
    assert len(images) == len(set(images)) == 6  # the first step of each layer, once, for readers without JavaScript
    assert all(source.startswith(("data:image/webp", "#")) for source in sources)
    assert not re.search(r"@import|url\(|\bon\w+=", text)
    assert "default-src 'none'" in text


def test_only_the_pages_own_script_may_run(page):
    text = page()
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL)
    run = [body for attributes, body in scripts if "application/json" not in attributes]
    allowed = re.search(r"script-src 'sha256-([^']*)'", text)[1]
    assert [base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() for body in run] == [allowed]


def test_a_player_holds_every_image_of_every_step(page):
    found = content(page())
    assert found["steps"] == [f"clip_a/{step:06d}" for step in range(4)]
    assert set(found["layers"]) == {"frame", "label", "mask0", "wrong0", "mask1", "wrong1"}
    assert all(len(urls) == 4 and all(urls) for urls in found["layers"].values())
    assert found["values"][0] == ["", "", "confidence 80 %", "4.2 % wrong", "confidence 80 %", "8.3 % wrong"]
    assert found["values"][2][2] == "confidence 80 %, flicker 4.0 %"


def test_the_worst_and_the_most_flickering_frames_come_first(page):
    text = page()
    cards = re.findall(r'data-player="(.*?)" data-step="(\d)">.*?</b> (.*?)<small>', text, re.DOTALL)
    wrong, flickering = cards[:8], cards[8:]
    assert [text for _, _, text in wrong] == ["4.2 %"] * 4 + ["8.3 %"] * 4
    assert [(step, text) for _, step, text in flickering[:3]] == [("3", "6.0 %"), ("2", "4.0 %"), ("1", "2.0 %")]


def test_without_labels_the_page_shows_what_can_be_seen(page):
    networks = [Network("before"), Network("after", criteria={"information": 0.5})]
    unlabelled = replace(look(labelled=False), behaviour={0: behaviour(), 1: behaviour()})
    for sums in unlabelled.behaviour.values():
        sums.labelled[:] = sums.total[:] = sums.right[:] = 0
    text = page(networks=networks, looks=[unlabelled])
    rows = Cells(text).rows("unlabelled")
    assert rows[0] == [
        "network",
        "mean confidence, %",
        "confident pixels (at least 90 %), %",
        "flicker, %",
        "information, × 100",
        "frame difference at rest, levels",
        "frame difference along the flow, levels",
    ]
    assert rows[1] == ["A before", "80.00", "70.00", "4.00", "–", "12.00", "3.00"]
    assert rows[3:5] == [["class", "A before", "B after"], ["road", "50.0", "50.0"]]
    assert set(content(text)["layers"]) == {"frame", "mask0", "mask1"}
    assert "Most wrong frames" not in text
    assert "These two charts use the labels" not in text
    assert 'id="results"' not in text


EVIL = "</script><img src=x onerror=alert(1)>&\"'é‮ 🚗 {{ 7 * 7 }}"


def test_names_are_text_and_no_markup(page):
    taxonomy = Taxonomy((EVIL, "b", "c"), TAXONOMY.colours)
    shown = look()
    stills = [replace(still, name=f"{EVIL}/1", seen={0: still.seen[0]}) for still in shown.footage[0].stills]
    one = measured(1)
    own = replace(
        one, scores=scores(1, names=taxonomy.names), data={"metrics": {EVIL: {"title": EVIL, "values": {EVIL: 1}}}}
    )
    records = [{"step": step, f"loss/{EVIL}": 1.0} for step in range(3)]
    facts = {EVIL: EVIL}
    text = page(
        title=EVIL,
        taxonomy=taxonomy,
        networks=[Network(EVIL, EVIL, facts=facts, settings=facts, scores={EVIL: [own]}, records=records)],
        looks=[Look(EVIL, [Footage(EVIL, stills)], {0: behaviour()}, True)],
        facts=facts,
        notes=[EVIL],
    )
    assert "<img src=x" not in text
    assert text.count("</script>") == 2
    assert "49" not in re.findall(r"<h1>(.*?)</h1>", text)[0]
    assert text.count("&lt;img src=x onerror=alert(1)&gt;") >= 20
    assert content(text)["steps"][0] == f"{EVIL}/1"


@settings(deadline=None, max_examples=5)
@given(st.text(max_size=20))
def test_any_name_gives_one_row(tmp_path_factory, name):
    path = tmp_path_factory.mktemp("page") / "page.html"
    networks = [Network(each, scores={"camera": [measured(40)]}) for each in (name, "other")]
    write_page(report(networks=networks, looks=[]), path)
    assert len(Cells(path.read_text(encoding="utf-8")).sections["results"]) == 3


def test_a_page_of_little(page):
    text = page(networks=[Network("new")], looks=[], facts={}, notes=[])
    assert "Streets, 600 steps" in text
    assert not Cells(text).sections.keys() & {"results", "frames", "classes", "confusion", "curves"}


def test_scores_of_other_classes_are_an_error(tmp_path):
    other = replace(measured(1), scores=scores(1, names=("x", "y", "z")))
    with pytest.raises(ValueError, match=r"'a' has scores of \('x', 'y', 'z'\)"):
        write_page(report(networks=[Network("a", scores={"camera": [other]})]), tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_every_network_has_a_letter_of_its_own():
    assert [letter(number) for number in (0, 25, 26, 53)] == ["A", "Z", "A2", "B3"]
