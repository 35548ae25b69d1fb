"""Records of benchmarks: the form in which one is written, and commands that exist wherever a text names one."""

import ast
import json
import re
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from benchmarks import records

PROJECT = Path(__file__).parents[1]
SCRIPTS = [path for path in sorted(PROJECT.glob("benchmarks/*/*.py")) if "__main__" in path.read_text(encoding="utf-8")]
TEXTS = [
    *PROJECT.glob("*.md"),
    *(path for folder in ("docs", "benchmarks") for path in (PROJECT / folder).rglob("*.md")),
    *(path for folder in ("src", "benchmarks", "tests") for path in (PROJECT / folder).rglob("*.py")),
    *(PROJECT / "src").rglob("*.yaml"),
]


def module(path):
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__main__")


@pytest.mark.parametrize("path", SCRIPTS, ids=module)
def test_a_script_says_how_it_is_run(path):
    assert f"python -m {module(path)}" in ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_a_command_or_script_that_a_text_names_exists():
    commands, files = set(), set()
    for path in TEXTS:
        text = path.read_text(encoding="utf-8")
        commands |= set(re.findall(r"python -m (benchmarks[.\w]*\w)", text))
        files |= set(re.findall(r"(?<![\w/])(benchmarks/\w+/\w+\.py)", text))
    assert "benchmarks.pages" in commands
    assert {name for name in commands if "NAME" not in name} <= {module(path) for path in SCRIPTS}
    assert files
    assert all((PROJECT / file).is_file() for file in files)


def test_a_record_names_the_command_that_made_it(monkeypatch, tmp_path):
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", ModuleSpec("benchmarks.costs.splat", None))
    monkeypatch.setattr(sys, "argv", ["splat.py", "--data", "my folder"])
    records.write("splat", "DA-VSN's propagation", {"seed": 0}, "abc1234", rows=[{"ms": 1.5}])
    found = json.loads((tmp_path / "splat.json").read_text())
    assert found["command"] == "python -m benchmarks.costs.splat --data 'my folder'"
    assert (found["commit"], found["settings"]) == ("abc1234", {"seed": 0})
    assert records.recorded("splat") == found["rows"] == [{"ms": 1.5}]
    assert records.load(tmp_path).keys() == {"splat"}
    assert records.recorded("other") == []


def test_a_script_that_is_not_run_as_a_module_cannot_write_a_record(monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    with pytest.raises(SystemExit, match=r"python -m benchmarks\.ROOM\.NAME"):
        records.command()
