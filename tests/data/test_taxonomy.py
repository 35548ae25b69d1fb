import numpy as np
import pytest

from davsn.core.errors import ConfigError
from davsn.data.labels.class_lists import class_table_of
from davsn.data.labels.taxonomy import Taxonomy, read_class_table, read_classes, write_classes

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
        ("classes: [{name: road, color: [1, 2, 3]}, {name: sky, colour: [1, 2, 4]}]", "classes.1.colour  unknown key"),
        ("classes: [{name: road, color: [1, 2, 3]}]", "classes  .*at least 2"),
        ("classes: [{name: a, color: [1, 2, 3]}, {name: b, color: [1, 2]}]", "classes.1.color"),
        ("- road", "should hold 'key: value' lines"),
        ("classes: [", "is not valid YAML"),
        (
            "ignore: 0\nclasses: [{name: a, color: [1, 2, 3]}, {name: b, color: [1, 2, 3]}]",
            "ignore  0 is also .*'a'.*255",
        ),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    (tmp_path / "classes.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_classes(tmp_path / "classes.yaml")


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_classes(tmp_path / "classes.yaml")


@pytest.mark.parametrize(
    ("name", "text", "names", "values"),
    [
        (
            "labelmap.txt",
            "# label:color_rgb:parts:actions\nbackground:0,0,0::\nroad:128,64,128::\ntraffic light:1,2,3:a,b:c\n",
            ("background", "road", "traffic light"),
            {0: 0, 1: 1, 2: 2, 255: 255},
        ),
        ("labelmap.txt", "road:1,2,3::\nvoid:4,5,6::\ncar:::\n", ("road", "car"), {0: 0, 1: 255, 2: 1, 255: 255}),
        (
            "label_colors.txt",
            "0 0 0\tVoid\n64 128 64\tAnimal\n1 2 3\tTree\n",
            ("Animal", "Tree"),
            {0: 255, 1: 0, 2: 1, 255: 255},
        ),
        ("classes.txt", "road\ntraffic light\n", ("road", "traffic light"), {0: 0, 1: 1, 255: 255}),
        ("data.yaml", "path: ../set\nnc: 2\nnames: [road, car]\n", ("road", "car"), {0: 0, 1: 1, 255: 255}),
        ("data.yaml", "names: {0: road, 3: car}\n", ("road", "car"), {0: 0, 3: 1, 255: 255}),
        ("classes.yaml", "classes: [road, {name: car}]\n", ("road", "car"), {0: 0, 1: 1, 255: 255}),
        ("classes.yaml", "classes: [road, {name: car, value: 255}]\n", ("road", "car"), {0: 0, 255: 1}),
    ],
)
def test_class_tables_of_other_tools(tmp_path, name, text, names, values):
    (tmp_path / name).write_text(text)
    table = read_class_table(tmp_path / name)
    assert table.taxonomy.names == names
    assert dict(table.coding.values) == values
    assert len(set(table.taxonomy.colours)) == len(names)
    assert class_table_of(tmp_path) == tmp_path / name


def test_given_colours_are_kept_and_the_others_differ_from_them(tmp_path):
    (tmp_path / "classes.yaml").write_text("classes: [a, {name: b, color: [128, 0, 0]}, c]")
    assert read_classes(tmp_path / "classes.yaml").colours == ((0, 128, 0), (128, 0, 0), (128, 128, 0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: [a, {name: b, value: 0}]", "classes.1.value  0 stands for both 'a' and 'b'"),
        ("ignore: 255\nclasses: [a, {name: b, value: 255}]", "ignore  255 is also the value of the class 'b'"),
        ("classes: [a, {name: b, color: [1, 2, 300]}]", "classes.1.color.2  .*300"),
        ("classes: [a, b]\nchannel: rot", "channel  .*'rot'"),
        ("names: {road: 0}", "names  should be a list of names, or a mapping from ids to names"),
    ],
)
def test_mistakes_of_values_are_named(tmp_path, text, message):
    (tmp_path / "classes.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_class_table(tmp_path / "classes.yaml")
