"""Where frames and label maps are in a user's folder: by the names that people and tools give to folders and files."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from davsn.core.errors import DataError
from davsn.data.images import has_pictures, natural

FRAME_FOLDERS = ("frames", "rgb", "images", "image", "imgs", "img", "img_dir", "jpegimages", "leftimg8bit")
"""Names, in lower case, of the folders of frames beside which a folder of label maps is known by its name."""
LABEL_FOLDERS = (
    *("labels", "label", "segmentationclass", "semantic_segmentation", "semantic", "semantics", "semseg"),
    *(
        "segmentation",
        "seg",
        "sem",
        "masks",
        "mask",
        "ann_dir",
        "annotations",
        "gtfine",
        "gt",
        "ground_truth",
        "labelmaps",
    ),
)
"""Names, in lower case, of the folders of label maps, the first that holds images is taken."""
_OTHER_FOLDERS = (
    *("depth", "instance", "instances", "instance_segmentation", "segmentationobject", "normals", "normal"),
    *("flow", "optical_flow", "dvs", "lidar", "overlay", "overlays"),
)
"""Names, in lower case, of other folders of images beside frames, which are no clips."""
_DEPTH = 4
"""Number of folder levels that are searched for frames."""
_FRAME_ENDS = re.compile(r"(?i)[_-](?:img|image|rgb|leftImg8bit|frame)$")
_LABEL_ENDS = re.compile(
    r"(?i)[_-](?P<kind>(?:gtFine_|gtCoarse_)?(?:labelIds|labelTrainIds|color)|gtFine|gt|masks?|labels?|seg|semseg|sem"
    r"|semantic|L)$"
)
_RAW_END = re.compile(r"(?i)[_-]raw$")
"""End of the names of label maps that CARLA's users add to tell values from colours."""
_CAMERA_WORDS = frozenset(
    {"front", "rear", "back", "left", "right", "center", "centre", "side", "camera", "cam", "raw"}
)
"""Words that tell the cameras of a recording apart, as in ``rgb_front`` and ``seg_front``, or ``CameraRGB``."""
_BEST_FIRST = ("labelids", "labeltrainids", "")
"""Which label map is taken if a frame has several; '' stands for all others but colours, which come last."""


@dataclass
class Found:
    """What a search for frames found.

    Attributes:
        folders: the folders that hold frames, in natural order.
        left_out: folders of images that are no clips, since their names say label maps or the like beside frames.
        doubts: links that lead in a circle, or twice to the same folder, as errors that are not raised.
    """

    folders: list[Path] = field(default_factory=list)
    left_out: list[Path] = field(default_factory=list)
    doubts: list[DataError] = field(default_factory=list)


def frames_folder(root: Path) -> Path | None:
    """The only folder below a root that is named like frames, if no other folder of images is a clip; else None."""
    folders = _inside(root)
    frames = [folder for folder in folders if folder.name.lower() in FRAME_FOLDERS]
    others = [
        folder for folder in folders if folder.name.lower() not in (*FRAME_FOLDERS, *LABEL_FOLDERS, *_OTHER_FOLDERS)
    ]
    if len(frames) != 1 or has_pictures(root) or any(map(_holds_pictures, others)):
        return None
    return frames[0] if _holds_pictures(frames[0]) else None


def search(folder: Path, without: set[Path | None], holds: Callable[[Path], bool] = has_pictures) -> Found:
    """Find the folders that hold frames: the folder itself, and those below it. Links are followed.

    Beside a folder that is named like frames (:data:`FRAME_FOLDERS`), folders of label maps and the like are no clips.

    Args:
        folder: where to search.
        without: folders that are left out.
        holds: whether a folder directly holds what is searched for.

    Raises:
        DataError: a folder cannot be listed.
    """
    found = Found()
    real: dict[str, Path] = {}
    for path in _walk(folder, without, (), found, holds):
        found.folders.append(path)
        true = os.path.realpath(path)
        if true in real:
            what = f"is the same folder as {real[true]}, through a link, so its frames are taken twice"
            found.doubts.append(DataError(what, str(path), "Remove the link"))
        real.setdefault(true, path)
    return found


