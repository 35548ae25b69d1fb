"""What the records of the training benchmarks share: how one is written, and a row of it."""

import json
import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import torch

from davsn.saving import replacing
from davsn.scores import Scores

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "benchmarks" / "results"


def commit() -> str:
    """The commit whose code is running; take it at the start, since others may commit meanwhile."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()


def row(method: str, seed: int, scores: Scores, seconds: float | None, **more: str) -> dict[str, Any]:
    """A row in the form of benchmarks/results/README.md; NaN becomes null."""
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


def recorded(name: str) -> list[dict[str, Any]]:
    """The rows that a record has already; none without one."""
    path = RESULTS / f"{name}.json"
    return list(json.loads(path.read_text(encoding="utf-8"))["rows"]) if path.is_file() else []


def write(name: str, title: str, settings: dict[str, Any], code: str, **content: Any) -> None:
    """Write a record; long benchmarks call it after every finished part, so that one that dies leaves what it has.

    Args:
        name: of the file.
        title: what was measured.
        settings: everything that was chosen.
        code: the commit that ran.
        content: what was found: ``rows``, ``results`` or others of benchmarks/results/README.md.
    """
    record = {
        "name": title,
        "command": f"python benchmarks/{Path(sys.argv[0]).name} {' '.join(sys.argv[1:])}".strip(),
        "commit": code,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, "
        f"{torch.get_num_threads()} thread(s), load average {os.getloadavg()[1]:.1f} at the end",
        "settings": settings,
        **content,
    }
    with replacing(RESULTS / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
