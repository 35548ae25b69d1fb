"""The pages of results hold what the records say, and nothing typed by hand."""

import importlib
import re

import jinja2
import pytest

from benchmarks.pages import overview, text
from benchmarks.records import OF_TARGET, RESULTS, load
from davsn.core.plugins import available
from davsn.learning.method import Method

AGAIN = "run: python -m benchmarks.pages"


@pytest.fixture(scope="module")
def script():
    return importlib.import_module("benchmarks.pages.__main__")


@pytest.fixture(scope="module")
def records():
    return load()


def test_every_page_is_what_the_records_say(script, records):
    written = script.written(records)
    for path, wanted in written.items():
        assert path.read_text(encoding="utf-8") == wanted, f"{path.name}: {AGAIN}"
    names = {path.relative_to(script.PROJECT).as_posix() for path in written}
    assert names >= {"README.md", "docs/results.md", "docs/flow.md", "docs/methods.md", "src/davsn/learning/costs.json"}
    assert names >= {f"docs/results/{topic}.md" for topic in ("streets", "real-video", "costs", "flow")}


def test_every_record_has_a_text_on_a_page_and_the_other_way_round(script, records):
    sections = text.sections()
    assert records.keys() == {section.name for section in sections}
    assert {section.page for section in sections} == {*script.topics(), script.PERFORMANCE.stem}
    places = [(section.page, section.place) for section in sections]
    assert len(set(places)) == len(places)


def test_a_missing_record_is_said_to_be_missing(script):
    by_hand = script.PERFORMANCE.read_text(encoding="utf-8")
    pages = [script.in_performance_page(by_hand, {}), *(script.topic_page(topic, {}) for topic in script.topics())]
    assert sum(page.count(text.MISSING) for page in pages) == len(text.sections())
    marks = f"above\n{script.START}\nold\n{script.END}\nbelow\n"
    empty = f"above\n{script.START}\n\nNot recorded yet.\n\n{script.END}\nbelow\n"
    assert script.in_readme(marks, {}) == script.in_flow_page(marks, {}) == script.in_methods_page(marks, {}) == empty
    assert script.of_methods({}) == "{}\n"


def test_the_marked_part_of_a_page_is_replaced(script, records):
    readme = f"above\n{script.START}\nold\n{script.END}\nbelow\n"
    filled = script.in_readme(readme, records)
    assert "| strong recipe | " in filled
    assert "old" not in filled
    assert script.in_readme(filled, {}) == script.in_readme(readme, {})


def test_the_page_on_performance_has_marks_for_each_of_its_records(script, records):
    names = [section.name for section in text.sections() if section.page == script.PERFORMANCE.stem]
    empty = "".join(f"<!-- results:start {name} -->\nold\n{script.END}\nbetween\n" for name in names)
    filled = script.in_performance_page(empty, records)
    assert "old" not in filled
    assert filled.count("between") == filled.count(script.END) == len(names)
    with pytest.raises(KeyError, match=f"no marks for {', '.join(names)}"):
        script.in_performance_page("", records)


def test_the_page_on_methods_has_the_costs_of_every_method(script, records):
    table = script.in_methods_page(f"{script.START}{script.END}", records)
    measured = set(re.findall(r"^\| (\w+) \|", table, re.MULTILINE))
    assert {"source_only", "da_vsn"} <= measured
    assert measured <= set(available(Method))  # a new method is one file, and may be measured later


def record(**changes):
    about = {"command": "davsn demo", "commit": "abc", "date": "2026-11-22", "machine": "a laptop"}
    return {**about, "settings": {"steps": 200}, "rows": [{"network": "light", "seconds": 1.25}], **changes}


@pytest.fixture
def study(tmp_path):
    """A function: the section of a new study whose text is given."""

    def section_of(template):
        (tmp_path / "mine.md").write_text(f"---\npage: costs\nplace: 5\ntitle: What mine costs\n---\n{template}")
        (tmp_path / "README.md").write_text("no text on a record")
        (found,) = text.sections(tmp_path)
        return found

    return section_of


def test_a_study_is_a_record_and_a_text(study):
    section = study(
        '{{ columns(rows, {"network": "network", "s": ("seconds", 1)}) }}\n\nIt took {{ settings.steps }} steps.\n'
    )
    assert (section.name, section.page, section.place) == ("mine", "costs", 5)
    assert text.section_text(section, {"mine": record()}) == (
        "## What mine costs\n\n| network | s |\n|---|--:|\n| light | 1.2 |\n\nIt took 200 steps.\n\n"
        "`davsn demo`, commit abc, 2026-11-22, a laptop.\nSettings: steps 200.\n"
    )


