"""What :mod:`benchmarks.studies.faults` looks at after a fault: whether files are whole, and what they hold."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image

from davsn.training import checkpoint


def incomplete(folder: Path) -> str | None:
    """Name a file that is not whole, although it has its final name; None if all are whole."""
    for file in folder.rglob("*"):
        if not file.is_file() or file.name.startswith(".") or ".partial" in file.name or "cache" in file.parts:
            continue
        try:
            if file.suffix == ".pt":
                checkpoint.load(file)
            elif file.suffix in (".png", ".jpg"):
                with Image.open(file) as image:
                    image.load()
            elif file.suffix == ".json":
                json.loads(file.read_text())
            elif file.suffix == ".npy":
                np.load(file)
            elif file.suffix == ".yaml":
                assert yaml.safe_load(file.read_text())
        except Exception as error:
            return f"{file.name} is not whole: {error}"
    return None


def content(folder: Path) -> dict[str, Any]:
    """Everything in a folder that must not depend on interruptions, by name."""
    found: dict[str, Any] = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.suffix == ".pt" and not file.name.startswith("."):
            state = checkpoint.load(file)
            kept = {key: state[key] for key in ("parts", "optimisation", "random", "step", "best", "criteria")}
            found[name] = str([leaf if not torch.is_tensor(leaf) else leaf.tolist() for leaf in _leaves(kept)])
        elif file.name == "log.jsonl" or file.suffix in (".png", ".npy"):
            found[name] = file.read_bytes()
    return found


def _leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict | list | tuple):
        for value in tree.values() if isinstance(tree, dict) else tree:
            yield from _leaves(value)
    else:
        yield tree
