import numpy as np
import pytest

from davsn.core.errors import ConfigError
from davsn.data.taxonomy import Taxonomy, read_classes, write_classes

TABLE = Taxonomy(("road", "sky", "fence"), ((128, 64, 128), (70, 130, 180), (1, 2, 3)), frozenset({"fence"}))


def test_what_is_written_is_read_again(tmp_path):
    write_classes(TABLE, tmp_path / "classes.yaml")
    assert read_classes(tmp_path / "classes.yaml") == TABLE


def test_scored_leaves_the_unscored_out():
    assert TABLE.scored == (0, 1)
    assert len(TABLE) == 3


def test_a_network_is_scored_on_what_it_and_the_data_set_score():
    shown = Taxonomy(TABLE.names, TABLE.colours, frozenset({"sky"}))
    assert TABLE.scored_on(shown).scored == (0,)
    assert TABLE.scored_on(shown).names == TABLE.names
    assert TABLE.scored_on(None) == TABLE


def test_palette_is_black_where_there_is_no_class():
    assert TABLE.palette.shape == (256, 3)
    assert TABLE.palette[1].tolist() == [70, 130, 180]
    assert not TABLE.palette[3:].any()


def test_mapping_ignores_what_is_not_named():
    lookup = TABLE.mapping([(7, "road"), (23, "sky"), (24, "sky")])
    assert lookup[[7, 23, 24]].tolist() == [0, 1, 1]
    assert (np.delete(lookup, [7, 23, 24]) == 255).all()


def test_mapping_refuses_a_class_that_is_not_there():
    with pytest.raises(ValueError, match="not in tuple"):
        TABLE.mapping([(7, "roof")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: [{name: road, color: [1, 2, 3]}, {name: road, color: [1, 2, 4]}]", "'road' occurs more than once"),
        ("classes: [{name: road, color: [1, 2, 3]}, {name: sky, colour: [1, 2, 4]}]", "classes.1.color  is missing"),
        ("classes: [{name: road, color: [1, 2, 3]}]", "classes  .*at least 2"),
        ("classes: [{name: a, color: [1, 2, 3]}, {name: b, color: [1, 2]}]", "classes.1.color"),
        ("- road", "should hold 'key: value' lines"),
        ("classes: [", "is not valid YAML"),
        ("ignore: 0\nclasses: [{name: a, color: [1, 2, 3]}, {name: b, color: [1, 2, 3]}]", "ignore  .*255"),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    (tmp_path / "classes.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_classes(tmp_path / "classes.yaml")


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_classes(tmp_path / "classes.yaml")