@pytest.mark.parametrize(
    "wrong", ["{{ setings.steps }}", "{{ settings.stepz }}", "{{ records.other.rows }}", "{{ tabel(rows) }}"]
)
def test_a_name_that_does_not_exist_is_an_error(study, wrong):
    with pytest.raises(jinja2.UndefinedError):
        text.section_text(study(wrong), {"mine": record()})


def test_a_row_that_does_not_exist_is_an_error(study):
    rows = [{"method": "tps", "seed": 0, "miou": 30.0}]
    assert "30.0\n" in text.section_text(study('{{ score(rows, "tps") }}'), {"mine": record(rows=rows)})
    with pytest.raises(KeyError, match="no row of 'tbs'"):
        text.section_text(study('{{ score(rows, "tbs") }}'), {"mine": record(rows=rows)})


def test_a_text_without_a_head_is_an_error(tmp_path):
    (tmp_path / "mine.md").write_text("# Mine\n")
    with pytest.raises(ValueError, match=r"mine\.md: begin with page, place and title"):
        text.sections(tmp_path)


@pytest.mark.parametrize("path", sorted([*RESULTS.glob("*.md"), *text.TEXTS.rglob("*.md")]), ids=lambda path: path.stem)
def test_no_text_types_a_mean_that_a_record_has(path):
    assert not re.search(r"\d ± \d", path.read_text(encoding="utf-8"))


def mean(records, name, method, scored, key="miou"):
    rows = [row for row in records[name]["rows"] if "steps" in row["budgets"]]
    values = [row[key] for row in rows if (row["method"], row["set"]) == (method, scored)]
    return sum(values) / len(values)


SETS = [("streets", "unseen"), ("procity_camvid", "stills"), ("procity_camvid", "clip")]


@pytest.mark.parametrize(("world", "scored"), SETS)
def test_the_advice_on_miou_is_what_the_records_say(records, world, scored):
    """The summary says: tps with target statistics leads; batch_norm gains much; pixmatch is not above batch_norm."""
    name = f"methods_{world}"
    advised = mean(records, f"methods_statistics_{world}", f"tps{OF_TARGET}", scored)
    methods = {row["method"] for row in records[name]["rows"]} - {"trained on target labels"}
    others = {method for method in methods if not method.startswith("tps")}
    assert all(mean(records, name, method, scored) < advised for method in others)
    statistics = {row["method"] for row in records[f"methods_statistics_{world}"]["rows"]}
    others = {method for method in statistics if not method.startswith("tps")}
    assert all(mean(records, f"methods_statistics_{world}", method, scored) < advised for method in others)
    assert mean(records, name, "batch_norm", scored) > mean(records, name, "source_only", scored) + 3
    assert mean(records, name, "pixmatch", scored) < mean(records, name, "batch_norm", scored) + 0.5


def test_the_advice_on_video_and_cost_is_what_the_records_say(records):
    for world, scored in (("streets", "unseen"), ("procity_camvid", "clip")):
        found = records[f"methods_{world}"]
        steady = sorted(
            found["costs"], key=lambda name: mean(records, f"methods_{world}", name, scored, "temporal_consistency")
        )
        assert set(steady[-3:]) == {"tps", "mean_teacher", "masked over mean_teacher"}
        costs = {method: cost["seconds"] for method, cost in found["costs"].items()}
        assert (min(costs, key=costs.get), max(costs, key=costs.get)) == ("batch_norm", "pixmatch")
        regrets = {
            rule: float(overview.regret(found["rows"], rule)) for rule in ("last", "information", "neighbourhood")
        }
        assert regrets["information"] < regrets["last"] < regrets["neighbourhood"]


def test_runs_that_two_records_share_gave_the_same_numbers(records):
    for world in ("streets", "procity_camvid"):
        both = [records[f"methods_{study}{world}"]["rows"] for study in ("", "statistics_")]
        first, again = (
            {(row["method"], row["seed"], row["set"]): row["miou"] for row in rows if "steps" in row["budgets"]}
            for rows in both
        )
        shared = first.keys() & again.keys()
        assert len(shared) >= 39
        assert {key: first[key] for key in shared} == {key: again[key] for key in shared}
