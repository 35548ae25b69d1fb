"""Conversion of flow files from one form to another: one file, or all files in a folder and below it."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from davsn.core.errors import FlowError
from davsn.flow.files.choices import Unit
from davsn.flow.files.direction import RECORD, Direction, Record, read_record, settled, told, write_record
from davsn.flow.files.io import FORMS, SUFFIXES, read_flow, write_flow
from davsn.flow.files.numbers import holds_tenths

_SHOWN = 10
"""How many files that cannot be converted are named in the error."""
_GIVE = "Give a flow file or a folder of flow files"


class Conversion:
    """A checked conversion, which can be run, or resumed.

    Args:
        source: a flow file, or a folder of flow files.
        target: the new file, or the folder for the new files. The folder gets the same tree as the source.
        to: the form of the new files.
        form: the form of the old files; None: their suffixes decide.
        direction: the direction of the flow, needed if the files do not state it.
        unit: the unit of the numbers in NumPy files, needed if they do not state it.

    Raises:
        FlowError: there is nothing to convert; the direction is unknown, or impossible in the new form; two files
            would get one new name; or the target holds files of another conversion.

    Attributes:
        files: (old, new) paths, sorted.
        direction: the direction of the flow. A conversion keeps it: the other direction must be estimated.
    """

    def __init__(
        self,
        source: Path,
        target: Path,
        to: str,
        form: str | None = None,
        direction: Direction | None = None,
        unit: Unit | None = None,
    ) -> None:
        self._target, self._to, self._form, self._unit = target, to, form, unit
        self.files = sorted(_files(source, target, to, form))
        if not self.files:
            wanted = ", ".join(SUFFIXES if form is None else [FORMS[form].suffix])
            raise FlowError(f"holds no flow files ({wanted})", str(source), _GIVE)
        self.direction = self._settled(source, direction)
        if to == "npy" and self.direction != "current-to-previous":
            raise FlowError(
                "has the direction previous-to-current, but .npy files are always read as current-to-previous",
                str(source),
                "The other direction is not this flow negated: it is defined on another frame's grid. Estimate it "
                "(davsn flow), or choose another form",
            )
        self._record = Record(direction=self.direction, form=to) if source.is_dir() else None
        self._check_target()

    def run(self) -> Iterator[int]:
        """Convert the files. A new file that exists and is not older than its source is kept.

        Yields:
            the number of files done, including those that existed before.

        Raises:
            FlowError: some files could not be converted. It names them, after all other files are converted.
            DataError: the disk is full, or the folder cannot be written to.
        """
        if self._record is not None:
            write_record(self._target, self._record)
        refused = []
        for done, (old, new) in enumerate(self.files, 1):
            if not (new.is_file() and new.stat().st_mtime_ns >= old.stat().st_mtime_ns):
                try:
                    write_flow(new, *read_flow(old, self._form, self._unit), form=self._to)
                except FlowError as error:
                    refused.append(error)
            yield done
        if refused:
            more = f"\nand {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
            listed = "\n".join(str(error) for error in refused[:_SHOWN])
            raise FlowError(f"{len(refused)} of {len(self.files)} files were not converted:\n{listed}{more}")

    def _settled(self, source: Path, given: Direction | None) -> Direction:
        """The direction of the flow; if it must be asked for, the unit is asked for with it."""
        other = [path for path, _ in self.files if not (self._form == "npy" if self._form else holds_tenths(path))]
        tenths = self._unit is None and not other
        try:
            return settled(self._telling(source), given, ["npy"] if tenths else [])
        except FlowError as error:
            if self._form is self._unit is None and any(path.suffix.lower() == ".npy" for path in other):
                error.remedy += ". Set --unit pixels, tenths or size too, since these numbers do not state their unit"
            raise

    def _telling(self, source: Path) -> Path:
        """A file whose name states the direction of all files; the source itself if the names state none."""
        by_direction = {told(path): path for path, _ in self.files}
        if len(by_direction) > 1 and None not in by_direction:
            raise FlowError(
                "holds flow in both directions",
                str(source),
                "Convert the folders, or the files, of one direction at a time",
            )
        return source if None in by_direction else next(iter(by_direction.values()))

    def _check_target(self) -> None:
        by_name = defaultdict(list)
        for old, new in self.files:
            by_name[new].append(old.name)
            if old.resolve() == new.resolve():
                raise FlowError("would replace its source", str(old), "Choose another target")
        twice = next((names for names in by_name.values() if len(names) > 1), None)
        if twice:
            raise FlowError(
                f"{' and '.join(twice)} would become the same file",
                str(self._target),
                "Choose one of their forms with --form",
            )
        if self._record is not None and (self._target / RECORD).is_file():
            before = read_record(self._target)
            if before != self._record:
                raise FlowError(
                    f"already holds {before.form} files with the direction {before.direction}",
                    str(self._target),
                    "Choose a new folder",
                )


def _files(source: Path, target: Path, to: str, form: str | None) -> Iterator[tuple[Path, Path]]:
    suffixes = SUFFIXES if form is None else (FORMS[form].suffix,)
    suffix = FORMS[to].suffix
    if source.is_dir():
        if target.resolve().is_relative_to(source.resolve()):
            raise FlowError("is inside the folder to convert", str(target), "Choose a folder outside it")
        for path in source.rglob("*"):
            if path.suffix.lower() in suffixes and path.is_file() and not path.name.startswith("."):
                yield path, (target / path.relative_to(source)).with_suffix(suffix)
    elif source.is_file():
        yield source, target / f"{source.stem}{suffix}" if target.is_dir() else target
    else:
        raise FlowError("no such file or folder", str(source), _GIVE)
