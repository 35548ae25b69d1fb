import numpy as np
import pytest
from PIL import Image

from davsn.core.clip import ClipSpec
from davsn.data.labels.survey import Survey, doubts, rare, sampled
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.sets.folder import Folder
from davsn.doctor.data import check
from tiny_data import write_labelled

LABELS = ClipSpec((0,), (), labels=True)
TABLE = Taxonomy(("road", "car", "sky"), ((1, 2, 3), (4, 5, 6), (7, 8, 9)))


def told(rows, of=None, table=TABLE):
    return list(doubts(Survey(np.array(rows), of or len(rows)), table))


def test_a_class_that_occurs_in_no_label_map():
    (doubt,) = told([[50, 0, 25, 25], [50, 0, 50, 0]])
    assert (
        doubt.what
        == "the class car occurs in none of the 2 label maps; 12% of all pixels in the label maps are ignored"
    )
    assert "value: 255" in doubt.remedy
    assert told([[5, 0, 5, 0]], of=9)[0].what.startswith(
        "the class car occurs in none of 1 label map that were read, of 9"
    )


def test_ids_that_begin_at_one():
    assert told([[0, 1, 1, 0]])[0].remedy.endswith("If the ids begin at 1, set reduce_zero_label: true there")
    assert "begin" not in told([[1, 0, 1, 0]])[0].remedy


def test_mostly_ignored_pixels():
    assert told([[10, 10, 10, 70]])[0].what == "70% of all pixels in the label maps are ignored"


@pytest.mark.parametrize("rows", [[[10, 10, 10, 30]], [[0, 0, 0, 0]]])
def test_nothing_is_suspicious(rows):
    assert told(rows) == []


def test_a_class_that_a_data_set_does_not_show_is_no_doubt():
    table = Taxonomy(TABLE.names, TABLE.colours, frozenset({"car"}))
    assert told([[5, 0, 5, 0]], table=table) == []


def test_a_class_in_few_label_maps():
    counts = np.tile([5, 0, 5, 0], (100, 1))
    counts[3, 1] = 7
    assert list(rare(Survey(counts, 100), TABLE)) == ["the class car is in 1 of 100 label maps (7 pixels)"]


def labelled(root, length, last):
    """Labels of the first two classes; the last label map holds ``last``."""
    write_labelled(root, {"a": length})
    for position in range(length):
        label = np.arange(24 * 40).reshape(24, 40) % 2 if position < length - 1 else np.full((24, 40), last)
        Image.fromarray(label.astype(np.uint8)).save(root / "labels" / "a" / f"f_{8 + position}.png")
    return Folder(Folder.Config(root=root))


def test_more_label_maps_are_read_only_if_a_class_is_missing(tmp_path):
    data = labelled(tmp_path, 40, 2)
    places = [(0, position) for position in range(40)]
    assert len(sampled(data, places).counts) == 16  # the last one has the third class
    assert len(sampled(data, places[:-1]).counts) == 39
    assert len(sampled(data, places, share=4).counts) == 4
    assert len(sampled(data, places[:-1], share=4).counts) == 16


def test_all_label_maps_are_read_until_one_says_something(tmp_path):
    data = labelled(tmp_path, 6, 255)
    for position in range(5):
        Image.new("L", (40, 24), 255).save(tmp_path / "labels" / "a" / f"f_{8 + position}.png")
    places = [(0, position) for position in range(6)]
    blank = sampled(data, places, share=100)
    assert (len(blank.counts), blank.nothing) == (6, True)
    assert {finding.severity for finding in check(data, LABELS) if "100% of all" in finding.what} == {"fatal"}
    Image.new("L", (40, 24), 1).save(tmp_path / "labels" / "a" / "f_12.png")
    said = sampled(data, places, share=100)
    assert (len(said.counts), said.nothing) == (5, False)


def test_a_wrong_id_in_one_file_is_found_though_few_samples_are_read(tmp_path):
    found = check(labelled(tmp_path, 12, 9), LABELS, every=100)
    assert [problem.what for problem in found if problem.severity == "fatal"] == [
        "holds ids outside the class table of 3 classes: 9 (960 pixels)"
    ]
    assert "the class person occurs in none of 11 label maps" in " ".join(problem.what for problem in found)
