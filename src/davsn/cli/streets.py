"""``davsn streets``."""

from pathlib import Path

import davsn
from davsn.api.choices import Layout
from davsn.core.console import say


def streets_(folder: Path, *changes: str, layout: Layout = "folder") -> None:
    """Write the synthetic data set 'streets' to disk, by default as a labelled folder: frames/, labels/, classes.yaml.

    Try:

        davsn streets game

        davsn streets camera domain=camera split=val clips=4 length=60 size=[512,256]

        davsn streets varied variety=1 clips=30 length=12 size=[320,160]

        davsn streets VIPER --layout viper

    Parameters
    ----------
    folder:
        A new or empty folder.
    changes:
        Settings of 'streets', key=value: domain (game, camera or dashcam), variety (0 to 1: how much clips differ),
        classes (viper, synthia or vkitti2), split, clips, length, size, seed, gap, rate.
    layout:
        folder, or the name of a published data set, whose folders, file names and ids are used. Exact flow is then
        written too, in the flow files of that data set.
    """
    clips, length = davsn.write_streets(folder, changes, layout=layout)
    say(f"{clips} clips of {length} frames: {folder}")
