"""``several``: several data sets as one, such as a video and stills, or drawn streets and one's own labelled folder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from davsn.core.clip import IGNORE
from davsn.core.errors import DataError
from davsn.core.plugins import Choice, choice_of, find
from davsn.data.dataset import ClipInfo, DatasetSettings, Group, VideoDataset
from davsn.data.labels.taxonomy import Taxonomy
from davsn.data.origin import Origin

Part = Annotated[Choice, choice_of(VideoDataset)]
SetName = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]


class Several(VideoDataset):
    """Several data sets as one. The clips of the set ``mine`` are named ``mine/CLIP``.

    The class table is that of the first set with labels. Other sets may have fewer classes, or the same ones in another
    order: classes are the same if their names are. Sets without labels may be among them; they add nothing to a source.

    Args:
        config: the sets, and how often each is drawn.

    Raises:
        DataError: a set cannot be used, or it has a class that the first set with labels does not have.
    """

    class Config(DatasetSettings):
        """Settings of ``several``. What every data set can be told, such as ``size``, is set here, for all of them."""

        sets: dict[SetName, Part] = Field(min_length=1)
        """The data sets by names of your choice."""
        shares: dict[SetName, Annotated[float, Field(gt=0.0, le=1.0)]] | None = None
        """How often each set is drawn in training: name → share of the samples, 1 in all. null draws all frames
        alike."""

        @field_validator("sets")
        @classmethod
        def _say_where_they_are_alone(cls, sets: dict[str, Choice]) -> dict[str, Choice]:
            wrong = [f"{name}.{key}" for name, part in sets.items() for key in _told(part)]
            if wrong:
                raise ValueError(
                    f"all sets share these settings. Set them beside 'sets', not in a set: {', '.join(wrong)}"
                )
            return sets

        @field_validator("shares")
        @classmethod
        def _fit_the_sets(cls, shares: dict[str, float] | None, info: ValidationInfo) -> dict[str, float] | None:
            sets = info.data.get("sets")
            if shares is not None and sets is not None and shares.keys() != sets.keys():
                raise ValueError(f"should name the sets {', '.join(sets)}, but names {', '.join(shares)}")
            if shares is not None and abs(sum(shares.values()) - 1) > 1e-6:
                raise ValueError(f"should add up to 1, but add up to {sum(shares.values()):g}")
            return shares

    def __init__(self, config: DatasetSettings) -> None:
        assert isinstance(config, Several.Config)
        self.config: Several.Config = config
        parts = {name: find(VideoDataset, part.name)(part.settings) for name, part in config.sets.items()}  # type: ignore[arg-type]  # choice_of made them of its Config
        self.taxonomy = next((part.taxonomy for part in parts.values() if part.taxonomy is not None), None)
        self._labels = {name: _translation(name, part.taxonomy, self.taxonomy) for name, part in parts.items()}
        self._places = [(name, clip) for name, part in parts.items() for clip in range(len(part.clips))]
        self._parts = parts
        self.clips: Sequence[ClipInfo] = [
            replace(parts[name].clips[clip], name=f"{name}/{parts[name].clips[clip].name}")
            for name, clip in self._places
        ]
        self.damage = [damage for part in parts.values() for damage in part.damage]
        self.groups = list(self._grouped(config.shares or {}))

    def _grouped(self, shares: Mapping[str, float]) -> Iterator[Group]:
        begin = 0
        for name, part in self._parts.items() if shares else ():
            yield Group(range(begin, begin + len(part.clips)), shares[name])
            begin += len(part.clips)

    @classmethod
    def classes_of(cls, config: DatasetSettings) -> Taxonomy | None:
        """The class table of the first set, if that set's settings alone determine it."""
        assert isinstance(config, Several.Config)
        first = next(iter(config.sets.values()))
        return find(VideoDataset, first.name).classes_of(first.settings)  # type: ignore[arg-type]  # as above

    def _at(self, clip: int) -> tuple[VideoDataset, int]:
        name, own = self._places[clip]
        return self._parts[name], own

    def read_frame(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Read a frame; see :meth:`VideoDataset.read_frame`."""
        part, own = self._at(clip)
        return part.read_frame(own, position)

    def read_label(self, clip: int, position: int) -> NDArray[np.uint8]:
        """Read a label map, in the train ids of the common class table; see :meth:`VideoDataset.read_label`."""
        part, own = self._at(clip)
        return np.asarray(self._labels[self._places[clip][0]][part.read_label(own, position)])

    def resized_label(self, clip: int, position: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Read a label map at the size of training; see :meth:`VideoDataset.resized_label`."""
        part, own = self._at(clip)
        return np.asarray(self._labels[self._places[clip][0]][part.resized_label(own, position, size)])

    def file_name(self, clip: int, position: int) -> str:
        """The name that the set itself gives, below the set's own name."""
        part, own = self._at(clip)
        return f"{self._places[clip][0]}/{part.file_name(own, position)}"

    def frame_origin(self, clip: int, position: int) -> Origin | None:
        """Everything that a frame depends on; see :meth:`VideoDataset.frame_origin`."""
        part, own = self._at(clip)
        return part.frame_origin(own, position)

    def label_origin(self, clip: int, position: int) -> Origin | None:
        """Everything that a label map depends on, the common class table included."""
        part, own = self._at(clip)
        found = part.label_origin(own, position)
        return None if found is None else (*found, self._labels[self._places[clip][0]].tolist())

    def read_flow(
        self, clip: int, position: int, other: int
    ) -> tuple[NDArray[np.floating], NDArray[np.bool_] | None] | None:
        """Read the flow of the set itself; see :meth:`VideoDataset.read_flow`."""
        part, own = self._at(clip)
        return part.read_flow(own, position, other)

    def find_flow(self, clip: int, position: int, other: int) -> Path | None:
        """The file that :meth:`read_flow` reads; see :meth:`VideoDataset.find_flow`."""
        part, own = self._at(clip)
        return part.find_flow(own, position, other)

    def flow_file(self, clip: int, position: int, other: int) -> str | None:
        """The name of a file of flow in tenths of a pixel; see :meth:`VideoDataset.flow_file`."""
        part, own = self._at(clip)
        return part.flow_file(own, position, other)


def _told(part: Choice) -> Iterator[str]:
    """The settings that every data set has and that this one was told, other than a size at which it is drawn."""
    kind, plain = type(part.settings), DatasetSettings()
    for key, field in DatasetSettings.model_fields.items():
        own = kind.model_fields[key].annotation != field.annotation
        if not own and getattr(part.settings, key) != getattr(plain, key):
            yield key


def _translation(name: str, own: Taxonomy | None, common: Taxonomy | None) -> NDArray[np.uint8]:
    """(256,) lookup from a set's train ids to those of the common class table."""
    if own is None or common is None:
        return np.full(256, IGNORE, np.uint8)
    unknown = [of for of in own.names if of not in common.names]
    if unknown:
        raise DataError(
            f"has classes that the first set with labels does not have: {', '.join(unknown)}",
            name,
            f"Use its names: {', '.join(common.names)}. Or put this set first",
        )
    return common.mapping(list(enumerate(own.names)))
