"""The documentation is run: its examples work, its recipes are valid, its settings and links exist."""

import doctest
import re
from pathlib import Path

import pytest
import torch
import yaml

from davsn.cli import main
from davsn.core.plugins import Choice, available
from davsn.data.dataset import DatasetSettings
from davsn.data.labels.taxonomy import Taxonomy, read_classes
from davsn.experiment.experiment import Experiment, VideoSettings, load
from davsn.learning.method import Method
from davsn.scoring.measures import build_metric, chosen_metric
from davsn.scoring.metric import Seen
from davsn.training.optimisation import OptimiserSettings
from davsn.training.settings import TrainingSettings

PROJECT = Path(__file__).parents[1]
PAGES = [
    PROJECT / "README.md",
    *sorted((PROJECT / "docs").rglob("*.md")),
    *sorted(PROJECT.glob("benchmarks/**/README.md")),
]
METHODS = available(Method)
RECIPES = sorted((PROJECT / "src" / "davsn" / "recipes").glob("*.yaml"))


def blocks(page, language):
    text = (PROJECT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, heading = target.partition("#")
        linked = path.parent / file if file else path
        assert linked.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings], target


def test_the_examples_of_the_conventions_hold():
    found = doctest.testfile(str(PROJECT / "docs" / "conventions.md"), module_relative=False, encoding="utf-8")
    assert found.attempted > 10
    assert not found.failed


def test_the_recipe_of_the_tour_is_valid():
    (recipe,) = blocks("start-here.md", "yaml")
    experiment = load(yaml.safe_load(recipe))
    assert experiment.method.name == "da_vsn"
    assert set(experiment.validation) == {"unseen"}


def test_the_class_table_in_the_text_is_read(tmp_path):
    table, _ = blocks("data.md", "yaml")
    (tmp_path / "classes.yaml").write_text(table)
    taxonomy = read_classes(tmp_path / "classes.yaml")
    assert taxonomy.names == ("road", "fence")
    assert taxonomy.scored == (0,)


def test_several_data_sets_are_told_as_the_text_says():
    _, domains = blocks("data.md", "yaml")
    rest = {"network": "light", "method": "da_vsn", "optimiser": {"name": "adamw"}}
    experiment = load({**yaml.safe_load(domains), **rest}, ["source.sets.own.root=DIR"], paths=False)
    assert list(experiment.source.settings.sets) == ["drawn", "own"]
    assert str(experiment.source.settings.sets["own"].settings.root) == "DIR"


def test_a_method_is_added_as_the_text_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,), (recipe,) = blocks("add-a-method.md", "python"), blocks("add-a-method.md", "yaml")
    Path("mine.py").write_text(code)
    Path("mine.yaml").write_text(recipe)
    assert main(["train", "mine.yaml", "training.steps=2"]) == 0
    lines = Path("runs/mine/log.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert all('"loss/entropy/main"' in line for line in lines)
    assert main(["train", "mine.yaml", "method.warn=3"]) == 2
    shown = re.search(r"mine\.yaml has a mistake:\n.*\n", (PROJECT / "docs" / "add-a-method.md").read_text()).group()
    assert shown in capsys.readouterr().err


def test_an_encoder_and_a_head_are_added_as_the_text_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (encoder, head), (recipe,) = blocks("add-a-network.md", "python"), blocks("add-a-network.md", "yaml")
    Path("mine_encoder.py").write_text(encoder)
    Path("mine_head.py").write_text(head)
    Path("mine.yaml").write_text(recipe)
    assert main(["train", "mine.yaml", "training.steps=2"]) == 0
    line = Path("runs/mine/log.jsonl").read_text().splitlines()[0]
    assert '"loss/segmentation/main"' in line
    assert "aux" not in line


def test_the_metric_in_the_text_counts(tmp_path, monkeypatch):
    (metric,) = blocks("evaluation.md", "python")
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(metric)
    taxonomy = Taxonomy(("road", "car"), ((0, 0, 0),) * 2)
    made = build_metric(chosen_metric({"name": "./mine.py", "threshold": 0.7}), taxonomy)
    likely = torch.tensor([[0.6, 0.9, 0.2], [0.4, 0.1, 0.8]])[:, None]
    counts = made.count(Seen("x", torch.zeros(3, 1, 3), likely.argmax(0), probabilities=likely))
    assert made.values({key: value.numpy() for key, value in counts.items()}) == {"unsure": pytest.approx(100 / 3)}


KINDS = {
    "video": [VideoSettings],
    "optimiser": [OptimiserSettings],
    "training": [TrainingSettings],
    "method": [method.Config for method in METHODS.values()],
}
INVENTED = {"method.consistency", "method.warn", "method.weight"}
"""Mistakes that the text shows, and settings of its toy."""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_settings_that_the_text_names_exist(path):
    text = path.read_text(encoding="utf-8")
    for key in set(re.findall(r"\b((?:video|optimiser|training|method)\.(?!py\b)\w+)(?=`|=| {2})", text)) - INVENTED:
        part, name = key.split(".")
        assert any(name in kind.model_fields for kind in KINDS[part]), key


def test_the_table_of_data_settings_is_whole():
    rows = re.findall(r"^\| `(\w+)` \|", (PROJECT / "docs" / "data.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [row for row in rows if row in DatasetSettings.model_fields]
    assert set(DatasetSettings.model_fields) <= set(rows)


def test_the_table_of_accidents_is_what_faithful_sets():
    text = (PROJECT / "docs" / "parity.md").read_text(encoding="utf-8")
    section = text.split("## The accidents")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \|", section, re.MULTILINE))
    accidents = {name: method.faithful for name, method in METHODS.items() if method.faithful}
    assert rows.keys() == {key for faithful in accidents.values() for key in faithful}
    defaults = dict(re.findall(r"^\| `([\w.]+)` \| .*? \| (.*?) \|", section, re.MULTILINE))
    data = {"source": "streets", "target": {"name": "cityscapes", "root": "."}, "network": "deeplab", "start": "runs"}
    for name, faithful in accidents.items():
        corrected = load({**data, "method": name}, paths=False)
        for key, value in faithful.items():
            assert shown(value) in rows[key], key
            assert shown(value_of(corrected, key)) in defaults[key], key


def shown(value):
    """A setting as a page writes it."""
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def value_of(experiment: Experiment, dotted: str):
    part, key = dotted.split(".")
    settings = getattr(experiment, part)
    return getattr(settings.settings if isinstance(settings, Choice) else settings, key)


def test_every_method_has_a_section_that_names_its_settings():
    text = (PROJECT / "docs" / "methods.md").read_text(encoding="utf-8")
    sections = {part.split("\n")[0]: part for part in text.split("\n## ")[1:]}
    assert METHODS.keys() <= sections.keys()
    shared = text.split("\n## ")[0]
    for name, method in METHODS.items():
        for setting in method.Config.model_fields:
            assert setting in sections[name] or setting in shared, f"{name}: {setting}"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_says_what_it_needs_and_can_be_listed(path):
    head = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    for wanted in ("# Data needed", "# Command", "# Paper's", "# Ours"):
        assert any(line.startswith(wanted) for line in head), wanted


def test_the_recipe_that_needs_nothing_is_valid():
    experiment = load(PROJECT / "src" / "davsn" / "recipes" / "streets_da_vsn.yaml")
    assert experiment.name == "streets_da_vsn"
