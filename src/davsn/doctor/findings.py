"""What a check finds: problems, each with a remedy, and notes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["fatal", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One problem or note.

    Attributes:
        where: the file, or the clip and frame; empty if it is not in a file.
        what: what is wrong, or the text of a note.
        remedy: what to do; empty for a note.
        severity: 'fatal' would stop training or make it worthless, 'warning' would not, 'note' is not a problem.
        key: the key of the recipe that it belongs to, such as 'source'.
    """

    where: str
    what: str
    remedy: str
    severity: Severity
    key: str = ""


def grouped(findings: Iterable[Finding]) -> list[tuple[Finding, int]]:
    """Group similar findings, the worst first: the first of each group, and the number of findings in it.

    Findings of one group have the same part, severity and remedy, and their texts begin with the same two words.
    Numbers are ignored in the comparison.
    """
    kinds: dict[tuple[str, ...], list[Finding]] = {}
    for found in findings:
        begins = " ".join(found.what.split()[:2])
        key = (found.key, found.severity, *(re.sub(r"\d+", "#", text) for text in (begins, found.remedy)))
        kinds.setdefault(key, []).append(found)
    order = ("fatal", "warning", "note")
    groups = [(same[0], len(same)) for same in kinds.values()]
    return sorted(groups, key=lambda group: order.index(group[0].severity))
