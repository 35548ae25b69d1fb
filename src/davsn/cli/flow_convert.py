"""``davsn flow convert``."""

from pathlib import Path

from davsn.api.flow import RECORD, Direction, FormName, convert_flow
from davsn.core.console import say


def convert_(
    source: Path, target: Path, *, to: FormName, form: FormName | None = None, direction: Direction | None = None
) -> None:
    """Write flow files in another form: one file, or a whole folder tree.

    A form can be changed, a direction cannot: the flow to the previous frame is not the flow from it negated, since
    both lie on different frames' grids. The direction is kept and, for a folder, recorded beside the files.
    What a form cannot hold is refused, and a conversion that was stopped goes on where it was.

    Try:

        davsn flow convert frame_0001.flo frame_0001.png --to kitti --direction previous-to-current

        davsn flow convert vkitti/Scene01/clone/frames/backwardFlow flow --form vkitti --to flo

        davsn flow convert Estimated_optical_flow_Viper_train viper_flow --to kitti

    Parameters
    ----------
    source:
        A flow file, or a folder; the files in it and in the folders below are converted.
    target:
        The new file, or the folder for the new tree.
    to:
        npy: int16, tenths of a pixel, as DA-VSN's files. flo: Middlebury, Sintel. kitti: 16-bit PNG, 1/64 pixel.
        vkitti: Virtual KITTI's PNG. unifiedvideoda: kitti for a reader that takes (0, 0) for unknown.
    form:
        What the source is; without it the suffix tells, and a PNG is KITTI's.
    direction:
        Which way the flow goes, asked for where the files do not tell: from the later frame to the one before,
        or the other way.
    """
    done = convert_flow(source, target, to=to, form=form, direction=direction)
    kept = f"; {RECORD} there says so" if source.is_dir() else ""
    count = len(done.files)
    say(f"{count} flow file{'s' * (count > 1)}, {done.direction}{kept}: {target}")
