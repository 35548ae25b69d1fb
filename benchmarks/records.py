"""The records in benchmarks/results: how a script writes one, how a page reads it, and what their rows share."""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from davsn.core.files.writing import replacing

if TYPE_CHECKING:
    from davsn.scoring.scores import Scores

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "benchmarks" / "results"
START = "source_only, the start"
"""Title of the row that every method starts from."""
THEN, OF_TARGET = ", then batch_norm", ", statistics of the target"
"""Endings of a row's title."""

Record = Mapping[str, Any]


def load(folder: Path = RESULTS) -> dict[str, Record]:
    """All records of a folder, by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def recorded(name: str) -> list[dict[str, Any]]:
    """The rows of a record that is there already; none if it is not."""
    path = RESULTS / f"{name}.json"
    return list(json.loads(path.read_text(encoding="utf-8"))["rows"]) if path.is_file() else []


def commit() -> str:
    """The commit whose code is running. Call it at the start of a script, since HEAD may move while it runs."""
    git = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(git, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()


def command() -> str:
    """The command that is running: ``python -m benchmarks.ROOM.NAME`` and its arguments."""
    spec = sys.modules["__main__"].__spec__
    if spec is None:
        raise SystemExit("run a benchmark as a module: python -m benchmarks.ROOM.NAME")
    return shlex.join(["python", "-m", spec.name, *sys.argv[1:]])


def machine() -> str:
    """The machine that is running: processor, versions, threads and how busy it is."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, "
        f"{torch.get_num_threads()} thread(s), load average {os.getloadavg()[1]:.1f} at the end"
    )


def row(method: str, seed: int, scores: "Scores", seconds: float | None, **more: str) -> dict[str, Any]:
    """A row of scores in the form of benchmarks/results/README.md; NaN becomes null."""
    iou = {name: None if value != value else round(value, 5) for name, value in scores.iou.items()}
    consistency = scores.temporal_consistency
    return {
        "method": method,
        "seed": seed,
        **more,
        "miou": round(scores.exact_miou, 3),
        "iou": iou,
        "temporal_consistency": None if consistency is None else round(consistency, 3),
        "seconds": None if seconds is None else round(seconds, 1),
    }


def write(name: str, title: str, settings: Mapping[str, Any], code: str, **content: Any) -> None:
    """Write a record.

    A long benchmark writes after every finished part, so that a run that is stopped leaves what it has.

    Args:
        name: name of the file.
        title: what was measured.
        settings: everything that was chosen.
        code: the commit that ran, of :func:`commit`.
        content: the measurements: ``rows``, ``results`` or other keys of benchmarks/results/README.md.
    """
    record = {
        "name": title,
        "command": command(),
        "commit": code,
        "date": date.today().isoformat(),
        "machine": machine(),
        "settings": settings,
        **content,
    }
    with replacing(RESULTS / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
