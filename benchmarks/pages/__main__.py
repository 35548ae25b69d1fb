"""Writes the pages of results, the tables in other pages, and the costs of methods that `davsn list methods` shows.

Run: python -m benchmarks.pages [--check]
It reads benchmarks/results. It writes docs/results.md, docs/results/*.md, docs/reliability.md, the marked parts of
README.md, docs/flow.md, docs/methods.md and docs/performance.md, and src/davsn/learning/costs.json. No number is typed
by hand: a benchmark writes a record, and the pages only round and average. With --check nothing is written; the exit
code is 1 if a page is out of date.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.pages.tables import summary
from benchmarks.pages.tables_of_methods import step_cost_table, step_costs
from benchmarks.pages.text import MISSING, TEXTS, body, fill, section_text, sections
from benchmarks.records import PROJECT, Record, load

FRONT = PROJECT / "docs" / "results.md"
README = PROJECT / "README.md"
FLOW_PAGE = PROJECT / "docs" / "flow.md"
METHODS_PAGE = PROJECT / "docs" / "methods.md"
PERFORMANCE = PROJECT / "docs" / "performance.md"
RELIABILITY = PROJECT / "docs" / "reliability.md"
COSTS = PROJECT / "src" / "davsn" / "learning" / "costs.json"
START, END = "<!-- results:start -->", "<!-- results:end -->"


def front_page(records: Mapping[str, Record]) -> str:
    """The text of docs/results.md, the summary on one page."""
    return fill((TEXTS / "results.md").read_text(encoding="utf-8"), records=records).strip() + "\n"


def topics() -> list[str]:
    """The names of the pages in docs/results."""
    return sorted(path.stem for path in TEXTS.glob("*.md") if path.name != FRONT.name)


def topic_page(topic: str, records: Mapping[str, Record]) -> str:
    """The text of a topic's page: its head, then the sections that name it as their page."""
    parts = [fill((TEXTS / f"{topic}.md").read_text(encoding="utf-8"))]
    if topic != RELIABILITY.stem:  # it has no means over seeds
        parts.append(fill('{% include "how_to_read.md" %}'))
    parts += [section_text(section, records) for section in sections() if section.page == topic]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def page_of(topic: str) -> Path:
    """The page of a topic. Reliability is of use to everybody, and stands beside the other pages of docs."""
    return RELIABILITY if topic == RELIABILITY.stem else FRONT.with_suffix("") / f"{topic}.md"


def in_readme(readme: str, records: Mapping[str, Record]) -> str:
    """README.md with the table of the demo between its two marks."""
    return marked(readme, summary(records["demo"]["rows"]) + "\n" if "demo" in records else MISSING)


def in_flow_page(text: str, records: Mapping[str, Record]) -> str:
    """docs/flow.md with the section on flow estimators between its two marks."""
    (section,) = (section for section in sections() if section.name == "flow_quality")
    return marked(text, body(section, records) if section.name in records else MISSING)


def in_methods_page(text: str, records: Mapping[str, Record]) -> str:
    """docs/methods.md with the cost of each method's step between its two marks."""
    return marked(text, step_cost_table(records["method_cost"]["rows"]) + "\n" if "method_cost" in records else MISSING)


def in_performance_page(text: str, records: Mapping[str, Record]) -> str:
    """docs/performance.md with the text on each record between the two marks that name it.

    Raises:
        KeyError: a record whose page is ``performance`` has no marks there.
    """
    found = {section.name: section for section in sections() if section.page == PERFORMANCE.stem}
    for name in re.findall(r"<!-- results:start (\w+) -->", text):
        section = found.pop(name)
        inside = body(section, records) if name in records else MISSING
        text = marked(text, inside, START.replace("start", f"start {name}"))
    if found:
        raise KeyError(f"{PERFORMANCE.name} has no marks for {', '.join(found)}")
    return text


def of_methods(records: Mapping[str, Record]) -> str:
    """The costs that `davsn list methods` shows, as JSON."""
    found = step_costs(records["method_cost"]["rows"]) if "method_cost" in records else {}
    return json.dumps(found, indent=1) + "\n"


def marked(text: str, inside: str, start: str = START) -> str:
    """A text with something else between its two marks."""
    before, rest = text.split(start)
    after = rest.split(END, 1)[1]
    return f"{before}{start}\n\n{inside}\n{END}{after}"


def written(records: Mapping[str, Record]) -> dict[Path, str]:
    """Every file that this script writes, and its text."""
    pages = {page_of(topic): topic_page(topic, records) for topic in topics()}
    return {
        FRONT: front_page(records),
        **pages,
        README: in_readme(README.read_text(encoding="utf-8"), records),
        FLOW_PAGE: in_flow_page(FLOW_PAGE.read_text(encoding="utf-8"), records),
        METHODS_PAGE: in_methods_page(METHODS_PAGE.read_text(encoding="utf-8"), records),
        PERFORMANCE: in_performance_page(PERFORMANCE.read_text(encoding="utf-8"), records),
        COSTS: of_methods(records),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page is out of date")
    checking, stale = parser.parse_args().check, []
    for path, text in written(load()).items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
            if not checking:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path.relative_to(PROJECT)} {'is out of date' if checking else 'written'}")
    return 1 if checking and stale else 0


if __name__ == "__main__":
    sys.exit(main())
