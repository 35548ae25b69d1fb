"""A run's log: JSON lines that are the same however often the run was interrupted."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from davsn.core import ranks
from davsn.core.errors import DataError, TrainingError
from davsn.core.files.writing import replacing

Record = dict[str, Tensor | float]
"""The values that a step logs: scalars on the device, or numbers."""


class Log:
    """A run's log: one JSON line for each step, with the same bytes however often the run was interrupted.

    It contains nothing that differs between two runs with the same settings, such as times. Its losses are means over
    all ranks; rank 0 writes it.

    Args:
        path: the file. Lines of the first ``done`` steps are kept. Later lines come from a run that was killed, and are
            deleted.
        done: the number of steps that the restored checkpoint has done.
        also: called with every line that is written.
    """

    def __init__(self, path: Path, done: int, also: Callable[[Mapping[str, float]], None] = lambda line: None) -> None:
        self.path, self.also = path, also
        self.waiting: list[tuple[int, Record, tuple[str, ...]]] = []
        if ranks.rank() > 0:
            return
        kept = [line for line in _lines(path) if json.loads(line)["step"] < done]
        with replacing(path) as temporary:
            temporary.write_text("".join(kept), encoding="utf-8")

    def add(self, step: int, record: Record, names: tuple[str, ...]) -> None:
        """Add a step's record; nothing is copied to the host before :meth:`flush`."""
        self.waiting.append((step, record, names))

    def flush(self) -> dict[str, float]:
        """Write all waiting records.

        Returns:
            the last line; empty if there were none.

        Raises:
            TrainingError: a loss is not a finite number; the message names the step, the term and the batch.
            DataError: the disk is full.
        """
        waiting, self.waiting = self.waiting, []
        lines: list[dict[str, float]] = []
        for step, record, names in waiting:
            line = {"step": step, **_to_host(record)}
            broken = [key for key, value in line.items() if not math.isfinite(value)]
            if broken:
                names = tuple(name for each in ranks.gathered(names) for name in each)
                raise TrainingError(
                    f"step {step}: {', '.join(broken)} is not a finite number, on {', '.join(names)}. Earlier "
                    "checkpoints are good. Lower optimiser.learning_rate or the weight of that loss, or check these "
                    "files"
                )
            lines.append(line)
        if ranks.rank() == 0:
            self._write("".join(json.dumps(line) + "\n" for line in lines))
            for line in lines:
                self.also(line)
        return lines[-1] if lines else {}

    def _write(self, text: str) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:  # a line that is cut short is dropped when the run is resumed
            raise DataError(
                f"could not be written ({error.strerror or error})",
                str(self.path),
                "Free some space, then run the same command again; earlier checkpoints are unchanged",
            ) from error


def _lines(path: Path) -> Iterator[str]:
    """The complete lines of a log; a line that was cut short by a kill is left out."""
    if path.is_file():
        with path.open(encoding="utf-8") as file:
            yield from (line for line in file if line.endswith("\n"))


def _to_host(record: Record) -> dict[str, float]:
    tensors = {key: value for key, value in record.items() if isinstance(value, Tensor)}
    """The values as numbers, means over all ranks."""
    values = ranks.mean(torch.stack([tensor.float() for tensor in tensors.values()])).tolist() if tensors else []
    return {**record, **dict(zip(tensors, values, strict=True))}
