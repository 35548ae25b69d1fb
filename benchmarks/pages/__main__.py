"""Writes docs/results.md, tables in README.md, docs/flow.md and docs/methods.md, and the costs of methods that
`davsn list methods` shows, from benchmarks/results/.

Run: python -m benchmarks.pages [--check]
No number is typed by hand: a record is what a benchmark wrote, this script only rounds and averages. The form of a
record is in benchmarks/results/README.md. With --check nothing is written; the exit code says whether all are true.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from benchmarks.pages import results_of_costs as costs
from benchmarks.pages import results_of_flow as flow
from benchmarks.pages import results_of_methods as methods
from benchmarks.pages import results_of_training as training
from benchmarks.pages.tables import Record, rows_of, summary

PROJECT = Path(__file__).parents[2]
RECORDS = PROJECT / "benchmarks" / "results"
PAGE = PROJECT / "docs" / "results.md"
README = PROJECT / "README.md"
FLOW_PAGE = PROJECT / "docs" / "flow.md"
METHODS_PAGE = PROJECT / "docs" / "methods.md"
COSTS = PROJECT / "src" / "davsn" / "methods" / "costs.json"
START, END = "<!-- results:start -->", "<!-- results:end -->"

Section = Callable[[Record], Iterable[str]]

HEAD = """# Results

Written by `python -m benchmarks.pages` from the records in `benchmarks/results/`; do not edit this page.
Each section names the command, the commit and the machine. Where there are several seeds, a cell is the mean
± the sample standard deviation. mIoU, IoU and temporal consistency are in percent.
"""

SECTIONS: dict[str, tuple[str, Section]] = {
    "demo": ("Streets: the demo", training.demo),
    "procity_camvid": ("ProcCity → CamVid: real video", training.procity),
    "methods_streets": ("Every method on the streets", methods.streets),
    "methods_procity_camvid": ("Every method on ProcCity → CamVid", methods.procity),
    "methods_statistics_streets": ("Whose statistics a network predicts by: the streets", methods.streets_statistics),
    "methods_statistics_procity_camvid": (
        "Whose statistics a network predicts by: ProcCity → CamVid",
        methods.procity_statistics,
    ),
    "methods_choices": ("What was tried before", methods.choices),
    "method_cost": ("What a step of each method costs", costs.cost),
    "streets_gap": ("How far apart the two streets are", training.gap),
    "flow_quality": ("How good flow is", flow.flow_quality),
    "flow_effect": ("What good flow buys", training.flow_effect),
    "streets": ("What a frame of the streets costs", costs.plain),
    "published_cost": ("What the published recipes need", costs.needs),
    "loading": ("What loading costs", costs.loading),
    "step": ("What a training step costs", costs.step),
    "check": ("What `davsn check` costs, and how near its estimate of memory is", costs.check),
    "splat": ("What propagation costs", costs.splat),
    "correlation": ("FlowNet2's correlation", flow.correlation),
    "flow_networks": ("What neural flow costs", flow.flow_networks),
    "flow_cost": ("What flow on the fly costs", flow.flow_cost),
    "flow_cache": ("How small flow is kept", flow.flow_cache),
}
"""Record's name → the section's title and its writer, in the page's order."""


def load(folder: Path) -> dict[str, Record]:
    """All records in a folder, by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def page(records: Mapping[str, Record]) -> str:
    """The text of docs/results.md."""
    lines = [HEAD]
    for name, (title, write) in SECTIONS.items():
        lines += [f"## {title}", ""]
        lines += write(records[name]) if name in records else ["Not recorded yet.", ""]
    return "\n".join(lines).rstrip() + "\n"


def in_readme(readme: str, records: Mapping[str, Record]) -> str:
    """README.md with the table of the demo between its two marks."""
    return marked(readme, summary(rows_of(records["demo"])) if "demo" in records else None)


def in_flow_page(text: str, records: Mapping[str, Record]) -> str:
    """docs/flow.md with the tables of estimators between its two marks."""
    return marked(text, flow.flow_quality(records["flow_quality"]) if "flow_quality" in records else None)


def in_methods_page(text: str, records: Mapping[str, Record]) -> str:
    """docs/methods.md with what a step of each method costs between its two marks."""
    return marked(text, costs.short(records["method_cost"]) if "method_cost" in records else None)


def of_methods(records: Mapping[str, Record]) -> str:
    """What `davsn list methods` shows of costs, as JSON."""
    found = costs.by_method(records["method_cost"]) if "method_cost" in records else {}
    return json.dumps(found, indent=1) + "\n"


def marked(text: str, lines: list[str] | None) -> str:
    """A text with these lines between its two marks."""
    before, rest = text.split(START)
    after = rest.split(END)[1]
    return f"{before}{START}\n\n" + "\n".join(lines or ["Not recorded yet.", ""]) + f"\n{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page is out of date")
    checking = parser.parse_args().check
    records, stale = load(RECORDS), []
    texts = {
        PAGE: page(records),
        README: in_readme(README.read_text(encoding="utf-8"), records),
        FLOW_PAGE: in_flow_page(FLOW_PAGE.read_text(encoding="utf-8"), records),
        METHODS_PAGE: in_methods_page(METHODS_PAGE.read_text(encoding="utf-8"), records),
        COSTS: of_methods(records),
    }
    for path, text in texts.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
            if not checking:
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path.relative_to(PROJECT)} {'is out of date' if checking else 'written'}")
    return 1 if checking and stale else 0


if __name__ == "__main__":
    sys.exit(main())