def labels_beside(folder: Path, root: Path) -> Path | None:
    """The folder of the label maps of a folder of frames, by the names of both; None if there is none.

    The last part of the path that is named like frames is replaced by a folder beside it, as in ``rgb/a`` and
    ``seg/a``. Both may name their camera, as in ``rgb_front`` and ``seg_front``.

    Args:
        folder: the folder of frames.
        root: no part of the path above this folder is replaced.
    """
    for named in [folder, *folder.parents]:
        kind, camera = _words(named.name)
        if kind in FRAME_FOLDERS:
            beside = {
                label: path
                for path in reversed(_inside(named.parent))
                for label, of in [_words(path.name)]
                if of == camera
            }
            places = [beside[name] / folder.relative_to(named) for name in LABEL_FOLDERS if name in beside]
            return next((place for place in places if place.is_dir() and has_pictures(place)), None)
        if named == root:
            return None
    return None


def split(files: Sequence[str], raw: bool = False) -> tuple[list[str], list[str]]:
    """Split the images of one folder into frames and label maps that lie beside them, such as ``a_img`` and ``a_gt``.

    A file is a label map if its name ends like one (``_gt``, ``_mask``, ``_labelIds`` …) and a frame has the same name
    without that end.

    Args:
        files: the names of the images.
        raw: whether ``_raw`` is such an end too. Beside photos it is none.
    """

    def without(stem: str) -> str:
        return _LABEL_ENDS.sub("", _RAW_END.sub("", stem) if raw else stem)

    stems = {file: Path(file).stem for file in files}
    plain = {_key(stem) for stem in stems.values() if without(stem) == stem}
    labels = {file for file, stem in stems.items() if without(stem) != stem and without(stem) in plain}
    return [file for file in files if file not in labels], [file for file in files if file in labels]


def labels_of(frames: Sequence[str], labels: Sequence[str]) -> dict[int, str]:
    """The label map of each frame that has one: position → file name.

    A label map has the name of its frame, or both have the same name without ends such as ``_img`` and ``_gt``.

    Args:
        frames: file names of frames.
        labels: file names of label maps.
    """
    by_name: dict[str, str] = {}
    for file in sorted(labels, key=_rank, reverse=True):  # the best one is set last
        stem = Path(file).stem
        by_name[_LABEL_ENDS.sub("", _RAW_END.sub("", stem))] = file
    exact = {Path(file).stem: file for file in sorted(labels, key=_rank, reverse=True)}
    found: dict[int, str] = {}
    for position, stem in enumerate(Path(file).stem for file in frames):
        label = exact.get(stem) or by_name.get(stem) or by_name.get(_key(stem))
        if label is not None:
            found[position] = label
    return found or _by_number(frames, labels)


def _by_number(frames: Sequence[str], labels: Sequence[str]) -> dict[int, str]:
    """The label map of each frame if the names differ in all but the number at their end, as in rgb_001 and seg_001."""
    numbers, others = ([re.search(r"\d+$", Path(file).stem) for file in files] for files in (frames, labels))
    ours, theirs = ([int(match[0]) for match in found if match] for found in (numbers, others))
    if len(ours) < len(frames) or len(set(ours)) < len(ours) or sorted(ours) != sorted(theirs):
        return {}
    if len({re.sub(r"\d+$", "", Path(file).stem) for file in labels}) > 1:
        return {}
    by_number = {int(match[0]): file for match, file in zip(others, labels, strict=True) if match}
    return {position: by_number[number] for position, number in enumerate(ours)}


