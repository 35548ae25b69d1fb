"""Flow files from one form into another: a file, or all files of a folder and those below it."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from davsn.core.errors import FlowError
from davsn.flow.files.direction import RECORD, Direction, Record, read_record, settled, write_record
from davsn.flow.files.io import FORMS, SUFFIXES, read_flow, write_flow

_SHOWN = 10
"""Of many files that cannot be converted, this many are named."""


class Conversion:
    """A conversion that was checked and can be run, or run on.

    Args:
        source: a flow file, or a folder of them.
        target: the new file, or the folder that gets the same tree of new files.
        to: the form of the new files.
        form: that of the old ones; None goes by their suffixes.
        direction: of the flow, where the files do not tell it.

    Raises:
        FlowError: nothing to convert, a direction that is unknown or that the new form cannot have, two files of
            one new name, or a target that is of another conversion.

    Attributes:
        files: (old, new) paths, sorted.
        direction: of the flow. It stays as it is: a form can be changed, a direction only estimated anew.
    """

    def __init__(
        self, source: Path, target: Path, to: str, form: str | None = None, direction: Direction | None = None
    ) -> None:
        self._target, self._to, self._form = target, to, form
        self.files = sorted(_files(source, target, to, form))
        if not self.files:
            wanted = ", ".join(SUFFIXES if form is None else [FORMS[form].suffix])
            raise FlowError(f"holds no flow files ({wanted})", str(source), "Give a flow file, or a folder of them")
        kinds = {form or path.suffix.removeprefix(".") for path, _ in self.files}
        self.direction = settled(source, direction, kinds)
        if to == "npy" and self.direction != "current-to-previous":
            raise FlowError(
                "goes previous-to-current, and everybody reads .npy files as current-to-previous",
                str(source),
                "That flow is not this one negated, it lies on another frame's grid: estimate it (davsn flow), or "
                "choose another form",
            )
        self._record = Record(direction=self.direction, form=to) if source.is_dir() else None
        self._check_target()

    def run(self) -> Iterator[int]:
        """Convert; files that are there and not older than their source are kept.

        Yields:
            how many files are done, those that were there before among them.

        Raises:
            FlowError: names the files that could not be converted, after all others have been.
            DataError: the disk is full or the folder cannot be written to.
        """
        if self._record is not None:
            write_record(self._target, self._record)
        refused = []
        for done, (old, new) in enumerate(self.files, 1):
            if not (new.is_file() and new.stat().st_mtime_ns >= old.stat().st_mtime_ns):
                try:
                    write_flow(new, *read_flow(old, self._form), form=self._to)
                except FlowError as error:
                    refused.append(error)
            yield done
        if refused:
            more = f"\nand {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
            listed = "\n".join(str(error) for error in refused[:_SHOWN])
            raise FlowError(f"{len(refused)} of {len(self.files)} files were not converted:\n{listed}{more}")

    def _check_target(self) -> None:
        by_name = defaultdict(list)
        for old, new in self.files:
            by_name[new].append(old.name)
            if old.resolve() == new.resolve():
                raise FlowError("would replace its source", str(old), "Name another target")
        twice = next((names for names in by_name.values() if len(names) > 1), None)
        if twice:
            raise FlowError(f"{' and '.join(twice)} would be one file", str(self._target), "Say which with --form")
        if self._record is not None and (self._target / RECORD).is_file():
            before = read_record(self._target)
            if before != self._record:
                raise FlowError(
                    f"holds {before.form} files that go {before.direction}", str(self._target), "Name a new folder"
                )


def _files(source: Path, target: Path, to: str, form: str | None) -> Iterator[tuple[Path, Path]]:
    suffixes = SUFFIXES if form is None else (FORMS[form].suffix,)
    suffix = FORMS[to].suffix
    if source.is_dir():
        if target.resolve().is_relative_to(source.resolve()):
            raise FlowError("lies in the folder to convert", str(target), "Name one beside it")
        for path in source.rglob("*"):
            if path.suffix in suffixes and path.is_file() and not path.name.startswith("."):
                yield path, (target / path.relative_to(source)).with_suffix(suffix)
    elif source.is_file():
        yield source, target / f"{source.stem}{suffix}" if target.is_dir() else target
    else:
        raise FlowError("no such file or folder", str(source), "Give a flow file, or a folder of them")
