"""Every mistake at once, each with its key, what is wrong and what to do: the texts themselves."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from davsn.core.errors import ConfigError
from davsn.core.settings import MADE, Settings, override, read_yaml, validate


class Inner(Settings):
    rate: float = Field(0.5, gt=0)
    consistency_weight: float = 1.0


class Outer(Settings):
    steps: int
    kind: Literal["warp", "splat"] = "warp"
    inner: Inner = Inner()
    other: Inner | None = None
    file: Path | None = None
    """A file of
    weights."""
    files: tuple[Path, ...] = ()


def mistakes(values, **options):
    with pytest.raises(ConfigError) as error:
        validate(Outer, values, "recipe.yaml", **options)
    return error.value.mistakes


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"stepz": 1, "steps": 1}, "stepz  unknown key. Did you mean 'steps'? (known: steps, kind, inner, other, "),
        ({"zzz": 1, "steps": 1}, "zzz  unknown key. (known: steps, kind, "),
        (
            {"steps": 1, "inner": {"consistency": 1}},
            "inner.consistency  unknown key. Did you mean 'consistency_weight'? (known: rate, consistency_weight)",
        ),
        ({"steps": 1, "other": {"rat": 1}}, "other.rat  unknown key. Did you mean 'rate'?"),
        ({}, "steps  is missing"),
        ({"steps": "many"}, "steps  input should be a valid integer, but got 'many'"),
        ({"steps": None}, "steps  input should be a valid integer, but got None"),
        ({"steps": 1, "kind": "wrap"}, "kind  input should be 'warp' or 'splat', but got 'wrap'"),
        ({"steps": 1, "inner": 5}, "inner  should hold 'key: value' lines, but got 5"),
        ({"steps": 1, "inner": {"rate": -1}}, "inner.rate  input should be greater than 0, but got -1"),
        ({"steps": 1, "file": "no/where"}, "file  'no/where' does not exist. Expected: a file of weights."),
        ({"steps": 1, "files": [".", "a", "b"]}, "files  'a', 'b' does not exist"),
    ],
)
def test_a_mistake_is_named_by_key_and_value_with_the_nearest_name(values, text):
    (mistake,) = mistakes(values)
    assert mistake.startswith(text)


def test_all_mistakes_come_at_once_under_the_file_they_are_in():
    with pytest.raises(ConfigError) as error:
        validate(Outer, {"kind": 3, "inner": {"rate": "x", "ratee": 1}, "file": "nowhere"}, "recipe.yaml")
    lines = str(error.value).splitlines()
    assert lines[0] == "recipe.yaml has 5 mistakes:"
    keys = [line.split("  ")[1] for line in lines[1:]]
    assert keys == ["steps", "kind", "inner.rate", "inner.ratee", "file"]


def test_one_mistake_is_one():
    with pytest.raises(ConfigError, match=r"^recipe\.yaml has a mistake:\n  steps  is missing$"):
        validate(Outer, {}, "recipe.yaml")


def test_what_was_run_elsewhere_may_name_files_that_are_not_here():
    assert validate(Outer, {"steps": 1, "file": "nowhere"}, "a checkpoint", paths=False).file == Path("nowhere")
    assert "inner.rate" in mistakes({"steps": 1, "inner": {"rate": 0}}, paths=False)[0]


def test_a_file_that_is_there_is_no_mistake(tmp_path):
    assert validate(Outer, {"steps": 1, "file": str(tmp_path)}, "recipe.yaml").file == tmp_path


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Inner().rate = 2.0


def test_overrides_reach_into_a_copy():
    values = {"training": {"steps": 1}, "method": "da_vsn", "network": {"name": "light"}}
    changed = override(
        values,
        ["training.steps=2", "method.spatial=0.5", "source.size=[320, 160]", "a=null", "b=x=y", "method.softmax=joint"],
    )
    assert changed == {
        "training": {"steps": 2},
        "method": {"name": "da_vsn", "spatial": 0.5, "softmax": "joint"},
        "network": {"name": "light"},
        "source": {"size": [320, 160]},
        "a": None,
        "b": "x=y",
    }
    assert values == {"training": {"steps": 1}, "method": "da_vsn", "network": {"name": "light"}}


def test_overrides_that_are_none_are_all_named():
    with pytest.raises(ConfigError) as error:
        override({}, ["steps", "=3", "size=[1", "good=1"])
    assert error.value.where == "the command line"
    remedy = "  should read key=value, such as method.consistency_weight=0.01"
    assert error.value.mistakes == tuple(f"{wrong}{remedy}" for wrong in ("steps", "=3", "size=[1"))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "no such file"),
        (b"a: [1", "is not valid YAML: "),
        (b"\xff\xfe\xff", "is not valid YAML: "),
        (b"- a\n- b\n", "should hold 'key: value' lines"),
        (b"", "should hold 'key: value' lines"),
        (b"!!python/object/apply:os.system ['false']", "is not valid YAML: could not determine a constructor"),
        (b"#" * 2_000_000, "is larger than 1024 KiB, so it is no YAML file of davsn"),
    ],
)
def test_a_file_that_is_no_yaml_of_ours_is_refused(tmp_path, content, text):
    path = tmp_path / "recipe.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        read_yaml(path)
    assert error.value.where == str(path)
    assert error.value.mistakes[0].startswith(text)


def test_a_path_that_is_made_when_needed_need_not_be_there(tmp_path):
    class Places(Settings):
        read: Path | None = None
        written: Annotated[Path | None, MADE] = None

    made = validate(Places, {"written": str(tmp_path / "new")}, "settings")
    assert made.written == tmp_path / "new"
    with pytest.raises(ConfigError, match="does not exist"):
        validate(Places, {"read": str(tmp_path / "new")}, "settings")