def numbering(clips: Mapping[str, Sequence[str]]) -> list[DataError]:
    """What the numbers in the names of frames say against neighbours: other drives, gaps, and frames far apart.

    Args:
        clips: the names of the frames of each clip, in order.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for clip, frames in clips.items():
        for kind, example in _jumps(frames):
            found.setdefault(kind, []).append((clip, example))
    remedies = {
        "have names of several drives": "Put each drive into a folder of its own",
        "leave a gap in their numbers": "Put the frames before and after a gap into folders of their own",
        "have numbers far apart": "If the frames are no neighbours in time, set stills: true and missing: repeat",
    }
    return [
        DataError(
            f"frames that are taken as neighbours {kind}: {examples[0][1]}"
            + (f" (and in {len(examples) - 1} more clips)" if len(examples) > 1 else ""),
            f"clip {examples[0][0]}",
            remedies[kind],
        )
        for kind, examples in found.items()
    ]


def _jumps(frames: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what is unusual about the numbers of one clip, each with an example."""
    parts = [re.fullmatch(r"(.*?(?<!\d))(\d{1,8})", _key(name)) for name in frames]  # longer numbers are times
    if len(frames) < 2 or None in parts:
        return
    pairs = [(match[1], int(match[2])) for match in parts if match is not None]
    changes = [index for index, (one, two) in enumerate(pairwise(pairs)) if one[0] != two[0]]
    if 0 < len(changes) <= len(frames) / 4:  # otherwise the number at the end is not the frame's
        yield "have names of several drives", f"{frames[changes[0]]} and {frames[changes[0] + 1]}"
    steps = [(two[1] - one[1], index) for index, (one, two) in enumerate(pairwise(pairs)) if one[0] == two[0]]
    if len(steps) < 2:
        return
    usual = sorted(step for step, _ in steps)[len(steps) // 2]
    widest, at = max(steps)
    if widest > max(3 * usual, 5):
        yield "leave a gap in their numbers", f"{frames[at]} and {frames[at + 1]}"
    if usual >= 10:
        yield "have numbers far apart", f"{frames[0]} and {frames[1]}"


def _words(name: str) -> tuple[str, tuple[str, ...]]:
    """What the name of a folder says: its kind in lower case, such as 'rgb', and the words that name a camera."""
    if name.lower() in (*FRAME_FOLDERS, *LABEL_FOLDERS, *_OTHER_FOLDERS):
        return name.lower(), ()
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)]
    camera = [word for word in words if word in _CAMERA_WORDS or word.isdigit()]
    return "_".join(word for word in words if word not in camera), tuple(word for word in camera if word != "raw")


def _key(stem: str) -> str:
    """The name of a frame without an end such as ``_img``."""
    return _FRAME_ENDS.sub("", stem)


def _rank(file: str) -> tuple[int, bool, str]:
    """How good a label file is, the best lowest: its kind first, then PNG before other endings."""
    match = _LABEL_ENDS.search(Path(file).stem)
    kind = match["kind"].lower().rpartition("_")[2] if match else ""
    rank = len(_BEST_FIRST) if kind == "color" else _BEST_FIRST.index(kind if kind in _BEST_FIRST else "")
    return rank, not file.lower().endswith(".png"), file


def _inside(folder: Path) -> list[Path]:
    """The folders in a folder, in natural order, without hidden ones.

    Raises:
        DataError: the folder cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            below = [Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"cannot be listed ({error.strerror})", str(folder), "Make the folder readable") from None
    return sorted(below, key=lambda path: natural(path.name))


def _holds_pictures(folder: Path, depth: int = _DEPTH) -> bool:
    """Whether a folder, or one below it, holds images."""
    return has_pictures(folder) or (depth > 0 and any(_holds_pictures(path, depth - 1) for path in _inside(folder)))


def _walk(
    folder: Path, without: set[Path | None], above: tuple[str, ...], found: Found, holds: Callable[[Path], bool]
) -> Iterator[Path]:
    """Yield a folder, if it holds what is searched for, and such folders below it."""
    if holds(folder):
        yield folder
    real = os.path.realpath(folder)
    below = _inside(folder) if len(above) < _DEPTH else []
    beside_frames = any(_words(path.name)[0] in FRAME_FOLDERS and _holds_pictures(path) for path in below)
    for path in below:
        if path in without:
            continue
        if beside_frames and _words(path.name)[0] in (*LABEL_FOLDERS, *_OTHER_FOLDERS):
            if _holds_pictures(path):
                found.left_out.append(path)
        elif os.path.realpath(path) in (*above, real):
            found.doubts.append(
                DataError("links to a folder that it is in, so it is left out", str(path), "Remove the link")
            )
        else:
            yield from _walk(path, without, (*above, real), found, holds)
