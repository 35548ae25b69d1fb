import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from davsn.data.labels.taxonomy import Taxonomy
from davsn.report.page import ResultRow, RunReport, Strip, write_page
from davsn.scoring.scores import Scores

TAXONOMY = Taxonomy(("road", "fence", "sky"), ((128, 64, 128), (190, 153, 153), (70, 130, 180)), frozenset({"fence"}))
PHOTO = np.stack([*np.mgrid[0:240:10, 0:240:6], np.full((24, 40), 90)], -1).astype(np.uint8)
MASK = TAXONOMY.palette[np.arange(24 * 40).reshape(24, 40) % 3]


def scores(hits, consistency=None, names=TAXONOMY.names):
    counts = ((hits, 100 - hits, 0), (0, 50, 50), (0, 0, 0))
    return Scores(names, TAXONOMY.unscored, counts, 12, 3.0, consistency)


def run(**changes):
    fields = {
        "title": "Streets, 600 steps",
        "rows": [
            ResultRow("source_only", scores(40, 71.5), 41.4),
            ResultRow("da_vsn", scores(60, 81.25), 95.0, "corrected mode"),
            ResultRow("upper", scores(90, 91.0), 40.0, uses_target_labels=True),
        ],
        "taxonomy": TAXONOMY,
        "strips": [Strip("clip 3", {"frame": [PHOTO, PHOTO], "ground truth": [MASK, MASK]})],
        "curves": {"da_vsn": [{"step": step, "loss/segmentation/main": 1.0 - step / 10} for step in range(10)]},
        "facts": {"command": "davsn demo --seed 0", "machine": "2 cores"},
        "notes": ["Labels were held back."],
    }
    return RunReport(**fields | changes)


@pytest.fixture
def page(tmp_path):
    def write(**changes):
        write_page(run(**changes), tmp_path / "page.html")
        return (tmp_path / "page.html").read_text(encoding="utf-8")

    return write


class Cells(HTMLParser):
    """The table rows of a page as lists of texts, and the classes of the cells."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.best, self.inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.inside = True
            self.rows[-1].append("")
            if "best" in (dict(attributes).get("class") or "").split():
                self.best.append((len(self.rows) - 1, len(self.rows[-1]) - 1))

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data


def test_every_number_is_there_as_given(page):
    table = Cells(page()).rows
    assert table[0] == ["method", "mIoU, %", "temporal consistency, %", "training, s"]
    assert table[1] == ["source_only", "20.00", "71.50", "41"]
    assert table[2] == ["da_vsncorrected mode", "30.00", "81.25", "95"]
    assert table[4:] == [
        ["IoU, %", "source_only", "da_vsn", "upper"],
        ["road", "40.00", "60.00", "90.00"],
        ["fencenot in the mean", "31.25", "35.71", "45.45"],
        ["sky", "0.00", "0.00", "0.00"],
    ]


def test_training_on_target_labels_is_said_and_never_called_best(page):
    found = Cells(page())
    assert found.rows[3][0] == "uppertrained on target labels: a bound, not an adaptation"
    assert (2, 1) in found.best
    assert not any(row == 3 for row, _ in found.best)
    assert not any(row > 4 and column == 3 for row, column in found.best)


def test_one_row_alone_is_not_the_best_of_anything(page):
    rows = run().rows
    text = page(rows=[rows[0], rows[2]])
    assert not Cells(text).best
    assert "Marked" not in text


def test_what_is_not_known_is_a_dash(page):
    row = ResultRow("new", Scores(TAXONOMY.names, TAXONOMY.unscored, ((0, 0, 0),) * 3, 0, 1.0))
    assert Cells(page(rows=[row])).rows[1] == ["new", "–", "–", "–"]


def test_the_page_needs_nothing_else(page):
    text = page()
    assert "http://" not in text
    assert "https://" not in text
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert len(sources) == 5
    assert all(source.startswith("data:image/") for source in sources)
    assert "<script" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_pictures_are_whole_and_masks_exact(page):
    pictures = re.findall(r'src="data:image/(\w+);base64,([^"]*)"', page())
    assert [form for form, _ in pictures] == ["jpeg", "jpeg", "png", "png"]
    decoded = [np.array(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")) for _, text in pictures]
    assert all(picture.shape == PHOTO.shape for picture in decoded)
    np.testing.assert_array_equal(decoded[2], MASK)
    assert np.abs(decoded[0].astype(int) - PHOTO).mean() < 5


def test_names_are_text_and_no_markup(page):
    evil = "<img src=x onerror=alert(1)>&\"'"
    taxonomy = Taxonomy((evil, "b", "c"), TAXONOMY.colours)
    text = page(
        title=evil,
        taxonomy=taxonomy,
        rows=[ResultRow(evil, scores(1, names=taxonomy.names), note=evil)],
        strips=[Strip(evil, {evil: [PHOTO]})],
        curves={evil: run().curves["da_vsn"]},
        facts={evil: evil},
        notes=[evil],
    )
    assert evil not in text
    assert "<img src=x" not in text
    assert text.count("&lt;img src=x onerror=alert(1)&gt;") >= 10


@settings(deadline=None, max_examples=10)
@given(st.text(max_size=20))
def test_any_name_gives_one_row(tmp_path_factory, name):
    path = tmp_path_factory.mktemp("page") / "page.html"
    rows = [ResultRow(name, scores(40)), ResultRow("other", scores(50))]
    write_page(run(rows=rows, strips=[], curves={}), path)
    assert len(Cells(path.read_text(encoding="utf-8")).rows) == 3 + 1 + 3


def test_a_page_of_little(page):
    text = page(rows=[], strips=[], curves={}, facts={}, notes=[])
    assert "Streets, 600 steps" in text
    assert "road" in text
    assert "Results" not in text


def test_scores_of_other_classes_are_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"'a' has scores of \('x', 'y', 'z'\)"):
        write_page(run(rows=[ResultRow("a", scores(1, names=("x", "y", "z")))]), tmp_path / "page.html")
    assert not list(tmp_path.iterdir())
