"""``davsn flow convert``."""

from pathlib import Path

import davsn
from davsn.api.choices import RECORD, Direction, FormName, Unit
from davsn.core.console import say


def convert_(
    source: Path,
    target: Path,
    *,
    to: FormName,
    form: FormName | None = None,
    direction: Direction | None = None,
    unit: Unit | None = None,
) -> None:
    """Convert flow files to another format: one file, or a whole folder tree.

    The format can be changed, but not the direction. The flow to the previous frame is not the negated flow from it,
    because the two are defined on the grids of different frames. The direction is kept; for a folder, it is recorded
    in a file beside the flow files. Values that the new format cannot store are refused. The same command resumes a
    conversion that was stopped.

    Try:

        davsn flow convert frame_0001.flo frame_0001.png --to kitti --direction previous-to-current

        davsn flow convert vkitti/Scene01/clone/frames/backwardFlow flow --form vkitti --to flo

        davsn flow convert raft.npy raft.flo --to flo --unit pixels --direction current-to-previous

        davsn flow convert Estimated_optical_flow_Viper_train viper_flow --to kitti

    Parameters
    ----------
    source:
        A flow file, or a folder; the files in it and in the folders below are converted.
    target:
        The new file, or the folder for the new tree.
    to:
        npy: int16, tenths of a pixel, as in DA-VSN's files. flo: Middlebury, Sintel. kitti: 16-bit PNG, 1/64 pixel.
        vkitti: Virtual KITTI's PNG. unifiedvideoda: kitti for a reader that takes (0, 0) for unknown. pfm: SceneFlow.
        pixels: float32 NumPy file. npz: the same in an archive, with a mask.
    form:
        The format of the source. Default: by the suffix, where a PNG is read as KITTI's.
    direction:
        The direction of the flow, required if the files do not tell it: from the current frame to the previous
        frame, or the other way.
    unit:
        The unit of the numbers in .npy and .npz files, required if they do not tell it: pixels, tenths of a pixel, or
        size: shares of the width and the height.
    """
    done = davsn.convert_flow(source, target, to=to, form=form, direction=direction, unit=unit)
    kept = f"; recorded in {RECORD}" if source.is_dir() else ""
    count = len(done.files)
    say(f"{count} flow file{'s' * (count > 1)}, {done.direction}{kept}: {target}")
